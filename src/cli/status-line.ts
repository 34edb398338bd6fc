import type { Role } from './run-role.js';

/** A role that can say in one line how it does. */
export interface Watchable extends Role {
  status(): string;
}

const everyMs = 1_000;

/** On a terminal, keeps one live line of status on stderr; elsewhere does nothing. */
export function showStatus(role: Watchable): Role {
  if (!process.stderr.isTTY) return role;
  const draw = (): void => {
    const width = process.stderr.columns || 80;
    process.stderr.write(`\r\u001b[2K${role.status().slice(0, width - 1)}`);
  };
  const timer = setInterval(draw, everyMs);
  draw();
  return {
    failed: role.failed,
    async stop() {
      clearInterval(timer);
      process.stderr.write('\r\u001b[2Kstopping …\n');
      await role.stop();
    },
  };
}
