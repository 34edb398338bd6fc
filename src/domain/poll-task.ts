import type { CredentialRule } from './credentials.js';
import type { HealthThresholds } from './health.js';
import type { IpRange } from './ip-ranges.js';

/** Bounds of one poll of one miner. */
export interface PollLimits {
  readonly connectTimeoutMs: number;
  /** Total for all commands of a miner, ms. */
  readonly minerDeadlineMs: number;
  readonly maxReplyBytes: number;
  /** Silence that ends a complete reply on a socket kept open, ms. */
  readonly quietMs: number;
  /** Samples are handed over at least this often while a task runs, ms. */
  readonly flushMs: number;
  /** Records in one piece. */
  readonly maxBatchRows: number;
  /** A dead miner is tried at least once in so many slots. */
  readonly backoffMaxSlots: number;
  /** An address that never answered is tried once in so many slots. */
  readonly scanSlots: number;
  /** The identity is asked for again after this time, ms. */
  readonly identityMs: number;
  /** Raw replies are sent along after this time, ms, and whenever the damage changes. */
  readonly rawMs: number;
  /** Bytes of one raw reply kept. */
  readonly maxRawBytes: number;
  /** `auto` learns per miner; `never` always sends one command per connection. */
  readonly joins: 'auto' | 'never';
  /** `auto` looks at web interfaces where the CGMiner API cannot serve; absent: never. */
  readonly http?: 'auto' | 'never';
}

/** Main thread → worker: one shard in one slot. */
export interface PollTask {
  readonly shardId: string;
  /** Name of the shard's site. */
  readonly site?: string;
  readonly ranges: readonly IpRange[];
  readonly port: number;
  readonly slot: number;
  readonly intervalMs: number;
  /** Miners not begun by then are skipped, ms since the epoch: by the clock that `slot` is of. */
  readonly endMs: number;
  /** What is known of the shard's addresses (`packProfiles`), `''` at first. */
  readonly profiles: string;
  /** What another poller has learned of them since; it goes before `profiles`. */
  readonly newerProfiles?: string;
  readonly limits: PollLimits;
  readonly thresholds: HealthThresholds;
  /** Addresses left alone in this slot: a command from another process talks to them. */
  readonly held?: readonly string[];
  /** Port of web interfaces; 80 when absent. */
  readonly httpPort?: number;
  /** What web interfaces may be logged into with; nothing when absent. Secret: never logged or stored. */
  readonly credentials?: readonly CredentialRule[];
}

/**
 * Worker → main thread, through the task's port: gzip of `WireRecord`s as JSON, joined by commas
 * without brackets. The buffer is transferred.
 */
export interface PolledPiece {
  readonly rows: number;
  readonly gz: Uint8Array;
  /** When the thread began and ended gathering it, ms since the epoch. */
  readonly startMs: number;
  readonly endMs: number;
}

/** Counters of one task; the main thread registers them. */
export interface PollCounters {
  /** Known miners this slot was for: `samples + skipped`. */
  scheduled: number;
  samples: number;
  skippedBackoff: number;
  skippedDeadline: number;
  /** A command held the miner. */
  skippedCommand: number;
  /** Addresses tried that are no miner. */
  scanned: number;
  byState: Record<string, number>;
  errors: Record<string, number>;
  repairs: Record<string, number>;
  unreadable: Record<string, number>;
  /** Fingerprints of damaged and unreadable replies in this task, at most 64. */
  fingerprints: Record<string, number>;
  /** Damaged and unreadable replies by family and kind of damage, as `family damage`. */
  damaged: Record<string, number>;
  /** Poll times by family, ms. */
  latencies: Record<string, number[]>;
  connections: number;
}

/** Worker → main thread, at the end of a task. */
export interface PollOutcome {
  /** Batches posted through the task's port. */
  readonly batches: number;
  readonly counters: PollCounters;
  /** What is known of the shard's addresses now. */
  readonly profiles: string;
  readonly knownMiners: number;
}

/** What a poll thread is born with. */
export interface PollWorkerData {
  /** Sockets one thread keeps open at once. */
  readonly socketsPerThread: number;
  /** Shared counters, one per thread (by thread id modulo length): they stop when a thread is stuck. */
  readonly pulse: SharedArrayBuffer;
  readonly pulseMs: number;
  /** Of the `MinerGate` that keeps commands away from miners under poll, and polls from those under command. */
  readonly gate?: SharedArrayBuffer;
}
