import { fullJitterMs, type BackoffLimits } from './upload-backoff.js';
import type { Batch } from './spool.js';

/** A batch whose bytes are in memory. `name` is its file in the spool, `null` while it has none. */
export interface HeldBatch {
  readonly batch: Batch;
  name: string | null;
}

/** Fresh batches waiting for their upload, the newest first, bounded in bytes. */
export class LiveBuffer {
  readonly #maxBytes: number;
  #held: HeldBatch[] = [];
  #bytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  get batches(): number {
    return this.#held.length;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Answers the batches that lost their place, oldest first; one batch always stays. */
  push(held: HeldBatch): HeldBatch[] {
    this.#held.push(held);
    return this.#shed(held);
  }

  /** Back to the end of the line. */
  pushOldest(held: HeldBatch): HeldBatch[] {
    this.#held.unshift(held);
    return this.#shed(held);
  }

  peekNewest(): HeldBatch | undefined {
    return this.#held.at(-1);
  }

  takeNewest(): HeldBatch | undefined {
    const held = this.#held.pop();
    this.#bytes -= held?.batch.gz.byteLength ?? 0;
    return held;
  }

  #shed(added: HeldBatch): HeldBatch[] {
    this.#bytes += added.batch.gz.byteLength;
    let count = 0;
    while (this.#bytes > this.#maxBytes && count < this.#held.length - 1) {
      this.#bytes -= this.#held[count++]?.batch.gz.byteLength ?? 0;
    }
    return this.#held.splice(0, count);
  }
}

/**
 * Batches that failed wait behind the others, each with its own backoff, so that one batch the api
 * chokes on does not hold up the rest. Forgets the longest waiting past `limit`.
 */
export class Deferrals {
  readonly #byName = new Map<string, { failures: number; untilMs: number }>();
  readonly #limit: number;
  readonly #backoff: BackoffLimits;
  readonly #random: () => number;

  constructor(options: { limit: number; backoff: BackoffLimits; random: () => number }) {
    this.#limit = options.limit;
    this.#backoff = options.backoff;
    this.#random = options.random;
  }

  /** `nowMs` is monotonic. */
  add(name: string, nowMs: number): void {
    const failures = (this.#byName.get(name)?.failures ?? 0) + 1;
    this.#byName.delete(name);
    this.#byName.set(name, {
      failures,
      untilMs: nowMs + fullJitterMs(failures, this.#backoff, this.#random()),
    });
    const [oldest] = this.#byName.keys();
    if (this.#byName.size > this.#limit && oldest !== undefined) this.#byName.delete(oldest);
  }

  delete(name: string): void {
    this.#byName.delete(name);
  }

  isDeferred(name: string, nowMs: number): boolean {
    return (this.#byName.get(name)?.untilMs ?? 0) > nowMs;
  }

  /** When the next one's wait is over, monotonic ms; `null` when none waits. */
  nextMs(nowMs: number): number | null {
    let next: number | null = null;
    for (const { untilMs } of this.#byName.values()) {
      if (untilMs > nowMs && (next === null || untilMs < next)) next = untilMs;
    }
    return next;
  }
}
