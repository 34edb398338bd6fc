import { AppError } from '../domain/errors.js';

/** What a failed call says about the connection it ran on. */
export type FailureKind =
  /** The connection, or the server behind it, is gone: replace the pool. */
  | 'connection'
  /** The server answered, but could not serve now: try again later on the same pool. */
  | 'busy'
  /** The rows are at fault: SQLSTATE classes 22 and 23, and 54 (a limit of the server). */
  | 'data'
  /** A fault of the statement or of the program. */
  | 'other';

const connectionCodes = new Set([
  'CONNECTION_CLOSED',
  'CONNECTION_ENDED',
  'CONNECTION_DESTROYED',
  'CONNECT_TIMEOUT',
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'ENOTFOUND',
  'EAI_AGAIN',
  'ENOENT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENETDOWN',
  'ECONNABORTED',
]);

/** 57P01–57P05 shutdown, crash, starting, dropped, idle; 25006 a standby; 28 and 3D000 refuse the connection. */
const connectionStates = /^(08|57P0|25006|28|3D000)/;
/** 40 rollbacks (deadlock, serialisation), 53 resources, 55P03 lock timeout, 57014 cancelled, 58 system, XX corruption. */
const busyStates = /^(40|53|55P03|57014|58|XX)/;
const dataStates = /^(22|23|54)/;

/** Sorts an error of postgres.js or of a socket by its code, never by its text. */
export function classifyFailure(error: unknown): FailureKind {
  const code = errorCode(error);
  if (code === null) return 'other';
  if (connectionCodes.has(code) || connectionStates.test(code)) return 'connection';
  if (busyStates.test(code)) return 'busy';
  return dataStates.test(code) ? 'data' : 'other';
}

/** The error's `code` (SQLSTATE, errno name or postgres.js's own), or null. */
export function errorCode(error: unknown): string | null {
  const code: unknown = error instanceof Error ? (error as { code?: unknown }).code : undefined;
  return typeof code === 'string' ? code : null;
}

/** `DATABASE_UNAVAILABLE`: retryable, and nothing is lost by retrying. */
export function unavailable(message: string, cause?: unknown): AppError {
  return new AppError('DATABASE_UNAVAILABLE', message, { cause, retryAfterS: 2 });
}
