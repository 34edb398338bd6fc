import { Pool } from 'undici';
import { z } from 'zod';
import { parseRetryAfterMs } from '../domain/retry-after.js';
import { firstOf, parseJson, readCapped } from './api-answer.js';
import { errnoOf } from './spool-file.js';

export interface UploadClientOptions {
  /** Full address of the upload endpoint, http or https. */
  readonly url: string;
  /** Seconds between the slots when one was polled, sent along with its batch; null when that is not known. */
  readonly intervalOf?: (slotMs: number) => number | null;
  /** Kept-alive connections at most. */
  readonly connections: number;
  readonly connectTimeoutMs?: number;
  /** From the first byte sent to the last byte of the answer. */
  readonly deadlineMs?: number;
  /** An answer longer than this cannot be read. */
  readonly maxAnswerBytes?: number;
  readonly now?: () => number;
}

export interface RejectedUploadRow {
  readonly index: number;
  readonly reason: string;
}

/** Why a batch is kept and sent again. Bounded: it is logged and counted. */
export type RetryReason = 'network' | 'deadline' | 'status' | 'unreadable_answer' | 'not_success';

/**
 * What an answer means for the batch.
 *
 * - `acked`: committed; the counts are `null` when the api does not tell them.
 * - `retry`: keep and back off; `status` is `null` without an answer.
 * - `split`: 413.
 * - `quarantine`: 400, 422.
 * - `key_refused`: 401, 403.
 */
export type UploadOutcome =
  | {
      readonly kind: 'acked';
      readonly isDuplicateBatch: boolean;
      readonly stored: number | null;
      readonly duplicate: number | null;
      readonly rejected: readonly RejectedUploadRow[];
    }
  | {
      readonly kind: 'retry';
      readonly reason: RetryReason;
      readonly status: number | null;
      readonly retryAfterMs: number | null;
      readonly detail: string;
    }
  | { readonly kind: 'split' }
  | { readonly kind: 'quarantine'; readonly status: number }
  | { readonly kind: 'key_refused'; readonly status: number };

const count = z.number().int().nonnegative();

/** Unknown fields are ignored and missing counts tolerated: the api may be older or newer than this edge. */
const answerSchema = z.object({
  success: z.literal(true),
  duplicate: z.boolean().catch(false),
  data: z
    .object({
      stored: count.nullable().catch(null),
      duplicate: count.nullable().catch(null),
      rejected: z.array(z.object({ index: count, reason: z.string().max(64).catch('UNKNOWN') })).catch([]),
    })
    .catch({ stored: null, duplicate: null, rejected: [] }),
});

/** Reads a status and body as faults.md's table of answers has it. `retryAfter` is the header. */
export function classifyAnswer(
  status: number,
  retryAfter: string | null,
  body: string | null,
  nowMs: number,
): UploadOutcome {
  if (status === 413) return { kind: 'split' };
  if (status === 400 || status === 422) return { kind: 'quarantine', status };
  if (status === 401 || status === 403) return { kind: 'key_refused', status };
  const retryAfterMs = parseRetryAfterMs(retryAfter, nowMs);
  const retry = (reason: RetryReason): UploadOutcome => ({
    kind: 'retry',
    reason,
    status,
    retryAfterMs,
    detail: `status ${status}`,
  });
  if (status < 200 || status > 299) return retry('status');
  const json = parseJson(body);
  if (json === undefined) return retry('unreadable_answer');
  const answer = answerSchema.safeParse(json);
  if (!answer.success) return retry('not_success');
  const { duplicate: isDuplicateBatch, data } = answer.data;
  return { kind: 'acked', isDuplicateBatch, ...data };
}

/** Posts batches over a few kept-alive connections. Never throws: what happened is the outcome. */
export class UploadClient {
  readonly #pool: Pool;
  readonly #path: string;
  readonly #intervalOf: (slotMs: number) => number | null;
  readonly #deadlineMs: number;
  readonly #maxAnswerBytes: number;
  readonly #now: () => number;

  constructor(options: UploadClientOptions) {
    const url = new URL(options.url);
    this.#path = url.pathname + url.search;
    this.#intervalOf = options.intervalOf ?? (() => null);
    this.#deadlineMs = options.deadlineMs ?? 30_000;
    this.#maxAnswerBytes = options.maxAnswerBytes ?? 1024 * 1024;
    this.#now = options.now ?? Date.now;
    this.#pool = new Pool(url.origin, {
      connections: options.connections,
      pipelining: 1,
      connect: { timeout: options.connectTimeoutMs ?? 5_000 },
      headersTimeout: this.#deadlineMs,
      bodyTimeout: this.#deadlineMs,
    });
  }

  /** `body` is gzip of a JSON array, `trace` headers of the trace it is part of. `signal` gives up early. */
  async postBatch(request: {
    key: string;
    batchId: string;
    /** First slot of the batch, ms since the epoch. */
    slotMs: number;
    body: Uint8Array;
    signal: AbortSignal;
    trace?: Readonly<Record<string, string>>;
  }): Promise<UploadOutcome> {
    const intervalS = this.#intervalOf(request.slotMs);
    const abort = new AbortController();
    const giveUp = (): void => abort.abort();
    const timer = setTimeout(giveUp, this.#deadlineMs);
    request.signal.addEventListener('abort', giveUp, { once: true });
    if (request.signal.aborted) giveUp();
    try {
      const answer = await this.#pool.request({
        path: this.#path,
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          'content-encoding': 'gzip',
          'x-collector-key': request.key,
          'x-batch-id': request.batchId,
          ...(intervalS !== null && { 'x-poll-interval': String(intervalS) }),
          ...request.trace,
        },
        body: request.body,
        signal: abort.signal,
      });
      const body = await readCapped(answer.body, this.#maxAnswerBytes);
      return classifyAnswer(answer.statusCode, firstOf(answer.headers['retry-after']), body, this.#now());
    } catch (error) {
      const reason = abort.signal.aborted ? 'deadline' : 'network';
      const detail = errnoOf(error) || (error instanceof Error ? error.name : 'unknown');
      return { kind: 'retry', reason, status: null, retryAfterMs: null, detail };
    } finally {
      clearTimeout(timer);
      request.signal.removeEventListener('abort', giveUp);
    }
  }

  /** Closes every connection, also those in use. */
  close(): Promise<void> {
    return this.#pool.destroy();
  }
}
