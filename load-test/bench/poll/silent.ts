import { gunzipSync } from 'node:zlib';
import { defaultHealthThresholds } from '../../../src/domain/health.js';
import { addressesOf, formatIp, parseRanges } from '../../../src/domain/ip-ranges.js';
import type { WireRecord } from '../../../src/domain/wire.js';
import type { PollPool } from '../../../src/poller/poll-pool.js';
import { startSimulatorProcess, type SimulatorProcess } from '../children.js';
import { median, progress, type Figure } from '../report.js';
import { createPool, defaultLimits, rangesOf } from './farm.js';

const base = '127.30.0.1';
const shardSize = 254;
const silentShare = 0.2;
/** Every miner takes this long to answer a command, ms: as in the field the wire decides the cycle, not the CPU. */
const answerMs = 100;
const intervalMs = 10_000;
/** After so many slots of silence the backoff of every silent miner has reached its length. */
const slotsToSettle = 12;
/** Of a miner in those slots, ms: nobody watches them. */
const settlingDeadlineMs = 500;

/** One slot of the shard, ms from its start. */
interface Cycle {
  /** Until the last healthy miner had answered. */
  readonly answeredMs: number;
  /** Until the rows of all healthy miners had been handed over. */
  readonly handedOverMs: number;
}

/**
 * What 20 % silent miners cost the healthy ones of their shard: in the slot in which they fall silent,
 * and once they are known to be. A second simulator, on another port, is the same farm with them silent.
 */
export async function benchSilent(slots: number, minerDeadlineMs: number): Promise<Figure[]> {
  progress('silent miners: learning the shard');
  const [whole, holed] = await Promise.all([startFarm([]), startFarm(silentAddresses())]);
  const pool = createPool(1);
  try {
    const learned = await learn(pool, whole.port);
    const healthy: Cycle[] = [];
    const first: Cycle[] = [];
    const settled: Cycle[] = [];
    let profiles = learned.profiles;
    let slot = learned.slot;
    for (let n = 0; n < slotsToSettle; n++) {
      slot += intervalMs;
      profiles = (await pollOnce(pool, holed.port, profiles, slot, settlingDeadlineMs)).profiles;
    }
    for (let n = 0; n < slots; n++) {
      progress(`silent miners: slot ${n + 1} of ${slots}`);
      slot += intervalMs;
      healthy.push(
        await pollOnce(pool, whole.port, learned.profiles, learned.slot + intervalMs, minerDeadlineMs),
      );
      first.push(
        await pollOnce(pool, holed.port, learned.profiles, learned.slot + intervalMs, minerDeadlineMs),
      );
      const outcome = await pollOnce(pool, holed.port, profiles, slot, minerDeadlineMs);
      settled.push(outcome);
      profiles = outcome.profiles;
    }
    return figuresOf(healthy, first, settled);
  } finally {
    await pool.close();
    await Promise.all([whole.stop(), holed.stop()]);
  }
}

function figuresOf(healthy: readonly Cycle[], first: readonly Cycle[], settled: readonly Cycle[]): Figure[] {
  const answered = (cycles: readonly Cycle[]): number => median(cycles.map((cycle) => cycle.answeredMs));
  const handedOver = (cycles: readonly Cycle[]): number => median(cycles.map((cycle) => cycle.handedOverMs));
  const none = handedOver(healthy);
  return [
    { name: 'no silent miners: healthy ones handed over after', value: none, unit: 'ms' },
    { name: '20 % silent, known: healthy ones handed over after', value: handedOver(settled), unit: 'ms' },
    {
      name: '20 % silent, known: cycle of the healthy ones',
      value: handedOver(settled) / none,
      unit: 'x',
      target: { atMost: 1.1 },
    },
    {
      name: '20 % silent, first slot: cycle of the healthy ones',
      value: answered(first) / answered(healthy),
      unit: 'x',
      target: { atMost: 1.1 },
      note: `last healthy answer; handed over after ${Math.round(handedOver(first))} ms, by the flush timer`,
    },
  ];
}

const ranges = parseRanges(rangesOf(base, shardSize), { allowLoopback: true });

/** Every fifth address of the shard, the first being the third. */
function silentAddresses(): string[] {
  const every = Math.round(1 / silentShare);
  return [...addressesOf(ranges)].map(formatIp).filter((_ip, index) => index % every === 2);
}

function startFarm(silent: readonly string[]): Promise<SimulatorProcess> {
  return startSimulatorProcess([
    ...['--base', base, '--count', String(shardSize), '--mix', 'clean', '--seed', '7'],
    ...['--fault', `slow:${answerMs}=1`],
    ...silent.flatMap((ip) => ['--fault-at', `${ip}=silent`]),
  ]);
}

async function learn(pool: PollPool, port: number): Promise<{ profiles: string; slot: number }> {
  let slot = Math.floor(Date.now() / intervalMs) * intervalMs;
  let profiles = (await pollOnce(pool, port, '', slot, defaultLimits.minerDeadlineMs)).profiles;
  slot += intervalMs;
  profiles = (await pollOnce(pool, port, profiles, slot, defaultLimits.minerDeadlineMs)).profiles;
  return { profiles, slot };
}

async function pollOnce(
  pool: PollPool,
  port: number,
  profiles: string,
  slot: number,
  minerDeadlineMs: number,
): Promise<Cycle & { profiles: string }> {
  const pieces: { atMs: number; gz: Uint8Array }[] = [];
  const began = performance.now();
  const beganAt = Date.now();
  const run = await pool.run(
    {
      shardId: 'silent',
      ranges,
      port,
      slot,
      intervalMs,
      endMs: Date.now() + intervalMs,
      profiles,
      limits: { ...defaultLimits, joins: 'never', minerDeadlineMs },
      thresholds: defaultHealthThresholds,
    },
    (piece) => pieces.push({ atMs: performance.now() - began, gz: piece.gz }),
  );
  if (run.kind === 'failed') throw new Error('a poll task failed', { cause: run.error });
  let handedOverMs = 0;
  let answeredMs = 0;
  for (const { atMs, gz } of pieces) {
    const records = JSON.parse(`[${gunzipSync(gz).toString()}]`) as WireRecord[];
    const online = records.filter((record) => record.online);
    if (online.length > 0) handedOverMs = atMs;
    for (const { offset_ms } of online) answeredMs = Math.max(answeredMs, slot + (offset_ms ?? 0) - beganAt);
  }
  return { answeredMs, handedOverMs, profiles: run.outcome.profiles };
}
