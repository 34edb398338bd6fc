import { Queue, Worker } from 'bullmq';
import { Redis } from 'ioredis';
import { AppError } from '../domain/errors.js';
import { heldMiners, holdMiner, type HoldBounds } from './miner-hold.js';
import { withShardLock } from './shard-lock.js';
import {
  jobId,
  type ConsumeOptions,
  type Consumer,
  type JobHandler,
  type SlotJob,
  type WorkQueue,
} from './work-queue.js';

export interface RedisQueueOptions {
  /** `redis://` or `rediss://`, with the password in it. */
  readonly url: string;
  /** Jobs that may wait in one zone. */
  readonly maxWaiting: number;
  /** How long a finished job's id is remembered, to tell duplicates, s. */
  readonly rememberS: number;
  /** Bound of one call to Redis, ms. */
  readonly deadlineMs: number;
  readonly onHandlerError: (error: unknown, job: SlotJob | null) => void;
}

/** A worker that died is noticed within this time, ms: short, for a slot job takes seconds. */
const lockDurationMs = 15_000;
const stalledIntervalMs = 5_000;
/** The count of waiting jobs is asked for at most this often, ms. */
const countAgeMs = 250;

interface Zone {
  readonly queue: Queue<SlotJob>;
  count: number;
  countedAt: number;
}

/** The work queue over Redis (BullMQ): pollers on any machine share a zone's jobs. */
export class RedisQueue implements WorkQueue {
  readonly #options: RedisQueueOptions;
  readonly #zones = new Map<string, Zone>();
  readonly #consumers = new Set<Consumer>();
  readonly #producer: Redis;

  private constructor(options: RedisQueueOptions) {
    this.#options = options;
    this.#producer = new Redis(options.url, {
      maxRetriesPerRequest: 1,
      enableOfflineQueue: false,
      lazyConnect: true,
      commandTimeout: options.deadlineMs,
      retryStrategy: (times) => Math.min(2_000, 50 * 2 ** times),
    });
    this.#producer.on('error', (error) => options.onHandlerError(error, null));
  }

  /** @throws AppError QUEUE_UNAVAILABLE when Redis does not answer, CONFIG_INVALID when it may evict jobs. */
  static async open(options: RedisQueueOptions): Promise<RedisQueue> {
    const queue = new RedisQueue(options);
    try {
      await queue.#producer.connect();
      const [, policy] = await queue.#producer.config('GET', 'maxmemory-policy');
      if (policy !== undefined && policy !== 'noeviction') {
        throw new AppError(
          'CONFIG_INVALID',
          `Redis: maxmemory-policy is "${policy}"; set it to "noeviction", or jobs vanish`,
        );
      }
    } catch (error) {
      queue.#producer.disconnect();
      throw error instanceof AppError ? error : unavailable(error);
    }
    return queue;
  }

  async add(job: SlotJob): Promise<boolean> {
    const zone = this.#zone(job.shard.zone);
    try {
      if (Date.now() - zone.countedAt > countAgeMs) {
        zone.count = await zone.queue.getWaitingCount();
        zone.countedAt = Date.now();
      }
      if (zone.count >= this.#options.maxWaiting) return false;
      zone.count++;
      await zone.queue.add('slot', job, { jobId: jobId(job) });
      return true;
    } catch (error) {
      throw unavailable(error);
    }
  }

  consume(options: ConsumeOptions, handler: JobHandler): Consumer {
    const abortJobs = new AbortController();
    const worker = new Worker<SlotJob>(
      queueName(options.zone),
      async (job) => {
        try {
          const run = async (): Promise<void> =>
            handler(job.data, abortJobs.signal, await heldMiners(this.#producer, job.data.shard.id));
          if (!(await withShardLock(this.#producer, job.data.shard, run))) options.onBusy(job.data);
        } catch (error) {
          this.#options.onHandlerError(error, job.data);
        }
      },
      {
        connection: { url: this.#options.url, maxRetriesPerRequest: null },
        concurrency: options.concurrency,
        lockDuration: lockDurationMs,
        stalledInterval: stalledIntervalMs,
        maxStalledCount: 1,
        drainDelay: 5,
        removeOnComplete: { age: this.#options.rememberS },
        removeOnFail: { age: this.#options.rememberS },
      },
    );
    worker.on('error', (error) => this.#options.onHandlerError(error, null));
    const consumer: Consumer = {
      stop: async ({ deadlineMs }) => {
        const timer = setTimeout(() => {
          abortJobs.abort();
          void worker.close(true).catch(() => undefined);
        }, deadlineMs);
        await worker.close().catch((error: unknown) => this.#options.onHandlerError(error, null));
        clearTimeout(timer);
        this.#consumers.delete(consumer);
      },
    };
    this.#consumers.add(consumer);
    return consumer;
  }

  async waiting(zone: string): Promise<number> {
    try {
      return await this.#zone(zone).queue.getWaitingCount();
    } catch (error) {
      throw unavailable(error);
    }
  }

  /** Keeps pollers of any process from a miner until the answered function is called, or `holdMs` are over. */
  hold(
    shard: { readonly id: string },
    ip: string,
    bounds: HoldBounds,
  ): Promise<(() => Promise<void>) | null> {
    return holdMiner(this.#producer, shard.id, ip, bounds);
  }

  async ping(): Promise<void> {
    try {
      await this.#producer.ping();
    } catch (error) {
      throw unavailable(error);
    }
  }

  async close(): Promise<void> {
    await Promise.all([...this.#consumers].map((consumer) => consumer.stop({ deadlineMs: 0 })));
    await Promise.allSettled([...this.#zones.values()].map(({ queue }) => queue.close()));
    this.#producer.disconnect();
  }

  #zone(name: string): Zone {
    let zone = this.#zones.get(name);
    if (!zone) {
      const queue = new Queue<SlotJob>(queueName(name), {
        connection: this.#producer,
        defaultJobOptions: {
          attempts: 1,
          removeOnComplete: { age: this.#options.rememberS },
          removeOnFail: { age: this.#options.rememberS },
        },
      });
      queue.on('error', (error) => this.#options.onHandlerError(error, null));
      zone = { queue, count: 0, countedAt: 0 };
      this.#zones.set(name, zone);
    }
    return zone;
  }
}

function queueName(zone: string): string {
  return `headframe-${zone}`;
}

function unavailable(cause: unknown): AppError {
  const why = cause instanceof Error ? cause.message : String(cause);
  return new AppError('QUEUE_UNAVAILABLE', `Redis did not answer: ${why}`, { cause });
}
