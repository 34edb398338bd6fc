import type { Config } from '../config/schema.js';
import type { Logger } from '../telemetry/logger.js';

/** A running composition of parts. */
export interface Role {
  /** Idempotent; ends within `shutdown_ms`. */
  stop(): Promise<void>;
  /** Rejects when a part has failed for good. */
  readonly failed: Promise<never>;
  /** Takes over what may change while it runs; throws, and nothing has changed, for settings that are wrong. */
  reload?(config: Config): void;
}

/**
 * Runs a role until SIGINT, SIGTERM, the end of its terminal, or its failure, then stops it. A second
 * signal does not wait. Without a terminal SIGHUP has it take over settings that `reread` reads. Answers the exit code.
 */
export async function runRole(
  start: () => Promise<Role>,
  options: { log: Logger; shutdownMs: number; reread?: () => Config },
): Promise<number> {
  const signals = countSignals();
  let role: Role;
  try {
    role = await start();
  } catch (error) {
    // Ctrl-C reaches every process of a terminal: what the start was waiting for may have ended by it.
    if (signals.count() > 0) return 0;
    throw error;
  }
  const { reread, log } = options;
  if (reread && role.reload && !process.stderr.isTTY) process.on('SIGHUP', () => reload(role, reread, log));
  let code = 0;
  try {
    await Promise.race([signals.first, role.failed]);
  } catch (err) {
    options.log.fatal({ err }, 'a part failed for good; ending so that a supervisor may restart the process');
    code = 1;
  }
  const overdue = setTimeout(() => {
    options.log.error({ shutdownMs: options.shutdownMs }, 'shutdown took too long');
    process.exit(1);
  }, options.shutdownMs + 2_000);
  await role.stop();
  clearTimeout(overdue);
  return code;
}

function reload(role: Role, reread: () => Config, log: Logger): void {
  try {
    role.reload?.(reread());
    log.info('settings were read again');
  } catch (err) {
    log.error({ err }, 'settings were not taken over; what was in force stays');
  }
}

/** A hangup ends it on a terminal only: elsewhere `nohup` may have asked that it be ignored. */
function countSignals(): { count(): number; first: Promise<void> } {
  let signals = 0;
  const first = new Promise<void>((resolve) => {
    const onSignal = (): void => {
      if (++signals > 1) process.exit(130);
      resolve();
    };
    process.on('SIGINT', onSignal);
    process.on('SIGTERM', onSignal);
    if (process.stderr.isTTY) process.on('SIGHUP', onSignal);
  });
  return { count: () => signals, first };
}
