import { AppError } from '../domain/errors.js';
import type { Metrics } from '../telemetry/metrics.js';
import type { SharedStore } from './deps.js';

/** How one read is remembered. */
export interface ReadPlan {
  /** Names the read and its parameters; one key is always of one type. */
  readonly key: string;
  /** An answer this young is as good as a new one, ms. */
  readonly freshMs: number;
  /** An answer this young is given when the database does not answer, ms. 0: it is not kept at all. */
  readonly keepMs: number;
  /** Other instances may use it too. */
  readonly isShared?: boolean;
  /** How many small answers it is as large as. Default 1. */
  readonly weight?: number;
}

/** An answer, and how old it is, ms. */
export interface Cached<T> {
  readonly value: T;
  readonly ageMs: number;
  /** The database did not answer; this is what it said before. */
  readonly isStale: boolean;
}

interface Kept {
  readonly value: unknown;
  /** When it was loaded, ms since the epoch. */
  readonly atMs: number;
  readonly keepMs: number;
  readonly weight: number;
}

/** Longer ones are not worth moving to Redis and back, characters. */
const maxSharedLength = 1_048_576;

/**
 * Answers of reads, shared: while one is being loaded everyone waits for the same load. A fresh one is
 * given as it is; an older one, up to its lifetime, only when the database is away or too slow. Failures
 * are not kept. The oldest go when those kept weigh more than `maxWeight`. With a shared store instances use each other's answers;
 * the store being away costs nothing but that.
 */
export class ReadCache {
  readonly #options: {
    readonly maxWeight: number;
    readonly now: () => number;
    readonly metrics: Metrics;
    readonly shared: SharedStore | null;
  };
  readonly #kept = new Map<string, Kept>();
  #weight = 0;
  readonly #loading = new Map<string, Promise<Cached<unknown>>>();

  constructor(options: {
    maxWeight: number;
    now: () => number;
    metrics: Metrics;
    shared: SharedStore | null;
  }) {
    this.#options = options;
  }

  async get<T>(plan: ReadPlan, load: () => Promise<T>): Promise<Cached<T>> {
    const kept = this.#young(this.#kept.get(plan.key), plan.freshMs);
    if (kept !== null) return this.#answer<T>('memory', kept);
    const running = this.#loading.get(plan.key);
    if (running !== undefined) return (await running) as Cached<T>;
    const loading = this.#load(plan, load);
    this.#loading.set(plan.key, loading);
    try {
      return await loading;
    } finally {
      this.#loading.delete(plan.key);
    }
  }

  async #load<T>(plan: ReadPlan, load: () => Promise<T>): Promise<Cached<T>> {
    const { shared, now } = this.#options;
    const hasShared = shared !== null && plan.isShared === true;
    const theirs = hasShared ? await this.#readShared(shared, plan) : null;
    const young = this.#young(theirs, plan.freshMs);
    if (young !== null) {
      this.#keep(plan.key, young);
      return this.#answer<T>('redis', young);
    }
    try {
      const value = await load();
      const kept = { value, atMs: now(), keepMs: plan.keepMs, weight: plan.weight ?? 1 };
      this.#keep(plan.key, kept);
      if (hasShared && value !== null) void this.#writeShared(shared, plan, kept);
      return this.#answer<T>('database', kept);
    } catch (error) {
      if (!(error instanceof AppError) || error.code !== 'DATABASE_UNAVAILABLE') throw error;
      const own = this.#young(this.#kept.get(plan.key), plan.keepMs);
      const old = newest(own, this.#young(theirs, plan.keepMs));
      if (old === null) throw error;
      return this.#answer<T>('stale', old);
    }
  }

  #answer<T>(source: 'memory' | 'redis' | 'database' | 'stale', { value, atMs }: Kept): Cached<T> {
    this.#options.metrics.add('headframe_reads_total', 1, { source });
    const ageMs = Math.max(0, this.#options.now() - atMs);
    return { value: value as T, ageMs, isStale: source === 'stale' };
  }

  /** A clock set back makes an answer look as if from the future: then it is not young. */
  #young(kept: Kept | null | undefined, forMs: number): Kept | null {
    if (kept == null) return null;
    const ageMs = this.#options.now() - kept.atMs;
    return ageMs >= 0 && ageMs < forMs ? kept : null;
  }

  #keep(key: string, kept: Kept): void {
    this.#forget(key);
    if (kept.keepMs > 0) {
      this.#kept.set(key, kept);
      this.#weight += kept.weight;
    }
    for (const [oldest, { atMs, keepMs }] of this.#kept) {
      if (this.#weight <= this.#options.maxWeight && this.#options.now() - atMs < keepMs) break;
      this.#forget(oldest);
    }
  }

  #forget(key: string): void {
    this.#weight -= this.#kept.get(key)?.weight ?? 0;
    this.#kept.delete(key);
  }

  async #readShared(shared: SharedStore, plan: ReadPlan): Promise<Kept | null> {
    const text = await shared.read(plan.key);
    if (text === null) return null;
    try {
      const { atMs, value } = JSON.parse(text) as { atMs: unknown; value: unknown };
      if (typeof atMs !== 'number' || value === undefined) return null;
      return { atMs, value, keepMs: plan.keepMs, weight: plan.weight ?? 1 };
    } catch {
      return null;
    }
  }

  async #writeShared(shared: SharedStore, plan: ReadPlan, { atMs, value }: Kept): Promise<void> {
    const text = JSON.stringify({ atMs, value });
    if (text.length <= maxSharedLength) await shared.write(plan.key, text, plan.keepMs);
  }
}

function newest(a: Kept | null, b: Kept | null): Kept | null {
  if (a === null || b === null) return a ?? b;
  return a.atMs >= b.atMs ? a : b;
}
