import type { IncomingMessage } from 'node:http';
import { AppError } from '../domain/errors.js';
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
    request.on('error', onClose).on('close', onClose).on('end', onEnd).on('data', onData);
  });
}

/** What a gzip body announces to become, bytes (its trailer, modulo 2³², not to be trusted), else 0. */
export function announcedBytes(body: Uint8Array): number {
  if (body.byteLength < 18 || body[0] !== 0x1f || body[1] !== 0x8b) return 0;
  return new DataView(body.buffer, body.byteOffset).getUint32(body.byteLength - 4, true);
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
