import type { Logger } from '../telemetry/logger.js';

/** A running composition of parts. */
export interface Role {
  /** Idempotent; ends within `shutdown_ms`. */
  stop(): Promise<void>;
  /** Rejects when a part has failed for good. */
  readonly failed: Promise<never>;
}

/**
 * Runs a role until SIGINT, SIGTERM or its failure, then stops it. A second signal does not wait.
 * Answers the exit code.
 */
export async function runRole(
  start: () => Promise<Role>,
  options: { log: Logger; shutdownMs: number; started?: () => void },
): Promise<number> {
  let interrupt = (): void => undefined;
  const interrupted = new Promise<'signal'>((resolve) => (interrupt = () => resolve('signal')));
  let signals = 0;
  const onSignal = (): void => {
    if (++signals > 1) process.exit(130);
    interrupt();
  };
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
  const role = await start();
  options.started?.();
  let code = 0;
  try {
    await Promise.race([interrupted, role.failed]);
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
