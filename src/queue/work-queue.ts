import type { Shard } from '../domain/shards.js';

/** One shard polled in one slot. Plain data, no secrets: it may travel through Redis. */
export interface SlotJob {
  readonly shard: Shard;
  /** Begin of the slot, ms since the epoch. */
  readonly slot: number;
  /** W3C `traceparent` of the span that added it; absent while nothing is traced. */
  readonly trace?: string;
}

/** `${shard}_${slot}`: adding a job twice, from anywhere, is adding it once. */
export function jobId(job: SlotJob): string {
  return `${job.shard.id}_${job.slot}`;
}

/** Addresses of a shard that commands elsewhere talk to; they are left alone. */
export interface HeldMiners {
  /** When the shard was taken. */
  readonly addresses: readonly string[];
  /** Those that are held now: while the shard is polled none comes to them. All of them when the queue does not answer. */
  still(): Promise<readonly string[]>;
}

export const noneHeld: HeldMiners = { addresses: [], still: () => Promise.resolve([]) };

export type JobHandler = (job: SlotJob, signal: AbortSignal, held: HeldMiners) => Promise<void>;

/** `overload`: more is to be done than can be, and other shards have waited longer. */
export type DropReason = 'overrun' | 'overload' | 'queue_unavailable';

export interface ConsumeOptions {
  readonly zone: string;
  /** Jobs handled at once by this consumer. */
  readonly concurrency: number;
  /** Told of a job that will not be handled: another of its shard was still running, others go before it, or the queue did not answer. */
  readonly onDropped: (job: SlotJob, reason: DropReason) => void;
}

export interface Consumer {
  /** Takes no more jobs; resolves when those taken are finished, or at the deadline (they are aborted then). */
  stop(options: { deadlineMs: number }): Promise<void>;
}

/**
 * The port between coordinators and pollers. One queue per reachability zone; bounded; a job is handed
 * to exactly one handler, at most once; two jobs of one shard never run at the same time, whoever takes
 * them, for a miner bears one connection; a handler's failure never blocks the queue; results never pass
 * through it. Adapters: `MemoryQueue`, `RedisQueue`; one contract suite runs over both.
 */
export interface WorkQueue {
  /**
   * False when the queue is full: the job is dropped and the caller counts it. A known id is accepted
   * and ignored. May throw AppError QUEUE_UNAVAILABLE.
   */
  add(job: SlotJob): Promise<boolean>;
  consume(options: ConsumeOptions, handler: JobHandler): Consumer;
  /** Jobs waiting in a zone. */
  waiting(zone: string): Promise<number>;
  /** Resolves when the queue answers; throws QUEUE_UNAVAILABLE otherwise. */
  ping(): Promise<void>;
  close(): Promise<void>;
}
