import { pino, type DestinationStream, type Logger } from 'pino';
import { traceIds } from './tracing.js';

export type { Logger } from 'pino';

export const logLevels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;
export type LogLevel = (typeof logLevels)[number];

/**
 * The one root logger: JSON lines on stderr, or to `destination`, with the ids of the trace where there is one. Pass children with bound ids into
 * constructors.
 */
export function createLogger(level: LogLevel, destination: DestinationStream | null = null): Logger {
  return pino(
    { level, base: null, timestamp: pino.stdTimeFunctions.isoTime, mixin: traceIds },
    destination ?? pino.destination({ fd: 2, sync: true }),
  );
}
