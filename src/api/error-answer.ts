import type { ErrorRequestHandler } from 'express';
import { AppError, errorTable, type ErrorCode } from '../domain/errors.js';
import { requestIdOf } from './audit.js';
import type { Logger } from '../telemetry/logger.js';

const defaultRetryAfterS = 5;

/** The one error middleware: an `AppError` by its code, anything else 500 without details, logged. */
export function createErrorAnswer(log: Logger): ErrorRequestHandler {
  return function answerError(error: unknown, request, response, next) {
    if (response.headersSent) return next(error);
    const { code, message, status, retryAfterS } = toAnswer(error);
    if (status >= 500)
      log.warn(
        { err: error, code, method: request.method, path: request.path, requestId: requestIdOf(response) },
        'request failed',
      );
    if (errorTable[code].isRetryable && (status === 429 || status === 503)) {
      response.set('Retry-After', String(retryAfterS ?? defaultRetryAfterS));
    }
    // A sender that waits for "100 Continue" may or may not send its body now: the next bytes mean nothing.
    const isWaiting = request.headers.expect !== undefined && !request.complete;
    if (code === 'BODY_TIMEOUT' || code === 'DRAINING' || isWaiting) response.set('Connection', 'close');
    response.status(status).json({ success: false, error: message, code });
  };
}

interface Answer {
  readonly code: ErrorCode;
  readonly message: string;
  readonly status: number;
  readonly retryAfterS: number | null;
}

function toAnswer(error: unknown): Answer {
  if (error instanceof AppError && error.status !== null) {
    const { code, message, status, retryAfterS } = error;
    return status < 500 || error.isRetryable
      ? { code, message: code === 'INTERNAL' ? internal.message : message, status, retryAfterS }
      : internal;
  }
  return isClientError(error)
    ? { code: 'REQUEST_INVALID', message: 'The request cannot be read', status: 400, retryAfterS: null }
    : internal;
}

const internal: Answer = { code: 'INTERNAL', message: 'Internal error', status: 500, retryAfterS: null };

/** Express itself rejects what it cannot read, such as a path with a broken escape, with a 4xx `status`. */
function isClientError(error: unknown): boolean {
  const status = error instanceof Error && 'status' in error ? error.status : null;
  return typeof status === 'number' && status >= 400 && status < 500;
}
