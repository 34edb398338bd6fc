import { Pool } from 'undici';
import { joinSignals } from '../actor/join-signals.js';
import { parseRetryAfterMs } from '../domain/retry-after.js';
import { firstOf, readCapped } from './api-answer.js';
import { errnoOf } from './spool-file.js';
import { retryWaitMs, type BackoffLimits } from './upload-backoff.js';

export interface CollectorHttpOptions {
  /** Base URL of the api. */
  readonly apiUrl: string;
  readonly key: () => string;
  /** Of connecting, ms. */
  readonly connectTimeoutMs: number;
  /** Requests at once. */
  readonly connections: number;
  readonly maxAnswerBytes?: number;
  /** A clock that nobody sets, ms. */
  readonly nowMs: () => number;
}

export interface CollectorRequest {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly body?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly deadlineMs: number;
  /** Gives up early. */
  readonly signal: AbortSignal;
}

/** What the api answered. */
export interface CollectorAnswer {
  readonly status: number;
  readonly retryAfterMs: number | null;
  /** When the api wrote it, by its own clock. */
  readonly date: string | null;
  readonly tag: string | null;
  readonly askedMs: number;
  readonly arrivedMs: number;
  readonly body: string | null;
}

/** There may be an answer, or a better one, later. */
export interface Retry {
  readonly kind: 'retry';
  readonly retryAfterMs: number | null;
  readonly detail: string;
}

/**
 * What a request came to. `refused`: the key is not taken. `absent`: this api does not know what was asked. `retry`:
 * anything that may be otherwise later.
 */
export type CollectorFault =
  { readonly kind: 'refused'; readonly status: number } | { readonly kind: 'absent' } | Retry;

/** Asks the api with a collector's key over connections of its own: uploads never delay it. Never throws. */
export class CollectorHttp {
  readonly #options: CollectorHttpOptions;
  readonly #pool: Pool;
  readonly #base: string;

  constructor(options: CollectorHttpOptions) {
    this.#options = options;
    const url = new URL('/api/collector', options.apiUrl);
    this.#base = url.pathname;
    this.#pool = new Pool(url.origin, {
      connections: options.connections,
      pipelining: 1,
      connect: { timeout: options.connectTimeoutMs },
      headersTimeout: 0,
      bodyTimeout: 0,
    });
  }

  /** `path` is below `/api/collector`. */
  async ask(request: CollectorRequest): Promise<CollectorAnswer | Retry> {
    const { method, path, body = null, headers = {}, deadlineMs, signal } = request;
    const { signal: over, end } = joinSignals([signal], deadlineMs);
    const askedMs = this.#options.nowMs();
    try {
      const answer = await this.#pool.request({
        path: this.#base + path,
        method,
        headers: {
          'x-collector-key': this.#options.key(),
          ...(body === null ? {} : { 'content-type': 'application/json' }),
          ...headers,
        },
        body,
        signal: over,
      });
      const text = await readCapped(answer.body, this.#options.maxAnswerBytes ?? 1_048_576);
      return {
        status: answer.statusCode,
        retryAfterMs: parseRetryAfterMs(firstOf(answer.headers['retry-after']), Date.now()),
        date: firstOf(answer.headers.date),
        tag: firstOf(answer.headers.etag),
        askedMs,
        arrivedMs: this.#options.nowMs(),
        body: text,
      };
    } catch (error) {
      const detail = over.aborted ? 'deadline' : errnoOf(error) || (error as Error).name;
      return { kind: 'retry', retryAfterMs: null, detail };
    } finally {
      end();
    }
  }

  /** Closes every connection, also those in use. */
  close(): Promise<void> {
    return this.#pool.destroy();
  }
}

/** What an answer that is no 2xx says; null for a 2xx. */
export function faultOf({ status, retryAfterMs }: CollectorAnswer): CollectorFault | null {
  if (status >= 200 && status <= 299) return null;
  if (status === 401 || status === 403) return { kind: 'refused', status };
  return { kind: 'retry', retryAfterMs, detail: `status ${status}` };
}

/** An api that does not know what was asked is asked again after this, ms. */
const absentMs = 300_000;

/** How long to leave the api alone after a fault, the `failures`th in a row, ms. */
export function waitAfter(
  fault: CollectorFault,
  failures: number,
  { backoff, random }: { readonly backoff: BackoffLimits; readonly random: () => number },
): number {
  switch (fault.kind) {
    case 'refused':
      return backoff.keyRetryMs;
    case 'absent':
      return absentMs;
    case 'retry':
      return retryWaitMs(failures, fault.retryAfterMs, backoff, random);
  }
}
