import { gunzipSync } from 'node:zlib';
import { defaultHealthThresholds } from '../../src/domain/health.js';
import { parseRanges } from '../../src/domain/ip-ranges.js';
import type { MinerGate } from '../../src/domain/miner-gate.js';
import type { PollLimits, PollOutcome, PollTask, PolledPiece } from '../../src/domain/poll-task.js';
import type { WireRecord } from '../../src/domain/wire.js';
import { SampleMemory } from '../../workers/reply-quirks.js';
import { Semaphore } from '../../workers/semaphore.js';
import { pollShard } from '../../workers/shard-poll.js';

export const testLimits: PollLimits = {
  connectTimeoutMs: 500,
  minerDeadlineMs: 1_500,
  maxReplyBytes: 1_048_576,
  quietMs: 100,
  flushMs: 400,
  maxBatchRows: 1000,
  backoffMaxSlots: 10,
  scanSlots: 30,
  identityMs: 3_600_000,
  rawMs: 3_600_000,
  maxRawBytes: 16_384,
  joins: 'auto',
};

export function recordsOf(piece: PolledPiece): WireRecord[] {
  return JSON.parse(`[${gunzipSync(piece.gz).toString()}]`) as WireRecord[];
}

/** Polls the same ranges slot after slot in this thread, keeping the profiles. */
export function createShardRig(options: {
  ranges: string[];
  port: number;
  limits?: Partial<PollLimits>;
  sockets?: number;
  gate?: MinerGate;
}) {
  const intervalMs = 10_000;
  let profiles = '';
  let slot = Math.floor(Date.now() / intervalMs) * intervalMs;
  const sockets = new Semaphore(options.sockets ?? 256);
  const samples = new SampleMemory();
  return {
    intervalMs,
    get profiles(): Record<string, Record<string, unknown>> {
      return JSON.parse(profiles) as Record<string, Record<string, unknown>>;
    },
    async poll(more: Partial<PollTask> = {}): Promise<{
      outcome: PollOutcome;
      records: Map<string, WireRecord>;
      pieces: { atMs: number; rows: number }[];
      elapsedMs: number;
    }> {
      const records = new Map<string, WireRecord>();
      const pieces: { atMs: number; rows: number }[] = [];
      const began = performance.now();
      const outcome = await pollShard(
        {
          shardId: 'test',
          ranges: parseRanges(options.ranges, { allowLoopback: true }),
          port: options.port,
          slot,
          intervalMs,
          endMs: Date.now() + intervalMs,
          profiles,
          limits: { ...testLimits, ...options.limits },
          thresholds: defaultHealthThresholds,
          ...more,
        },
        {
          sockets,
          samples,
          ...(options.gate && { gate: options.gate }),
          now: Date.now,
          random: () => 0.5,
          flush: (piece) => {
            pieces.push({ atMs: performance.now() - began, rows: piece.rows });
            for (const record of recordsOf(piece)) {
              if (records.has(record.miner_id)) throw new Error(`${record.miner_id} twice in one slot`);
              records.set(record.miner_id, record);
            }
          },
        },
      );
      profiles = outcome.profiles;
      slot += intervalMs;
      return { outcome, records, pieces, elapsedMs: performance.now() - began };
    },
  };
}
