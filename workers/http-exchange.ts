import { Client, errors } from 'undici';
import type { PollErrorClass } from '../src/domain/telemetry.js';
import { classify } from './tcp-exchange.js';

export interface HttpExchangeOptions {
  readonly host: string;
  readonly port: number;
  readonly method: string;
  /** Path and query. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | null;
  readonly connectTimeoutMs: number;
  /** Milliseconds left for the whole exchange. */
  readonly deadlineMs: number;
  readonly maxReplyBytes: number;
}

type Headers = Readonly<Record<string, string | string[] | undefined>>;

/**
 * What one request gave: an answer of whatever status, its body cut short by `cut` where that is not
 * null; or none.
 */
export type HttpResult =
  | {
      readonly kind: 'answer';
      readonly status: number;
      readonly headers: Headers;
      readonly bytes: Buffer;
      readonly cut: PollErrorClass | null;
    }
  | {
      readonly kind: 'failed';
      readonly errorClass: PollErrorClass;
      readonly hasConnected: boolean;
      /** The device closed in good order, without a word. */
      readonly isClosed?: true;
    };

/** Largest header block taken, bytes. */
const maxHeaderBytes = 32_768;

/**
 * One request, one answer, one connection, closed afterwards: miners serve few clients. Redirects are
 * given back, not followed. Never rejects, and ends within the deadline.
 */
export async function httpExchange(options: HttpExchangeOptions): Promise<HttpResult> {
  // Its own timers tick in half seconds; the deadlines here are kept by ours.
  const client = new Client(`http://${options.host}:${options.port}`, {
    connect: { timeout: 0 },
    headersTimeout: 0,
    bodyTimeout: 0,
    maxHeaderSize: maxHeaderBytes,
    pipelining: 1,
  });
  let hasConnected = false;
  let ended: PollErrorClass | null = null;
  const end = (errorClass: PollErrorClass): void => {
    ended ??= errorClass;
    void client.destroy().catch(() => undefined);
  };
  const connecting = setTimeout(
    () => end('connect_timeout'),
    Math.min(options.connectTimeoutMs, options.deadlineMs),
  );
  const total = setTimeout(() => end(hasConnected ? 'deadline' : 'connect_timeout'), options.deadlineMs);
  client.on('connect', () => {
    hasConnected = true;
    clearTimeout(connecting);
  });
  try {
    const answer = await client.request({
      method: options.method,
      path: options.path,
      headers: options.headers,
      body: options.body,
      reset: true,
    });
    const { bytes, cut } = await readBody(answer.body, options.maxReplyBytes);
    return {
      kind: 'answer',
      status: answer.statusCode,
      headers: answer.headers,
      bytes,
      cut: cut === null ? null : (ended ?? cut),
    };
  } catch (error) {
    const errorClass = ended ?? classOf(error, hasConnected);
    const isClosed = ended === null && hasConnected && isEndOfStream(error);
    return { kind: 'failed', errorClass, hasConnected, ...(isClosed ? { isClosed } : {}) };
  } finally {
    clearTimeout(connecting);
    clearTimeout(total);
    void client.destroy().catch(() => undefined);
  }
}

async function readBody(
  body: AsyncIterable<Buffer>,
  maxBytes: number,
): Promise<{ bytes: Buffer; cut: PollErrorClass | null }> {
  const chunks: Buffer[] = [];
  let length = 0;
  try {
    for await (const chunk of body) {
      const room = maxBytes - length;
      chunks.push(chunk.length > room ? chunk.subarray(0, room) : chunk);
      if (chunk.length > room) return { bytes: Buffer.concat(chunks), cut: 'too_large' };
      length += chunk.length;
    }
  } catch {
    return { bytes: Buffer.concat(chunks), cut: 'reset' };
  }
  return { bytes: Buffer.concat(chunks), cut: null };
}

/** True for the end of the stream where an answer was due; a reset has a code of its own. */
function isEndOfStream(error: unknown): boolean {
  return error instanceof errors.SocketError && error.message === 'other side closed';
}

/** An answer that is no HTTP is an `http_error`, a connection that is dropped a `reset`. */
function classOf(error: unknown, hasConnected: boolean): PollErrorClass {
  const code = (error as NodeJS.ErrnoException).code ?? '';
  if (code === 'UND_ERR_SOCKET') return 'reset';
  if (/^(?:HPE_|UND_ERR_)/.test(code)) return 'http_error';
  const errorClass = classify(error as NodeJS.ErrnoException);
  return errorClass === 'internal' && hasConnected ? 'http_error' : errorClass;
}
