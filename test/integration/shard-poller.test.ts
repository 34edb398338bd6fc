import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { startSimulator, type Simulator } from '../../load-test/simulator/simulator.js';
import { defaultHealthThresholds } from '../../src/domain/health.js';
import { parseRanges } from '../../src/domain/ip-ranges.js';
import { createShardPoller, type SkipReason } from '../../src/poller/shard-poller.js';
import { ProfileStore } from '../../src/poller/profile-store.js';
import { noneHeld, type HeldMiners } from '../../src/queue/work-queue.js';
import { createLogger } from '../../src/telemetry/logger.js';
import { createMetrics } from '../../src/telemetry/metrics.js';
import { Semaphore } from '../../workers/semaphore.js';
import { pollShard } from '../../workers/shard-poll.js';
import { recordsOf, testLimits } from '../support/poll.js';

let simulator: Simulator | null = null;
let dir = '';
afterEach(async () => {
  await simulator?.stop();
  simulator = null;
  await rm(dir, { recursive: true, force: true });
});

describe('the poller of a shard', () => {
  it('asks miners last that a command elsewhere has, and leaves out those that it still has', async () => {
    dir = await mkdtemp(join(tmpdir(), 'headframe-shard-'));
    const ip = (n: number): string => `127.72.0.${n}`;
    const addresses = [1, 2, 3, 4].map(ip);
    simulator = await startSimulator({ seed: 3, miners: { addresses } });
    const sockets = new Semaphore(16);
    const log = createLogger('fatal');
    const asked: string[] = [];
    const ledger = { scheduled: 0, skipped: [] as [SkipReason, number][] };
    const ends: unknown[] = [];
    const poller = await createShardPoller(
      'test',
      { known: 0 },
      {
        run: async (task, flush) => ({
          kind: 'done',
          outcome: await pollShard(task, { sockets, now: Date.now, random: () => 0.5, flush }),
        }),
        profiles: new ProfileStore({ dir, saveEveryMs: 60_000, log }),
        shared: null,
        limits: testLimits,
        thresholds: defaultHealthThresholds,
        webOf: () => undefined,
        now: Date.now,
        metrics: createMetrics(),
        log,
        deliver: (_site, piece) => asked.push(...recordsOf(piece).map(({ miner_id: id }) => id)),
        onScheduled: (samples) => (ledger.scheduled += samples),
        onSkipped: (reason, samples) => samples > 0 && ledger.skipped.push([reason, samples]),
        onOutcome: () => undefined,
        onSlotEnd: (_shard, end) => ends.push(end),
      },
    );
    const intervalMs = 10_000;
    const ranges = parseRanges([`${ip(1)}-4`], { allowLoopback: true });
    const { port } = simulator;
    const cut = { phaseMs: 0, addressCount: 4 };
    const shard = { id: 'test', site: 'north', zone: 'default', ranges, port, intervalMs, ...cut };
    const poll = async (held: HeldMiners): Promise<void> => {
      asked.length = 0;
      const slot = Math.floor(Date.now() / intervalMs) * intervalMs;
      await new Promise<void>(
        (done) =>
          void poller.receive({ type: 'poll', shard, slot, held, done }, new AbortController().signal),
      );
    };
    await poll(noneHeld);
    expect([...asked].sort()).toEqual(addresses);

    Object.assign(ledger, { scheduled: 0, skipped: [] });
    const before: string[][] = [];
    const still = (): Promise<string[]> => {
      before.push([...asked].sort());
      return Promise.resolve([ip(3)]);
    };
    await poll({ addresses: [ip(2), ip(3), '127.99.0.1'], still });
    // Asked again only once the others had their turn.
    expect(before).toEqual([[ip(1), ip(4)]]);
    expect([...asked].sort()).toEqual([ip(1), ip(2), ip(4)]);
    expect(ledger).toEqual({ scheduled: 4, skipped: [['command', 1]] });
    expect(ends.at(-1)).toMatchObject({ kind: 'polled', samples: 3, online: 3 });
  });
});
