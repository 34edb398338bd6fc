import type { Logger } from '../telemetry/logger.js';
import type { Metrics } from '../telemetry/metrics.js';
import type { DeliveryLedger } from './delivery-ledger.js';
import type { Spool } from './spool.js';
import { defaultBackoffLimits, type BackoffLimits } from './upload-backoff.js';
import type { UploadClient } from './upload-client.js';
import { defaultMergeLimits, type MergeLimits } from './upload-merge.js';

export interface UploaderOptions {
  readonly spool: Spool;
  readonly client: Pick<UploadClient, 'postBatch' | 'close'>;
  readonly ledger: DeliveryLedger;
  readonly metrics: Metrics;
  readonly log: Logger;
  /** Read at every request, so that a rotated key needs no restart. */
  readonly key: () => string;
  /** Requests at once; the backlog leaves one of them to fresh batches. At most 32. */
  readonly concurrency?: number;
  /** Bytes of fresh batches kept in memory. */
  readonly liveBufferBytes?: number;
  /** Offered batches that may wait for the disk. */
  readonly inboxBatches?: number;
  /** Batches written to disk at once. */
  readonly writeConcurrency?: number;
  readonly maxInflatedBytes?: number;
  readonly maxKeptRejectsPerMinute?: number;
  /** Failed batches whose own backoff is remembered. */
  readonly maxDeferred?: number;
  /** Between two rounds of the spool's housekeeping, ms. */
  readonly tendMs?: number;
  readonly backoff?: BackoffLimits;
  /** Of requests that carry several batches. */
  readonly merge?: MergeLimits;
  readonly random?: () => number;
  /** Wall clock, ms since the epoch. */
  readonly now?: () => number;
  /** Monotonic clock, ms. */
  readonly monotonicMs?: () => number;
  /** The disk writer failed more often than its restart budget allows. */
  readonly onEscalate: (error: unknown) => void;
}

/** What an uploader does when nothing else is said. */
export const defaultUploaderOptions = {
  concurrency: 4,
  liveBufferBytes: 16 * 1024 * 1024,
  inboxBatches: 64,
  writeConcurrency: 4,
  maxInflatedBytes: 64 * 1024 * 1024,
  maxKeptRejectsPerMinute: 60,
  maxDeferred: 1_000,
  tendMs: 5_000,
  backoff: defaultBackoffLimits,
  merge: defaultMergeLimits,
  random: Math.random,
  now: Date.now,
  monotonicMs: () => performance.now(),
};
