export interface BackoffLimits {
  /** Shortest wait, ms. */
  readonly minMs: number;
  /** Longest wait, ms. */
  readonly maxMs: number;
  /** Longest `Retry-After` that is honoured, ms. */
  readonly maxRetryAfterMs: number;
  /** Wait between two tries while the key is refused, ms. */
  readonly keyRetryMs: number;
}

export const defaultBackoffLimits: BackoffLimits = {
  minMs: 1_000,
  maxMs: 60_000,
  maxRetryAfterMs: 300_000,
  keyRetryMs: 60_000,
};

/** Full jitter: anything from `minMs` to the ceiling, which doubles with each failure up to `maxMs`. */
export function fullJitterMs(failures: number, limits: BackoffLimits, random: number): number {
  const ceiling = Math.min(limits.maxMs, limits.minMs * 2 ** Math.min(Math.max(failures, 0), 30));
  return limits.minMs + random * (ceiling - limits.minMs);
}

/**
 * What to wait after so many failures in a row: full jitter, or what the api asked for within its bound,
 * spread by up to a quarter so that many edges do not return together.
 */
export function retryWaitMs(
  failures: number,
  retryAfterMs: number | null,
  limits: BackoffLimits,
  random: () => number,
): number {
  const jitteredMs = fullJitterMs(failures, limits, random());
  if (retryAfterMs === null) return jitteredMs;
  const askedMs = Math.min(retryAfterMs, limits.maxRetryAfterMs);
  return Math.max(limits.minMs, askedMs * (1 + random() / 4));
}

/**
 * Whether the api is worth a request now; one for all uploads of an uploader.
 *
 * States: `open` → `failing` (a retryable failure) → `open` (any definite answer);
 * any → `refused` (401/403) → `open` (any definite answer). Outside `open` one request at a time
 * may probe, once the wait is over. Times are monotonic ms.
 */
export class UploadGate {
  readonly #limits: BackoffLimits;
  readonly #random: () => number;
  #state: 'open' | 'failing' | 'refused' = 'open';
  #failures = 0;
  #untilMs = 0;
  #epoch = 0;

  constructor(limits: BackoffLimits, random: () => number) {
    this.#limits = limits;
    this.#random = random;
  }

  get state(): 'open' | 'failing' | 'refused' {
    return this.#state;
  }

  /** Hand this to the outcome of a request that starts now. */
  get epoch(): number {
    return this.#epoch;
  }

  /** When a probe may start, monotonic ms; 0 while open. */
  get untilMs(): number {
    return this.#state === 'open' ? 0 : this.#untilMs;
  }

  /** Requests that may run at once, of at most `concurrency`. */
  allowed(nowMs: number, concurrency: number): number {
    if (this.#state === 'open') return concurrency;
    return nowMs >= this.#untilMs ? 1 : 0;
  }

  /** The api gave a definite answer. */
  succeed(): void {
    if (this.#state !== 'open') this.#epoch++;
    this.#state = 'open';
    this.#failures = 0;
  }

  /** Requests that started before the last failure do not lengthen the wait again. */
  fail(epoch: number, nowMs: number, retryAfterMs: number | null): void {
    if (epoch !== this.#epoch) return;
    this.#epoch++;
    this.#failures++;
    if (this.#state === 'open') this.#state = 'failing';
    const waitMs = retryWaitMs(this.#failures, retryAfterMs, this.#limits, this.#random);
    const leastMs = this.#state === 'refused' ? this.#limits.keyRetryMs : 0;
    this.#untilMs = nowMs + Math.max(leastMs, waitMs);
  }

  /** The key was refused. */
  refuse(nowMs: number): void {
    this.#state = 'refused';
    this.#epoch++;
    this.#untilMs = nowMs + this.#limits.keyRetryMs;
  }
}
