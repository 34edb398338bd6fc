import { workerFile } from '../../../src/config/paths.js';
import { defaultHealthThresholds } from '../../../src/domain/health.js';
import { addressesOf, formatIp, parseRanges } from '../../../src/domain/ip-ranges.js';
import type { PollLimits, PollTask } from '../../../src/domain/poll-task.js';
import { planShards, type Shard } from '../../../src/domain/shards.js';
import { unpackProfiles } from '../../../src/miner/profile.js';
import { PollPool } from '../../../src/poller/poll-pool.js';
import { createLogger } from '../../../src/telemetry/logger.js';
import { pollMiner } from '../../../workers/miner-session.js';
import type { BareMiner } from '../bare-poll-worker.js';

/** Sockets one thread keeps open at once: the program's default, for the bare loop too. */
export const socketsPerThread = 256;

const tasksPerThread = 32;
const intervalMs = 10_000;
/** A pass of the whole farm takes as long as it takes. */
const passDeadlineMs = 600_000;
const log = createLogger('warn');

/** The program's defaults (`headframe doctor` prints them). */
export const defaultLimits: PollLimits = {
  connectTimeoutMs: 2_000,
  minerDeadlineMs: 5_000,
  maxReplyBytes: 1_048_576,
  quietMs: 200,
  flushMs: 1_000,
  maxBatchRows: 5_000,
  backoffMaxSlots: 10,
  scanSlots: 30,
  identityMs: 3_600_000,
  rawMs: 3_600_000,
  maxRawBytes: 16_384,
  joins: 'auto',
};

/** The range expressions of `count` simulated miners from `base` (a.b.0.1) on; last octets 0 and 255 are none. */
export function rangesOf(base: string, count: number): string[] {
  const [a, b] = base.split('.').map(Number);
  const full = Math.floor(count / 254);
  const block = (index: number, last: number): string => {
    const second = (b ?? 0) + Math.floor(index / 256);
    return `${a}.${second}.${index % 256}.1-${last}`;
  };
  const ranges = Array.from({ length: full }, (_, index) => block(index, 254));
  return count % 254 === 0 ? ranges : [...ranges, block(full, count % 254)];
}

/** Threads as the poller runs them. */
export function createPool(threads: number): PollPool {
  return new PollPool({
    workerFile: workerFile('poll-worker'),
    threads,
    socketsPerThread,
    tasksPerThread,
    maxQueue: 100_000,
    maxHeapMb: 192,
    stuckMs: 30_000,
    log,
  });
}

/** What one pass over the farm brought. */
export interface Pass {
  readonly rows: number;
  readonly replies: number;
  readonly gzipBytes: number;
  /** Rows not `mining`, of a farm without faults: 0 unless something is wrong. */
  readonly unhealthy: number;
}

/** A simulated farm as the poller sees it: its shards, and what was learned of them so far. */
export class Farm {
  readonly shards: readonly Shard[];
  readonly #limits: PollLimits;
  readonly #profiles = new Map<string, string>();
  #slot = Math.floor(Date.now() / intervalMs) * intervalMs;

  constructor(options: {
    readonly ranges: readonly string[];
    readonly port: number;
    readonly joins: PollLimits['joins'];
  }) {
    this.#limits = { ...defaultLimits, joins: options.joins };
    this.shards = planShards({
      site: 'bench',
      zone: 'default',
      ranges: parseRanges(options.ranges, { allowLoopback: true }),
      port: options.port,
      intervalMs,
    });
  }

  /** Polls every miner once through `pool`, to encoded pieces, which are dropped. */
  async poll(pool: PollPool): Promise<Pass> {
    let rows = 0;
    let replies = 0;
    let gzipBytes = 0;
    let mining = 0;
    this.#slot += intervalMs;
    const runs = this.shards.map(async (shard) => {
      const run = await pool.run(this.#taskOf(shard), (piece) => {
        rows += piece.rows;
        gzipBytes += piece.gz.byteLength;
      });
      if (run.kind === 'failed') throw new Error('a poll task failed', { cause: run.error });
      const { counters, profiles } = run.outcome;
      this.#profiles.set(shard.id, profiles);
      replies += counters.connections;
      mining += counters.byState['mining'] ?? 0;
    });
    await Promise.all(runs);
    return { rows, replies, gzipBytes, unhealthy: rows - mining };
  }

  /** The requests that a poll of the learned farm sends, miner by miner: found by polling each once, here. */
  async requests(): Promise<BareMiner[]> {
    const known = this.shards.flatMap((shard) => {
      const profiles = unpackProfiles(this.#profiles.get(shard.id) ?? '');
      return [...addressesOf(shard.ranges)].map((address) => {
        const host = formatIp(address);
        return { host, port: shard.port, profile: profiles.get(host) ?? {} };
      });
    });
    const found: BareMiner[] = [];
    const queue = known.entries();
    const loop = async (): Promise<void> => {
      for (const [index, miner] of queue) {
        const session = await pollMiner({
          ...miner,
          limits: this.#limits,
          wantsIdentity: false,
          now: Date.now,
        });
        const { family } = session;
        if (family === null) throw new Error(`${miner.host} did not answer: ${session.errorClass}`);
        found[index] = {
          host: miner.host,
          requests: [...session.raw.keys()].map((command) => family.request(command)),
        };
      }
    };
    await Promise.all(Array.from({ length: socketsPerThread }, loop));
    return found;
  }

  #taskOf(shard: Shard): PollTask {
    return {
      shardId: shard.id,
      ranges: shard.ranges,
      port: shard.port,
      slot: this.#slot,
      intervalMs,
      endMs: Date.now() + passDeadlineMs,
      profiles: this.#profiles.get(shard.id) ?? '',
      limits: this.#limits,
      thresholds: defaultHealthThresholds,
    };
  }
}
