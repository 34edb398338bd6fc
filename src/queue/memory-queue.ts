import { keepNewest } from '../domain/keep-newest.js';
import { givesWay } from '../domain/slots.js';
import { Fifo } from '../actor/fifo.js';
import { untilDeadline } from '../actor/within.js';
import {
  jobId,
  noneHeld,
  type ConsumeOptions,
  type Consumer,
  type JobHandler,
  type SlotJob,
  type WorkQueue,
} from './work-queue.js';

export interface MemoryQueueOptions {
  /** Jobs that may wait in one zone. */
  readonly maxWaiting: number;
  /** How many recent job ids are remembered per zone, to tell duplicates. */
  readonly rememberIds: number | (() => number);
  readonly onHandlerError: (error: unknown, job: SlotJob) => void;
}

interface Zone {
  readonly jobs: Fifo<SlotJob>;
  readonly ids: Set<string>;
  readonly waiters: Set<() => void>;
  /** The slot each shard was handled in last. */
  readonly done: Map<string, number>;
  /** Shards with a job running. */
  readonly busy: Set<string>;
}

/** The work queue inside one process. */
export class MemoryQueue implements WorkQueue {
  readonly #options: MemoryQueueOptions;
  readonly #zones = new Map<string, Zone>();
  readonly #consumers = new Set<Consumer>();

  constructor(options: MemoryQueueOptions) {
    this.#options = options;
  }

  async add(job: SlotJob): Promise<boolean> {
    const zone = this.#zone(job.shard.zone);
    const id = jobId(job);
    if (zone.ids.has(id)) return true;
    if (zone.jobs.length >= this.#options.maxWaiting) return false;
    zone.ids.add(id);
    keepNewest(zone.ids, this.#remembered());
    zone.jobs.push(job);
    for (const wake of zone.waiters) {
      wake();
      break;
    }
    return true;
  }

  consume(options: ConsumeOptions, handler: JobHandler): Consumer {
    const zone = this.#zone(options.zone);
    const stopTaking = new AbortController();
    const abortJobs = new AbortController();
    const loops = Array.from({ length: options.concurrency }, () =>
      this.#loop(zone, options, handler, stopTaking.signal, abortJobs.signal),
    );
    const consumer: Consumer = {
      stop: async ({ deadlineMs }) => {
        stopTaking.abort();
        for (const wake of [...zone.waiters]) wake();
        await untilDeadline(Promise.all(loops), deadlineMs, abortJobs);
        this.#consumers.delete(consumer);
      },
    };
    this.#consumers.add(consumer);
    return consumer;
  }

  async waiting(zone: string): Promise<number> {
    return this.#zone(zone).jobs.length;
  }

  async ping(): Promise<void> {}

  async close(): Promise<void> {
    await Promise.all([...this.#consumers].map((consumer) => consumer.stop({ deadlineMs: 0 })));
    for (const zone of this.#zones.values()) zone.jobs.clear();
  }

  async #loop(
    zone: Zone,
    options: ConsumeOptions,
    handler: JobHandler,
    stopping: AbortSignal,
    aborted: AbortSignal,
  ): Promise<void> {
    while (!stopping.aborted) {
      const job = zone.jobs.shift();
      if (job === undefined) {
        await new Promise<void>((resolve) => {
          const wake = (): void => {
            zone.waiters.delete(wake);
            resolve();
          };
          zone.waiters.add(wake);
        });
        continue;
      }
      if (zone.busy.has(job.shard.id)) {
        options.onDropped(job, 'overrun');
        continue;
      }
      const doneSlot = zone.done.get(job.shard.id);
      if (zone.jobs.length > 0 && doneSlot !== undefined && givesWay(job.slot, doneSlot, Date.now())) {
        options.onDropped(job, 'overload');
        continue;
      }
      zone.busy.add(job.shard.id);
      try {
        await handler(job, aborted, noneHeld);
      } catch (error) {
        this.#options.onHandlerError(error, job);
      } finally {
        zone.busy.delete(job.shard.id);
        zone.done.delete(job.shard.id);
        zone.done.set(job.shard.id, job.slot);
        keepNewest(zone.done, this.#remembered());
      }
    }
  }

  #remembered(): number {
    const { rememberIds } = this.#options;
    return typeof rememberIds === 'number' ? rememberIds : rememberIds();
  }

  #zone(name: string): Zone {
    let zone = this.#zones.get(name);
    if (!zone) {
      zone = { jobs: new Fifo(), ids: new Set(), waiters: new Set(), done: new Map(), busy: new Set() };
      this.#zones.set(name, zone);
    }
    return zone;
  }
}
