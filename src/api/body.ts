import type { IncomingMessage } from 'node:http';
import { AppError } from '../domain/errors.js';
import { announcedBytes, isGzip } from '../domain/read-upload.js';
import type { Lease } from './byte-budget.js';

export interface BodyLimits {
  readonly maxBytes: number;
  readonly timeoutMs: number;
}

/** The declared length, bytes; null for a chunked body. Over `maxBytes` it throws `BODY_TOO_LARGE`. */
export function declaredLength(request: IncomingMessage, maxBytes: number): number | null {
  const header = request.headers['content-length'];
  if (header === undefined) return null;
  const bytes = Number(header);
  if (bytes > maxBytes) throw tooLarge(maxBytes);
  return bytes;
}

/**
 * Reads a body as it comes off the wire into memory of its own, which can be transferred to a thread.
 * Rejects with `BODY_TOO_LARGE`, `BODY_TIMEOUT`, `OVERLOADED` (the lease has no room) or
 * `REQUEST_INVALID` (the sender went away).
 */
export function readBody(request: IncomingMessage, lease: Lease, limits: BodyLimits): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let total = 0;
    const settle = (error: AppError | null): void => {
      clearTimeout(timer);
      request.off('data', onData).off('end', onEnd).off('close', onClose).off('error', onClose);
      if (error === null) resolve(join(chunks, total));
      else reject(error);
    };
    const onData = (chunk: Buffer): void => {
      total += chunk.length;
      if (total > limits.maxBytes) settle(tooLarge(limits.maxBytes));
      else if (total > lease.bytes && !lease.tryResize(total)) settle(overloaded());
      else chunks.push(chunk);
    };
    const onEnd = (): void => settle(null);
    const onClose = (): void => settle(new AppError('REQUEST_INVALID', 'The body was cut'));
    const onTimeout = (): void => settle(new AppError('BODY_TIMEOUT', 'The body did not arrive in time'));
    const timer = setTimeout(onTimeout, limits.timeoutMs);
    // Who has gone by now closes no more.
    if (request.destroyed) return onClose();
    request.on('error', onClose).on('close', onClose).on('end', onEnd).on('data', onData);
  });
}

/**
 * A guess of what a body takes in memory once inflated, bytes. The trailer of a gzip body tells its
 * length unless the body is cut or lies: what telemetry never compresses to is not believed.
 */
export function estimateInflatedBytes(body: Uint8Array, maxBytes: number): number {
  if (!isGzip(body)) return 0;
  const announced = announcedBytes(body);
  const isPlausible = announced <= body.byteLength * 100;
  return Math.min(isPlausible ? announced : body.byteLength * 20, maxBytes);
}

/** The answer when uploads hold too much memory. */
export function overloaded(): AppError {
  return new AppError('OVERLOADED', 'Too many uploads at once', { retryAfterS: 1 });
}

function tooLarge(maxBytes: number): AppError {
  return new AppError('BODY_TOO_LARGE', `Body is over ${maxBytes} bytes`);
}

/** Not `Buffer.concat`: a small result would share its memory with other buffers. */
function join(chunks: readonly Buffer[], total: number): Uint8Array {
  const body = new Uint8Array(total);
  let at = 0;
  for (const chunk of chunks) {
    body.set(chunk, at);
    at += chunk.length;
  }
  return body;
}
