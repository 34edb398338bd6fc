import { Pool } from 'undici';
import type { Heartbeat } from '../../domain/heartbeat.js';
import { parseRetryAfterMs } from '../../domain/retry-after.js';
import { firstOf, readCapped } from '../api-answer.js';
import { errnoOf } from '../spool-file.js';

/**
 * What became of a heartbeat. `refused`: the key is not taken. `absent`: this api knows no heartbeats. `too_large`:
 * it takes shorter ones. `dropped`: there was no answer, or one that may be otherwise next time.
 */
export type HeartbeatOutcome =
  | { readonly kind: 'sent' }
  | { readonly kind: 'refused' | 'absent' | 'too_large' }
  | { readonly kind: 'dropped'; readonly detail: string; readonly retryAfterMs: number | null };

const maxAnswerBytes = 64 * 1024;

/** Sends heartbeats over a connection of its own: it delays no upload, and no upload delays it. Never throws. */
export class HeartbeatClient {
  readonly #pool: Pool;
  readonly #path: string;

  constructor(options: { readonly apiUrl: string; readonly deadlineMs: number }) {
    const url = new URL('/api/collector/heartbeat', options.apiUrl);
    this.#path = url.pathname;
    this.#pool = new Pool(url.origin, {
      connections: 4,
      pipelining: 1,
      connect: { timeout: options.deadlineMs },
    });
  }

  /** Sends one within `deadlineMs`; it is not sent again. */
  async send(key: string, beat: Heartbeat, deadlineMs: number): Promise<HeartbeatOutcome> {
    const signal = AbortSignal.timeout(deadlineMs);
    try {
      const answer = await this.#pool.request({
        path: this.#path,
        method: 'POST',
        headers: { 'content-type': 'application/json', 'x-collector-key': key },
        body: JSON.stringify(beat),
        signal,
      });
      await readCapped(answer.body, maxAnswerBytes);
      const { statusCode: status } = answer;
      if (status >= 200 && status < 300) return { kind: 'sent' };
      if (status === 401 || status === 403) return { kind: 'refused' };
      if (status === 404 || status === 405) return { kind: 'absent' };
      if (status === 413) return { kind: 'too_large' };
      const retryAfterMs = parseRetryAfterMs(firstOf(answer.headers['retry-after']), Date.now());
      return { kind: 'dropped', detail: `status ${status}`, retryAfterMs };
    } catch (error) {
      const detail = signal.aborted ? 'deadline' : errnoOf(error) || (error as Error).name;
      return { kind: 'dropped', detail, retryAfterMs: null };
    }
  }

  /** Closes every connection, also those in use. */
  close(): Promise<void> {
    return this.#pool.destroy();
  }
}
