import { Queue, Worker } from 'bullmq';
import type { Redis } from 'ioredis';
import { untilDeadline, within } from '../actor/within.js';
import { AppError } from '../domain/errors.js';
import type { RedisTarget } from '../domain/redis-target.js';
import { holdMiner, type HoldBounds } from './miner-hold.js';
import { checkEviction, connectProducer, workerConnection } from './redis-connections.js';
import { withShardLock } from './shard-lock.js';
import { RedisProfiles, type SharedProfiles, type SharedProfilesOptions } from './shared-profiles.js';
import {
  jobId,
  type ConsumeOptions,
  type Consumer,
  type HeldMiners,
  type JobHandler,
  type SlotJob,
  type WorkQueue,
} from './work-queue.js';

export interface RedisQueueOptions extends RedisTarget {
  /** Jobs that may wait in one zone. */
  readonly maxWaiting: number;
  /** How long a finished job's id is remembered, to tell duplicates, s. */
  readonly rememberS: number;
  /** Bound of one call to Redis, ms. */
  readonly deadlineMs: number;
  readonly onHandlerError: (error: unknown, job: SlotJob | null) => void;
  /** Redis refuses to tell its configuration; `isSafe` when it told otherwise that it throws no jobs away. */
  readonly onConfigRefused: (isSafe: boolean) => void;
}

/** A worker that died is noticed within this time, ms: short, for a slot job takes seconds. */
const lockDurationMs = 15_000;
const stalledIntervalMs = 5_000;
/** A worker waits so long for a job before it looks again, s, and so long after a lost connection, ms. */
const drainDelayS = 2;
const retryDelayMs = 250;
/** Events of a zone that Redis keeps: nothing reads them. */
const maxEvents = 100;
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
  /** Shards that this process polls now, and the slot of each. */
  readonly #running = new Map<string, number>();
  readonly #producer: Redis;

  private constructor(options: RedisQueueOptions) {
    this.#options = options;
    this.#producer = connectProducer(options, options.deadlineMs);
    this.#producer.on('error', (error) => options.onHandlerError(error, null));
  }

  /** @throws AppError QUEUE_UNAVAILABLE when Redis does not answer, CONFIG_INVALID when it may evict jobs. */
  static async open(options: RedisQueueOptions): Promise<RedisQueue> {
    const queue = new RedisQueue(options);
    // What a failed attempt to connect answers does not say why; this does.
    let reason: Error | undefined;
    queue.#producer.once('error', (error) => (reason = error));
    try {
      await queue.#producer.connect();
      const told = await checkEviction(queue.#producer);
      if (told !== 'config') options.onConfigRefused(told === 'info');
    } catch (error) {
      queue.#producer.disconnect();
      throw error instanceof AppError ? error : unavailable(reason ?? error);
    }
    return queue;
  }

  async add(job: SlotJob): Promise<boolean> {
    const zone = this.#zone(job.shard.zone);
    if (Date.now() - zone.countedAt > countAgeMs) {
      zone.countedAt = Date.now();
      zone.count = await this.#answered(zone.queue.getWaitingCount());
    }
    if (zone.count >= this.#options.maxWaiting) return false;
    zone.count++;
    await this.#answered(zone.queue.add('slot', job, { jobId: jobId(job) }));
    return true;
  }

  consume(options: ConsumeOptions, handler: JobHandler): Consumer {
    const abortJobs = new AbortController();
    const worker = new Worker<SlotJob>(
      queueName(options.zone),
      (job) => this.#handle(job.data, options, (held) => handler(job.data, abortJobs.signal, held)),
      {
        connection: workerConnection(this.#options, this.#options.deadlineMs),
        concurrency: options.concurrency,
        lockDuration: lockDurationMs,
        stalledInterval: stalledIntervalMs,
        maxStalledCount: 1,
        drainDelay: drainDelayS,
        runRetryDelay: retryDelayMs,
        removeOnComplete: { age: this.#options.rememberS },
        removeOnFail: { age: this.#options.rememberS },
      },
    );
    worker.on('error', (error) => this.#options.onHandlerError(error, null));
    const consumer: Consumer = {
      stop: async ({ deadlineMs }) => {
        // It waits for its jobs, and for Redis to hear of them, however long that takes.
        const closed = worker.close().catch((error: unknown) => this.#options.onHandlerError(error, null));
        await untilDeadline(closed, deadlineMs, abortJobs);
        this.#consumers.delete(consumer);
      },
    };
    this.#consumers.add(consumer);
    return consumer;
  }

  async waiting(zone: string): Promise<number> {
    return this.#answered(this.#zone(zone).queue.getWaitingCount());
  }

  /** What pollers of this queue have learned. */
  profiles(options: SharedProfilesOptions): SharedProfiles {
    return new RedisProfiles(this.#producer, options);
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
    await this.#answered(this.#producer.ping());
  }

  async close(): Promise<void> {
    await Promise.all([...this.#consumers].map((consumer) => consumer.stop({ deadlineMs: 0 })));
    await Promise.allSettled([...this.#zones.values()].map(({ queue }) => queue.close()));
    this.#producer.disconnect();
  }

  async #handle(
    job: SlotJob,
    { onDropped, zone }: ConsumeOptions,
    work: (held: HeldMiners) => Promise<void>,
  ): Promise<void> {
    const { id } = job.shard;
    const waitKey = this.#zone(zone).queue.toKey('wait');
    const running = this.#running.get(id);
    // A job that Redis took for lost comes again while it runs.
    if (running === job.slot) return;
    if (running !== undefined) return onDropped(job, 'overrun');
    this.#running.set(id, job.slot);
    try {
      const outcome = await withShardLock(this.#producer, job, waitKey, work);
      if (outcome === 'busy') onDropped(job, 'overrun');
      if (outcome === 'yielded') onDropped(job, 'overload');
      if (outcome === 'unavailable') onDropped(job, 'queue_unavailable');
    } catch (error) {
      this.#options.onHandlerError(error, job);
    } finally {
      this.#running.delete(id);
    }
  }

  /** @throws AppError QUEUE_UNAVAILABLE in place of any other error, and when the deadline passes. */
  async #answered<T>(call: Promise<T>): Promise<T> {
    const { deadlineMs } = this.#options;
    try {
      // A queue that was never connected would wait for its connection without end.
      return await within(call, 2 * deadlineMs, () => new Error(`nothing within ${2 * deadlineMs} ms`));
    } catch (error) {
      throw unavailable(error);
    }
  }

  #zone(name: string): Zone {
    let zone = this.#zones.get(name);
    if (!zone) {
      const queue = new Queue<SlotJob>(queueName(name), {
        connection: this.#producer,
        // What it would ask the server once, and keep for good if it got no answer, no queue needs.
        skipVersionCheck: true,
        streams: { events: { maxLen: maxEvents } },
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
