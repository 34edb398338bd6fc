import { Redis } from 'ioredis';
import { reconnectMs, tlsOf, type RedisTarget } from '../domain/redis-target.js';
import type { Logger } from '../telemetry/logger.js';
import type { Metrics } from '../telemetry/metrics.js';

export interface RedisStoreOptions extends RedisTarget {
  /** Bound of one call, ms: short, since every use has something else to fall back on. */
  readonly deadlineMs: number;
  /** After a failure Redis is left alone for so long, ms. */
  readonly pauseMs?: number;
  readonly log: Logger;
  readonly metrics: Metrics;
}

/**
 * Redis where it only saves work: cached answers and counters shared by instances. Every call ends
 * within the deadline, answers null when Redis is away and is counted. States: up → paused (a call
 * failed: calls answer null at once) → up (the pause is over).
 */
export class RedisStore {
  readonly #redis: Redis;
  readonly #options: RedisStoreOptions;
  #pausedUntil = 0;

  /** Connects in the background. */
  constructor(options: RedisStoreOptions) {
    this.#options = options;
    this.#redis = new Redis(options.url, {
      ...tlsOf(options),
      maxRetriesPerRequest: 0,
      enableOfflineQueue: false,
      connectTimeout: 2_000,
      commandTimeout: options.deadlineMs,
      retryStrategy: reconnectMs,
    });
    this.#redis.on('error', (err) => options.log.debug({ err }, 'redis of caches failed'));
  }

  /** The text under a key, or null. */
  async read(key: string): Promise<string | null> {
    return await this.#try('read', () => this.#redis.get(key));
  }

  /** Keeps a text for `ttlMs`. */
  async write(key: string, text: string, ttlMs: number): Promise<void> {
    await this.#try('write', () => this.#redis.set(key, text, 'PX', ttlMs));
  }

  /** Counts one more in a window that begins with its first; null when Redis is away. */
  async count(key: string, windowMs: number): Promise<{ count: number; leftMs: number } | null> {
    return await this.#try('count', async () => {
      const replies = await this.#redis.multi().incr(key).pexpire(key, windowMs, 'NX').pttl(key).exec();
      const [count, , leftMs] = (replies ?? []).map(([error, value]) => {
        if (error !== null) throw error;
        return Number(value);
      });
      return count === undefined || leftMs === undefined ? null : { count, leftMs: Math.max(0, leftMs) };
    });
  }

  /** Lets go of the connection. */
  close(): void {
    this.#redis.disconnect();
  }

  async #try<T>(use: string, call: () => Promise<T>): Promise<T | null> {
    // Not yet connected is no failure: nothing was waited for.
    if (this.#redis.status !== 'ready' || performance.now() < this.#pausedUntil) {
      this.#options.metrics.add('headframe_redis_misses_total', 1, { use });
      return null;
    }
    try {
      return await call();
    } catch (err) {
      this.#pausedUntil = performance.now() + (this.#options.pauseMs ?? 2_000);
      this.#options.metrics.add('headframe_redis_misses_total', 1, { use });
      this.#options.log.debug({ err, use }, 'redis did not answer');
      // A connection that lost an answer may be half-open, and would be for many minutes: a new one.
      if (this.#redis.status === 'ready') this.#redis.disconnect(true);
      return null;
    }
  }
}
