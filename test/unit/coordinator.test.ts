import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Coordinator } from '../../src/coordinator/coordinator.js';
import { parseRanges } from '../../src/domain/ip-ranges.js';
import { planShards, type Shard } from '../../src/domain/shards.js';
import { nextSlot } from '../../src/domain/slots.js';
import { createLogger } from '../../src/telemetry/logger.js';
import { createMetrics } from '../../src/telemetry/metrics.js';

const intervalMs = 10_000;
const shards = planShards({
  site: 'north',
  zone: 'default',
  ranges: parseRanges(['10.0.0.0/22'], { allowLoopback: false }),
  port: 4028,
  intervalMs,
});

/** Plans of up to eight networks, one after another; each is in force for up to 40 s. */
const planChanges = fc.array(
  fc.record({
    blocks: fc.uniqueArray(fc.integer({ min: 0, max: 7 }), { maxLength: 8 }),
    intervals: fc.array(fc.constantFrom(5, 10, 15), { minLength: 1, maxLength: 3 }),
    zone: fc.constantFrom('default', 'barn'),
    afterMs: fc.integer({ min: 1, max: 40_000 }),
  }),
  { minLength: 2, maxLength: 8 },
);

function rig(add?: (slot: number) => Promise<boolean>, plan = shards) {
  const clock = { now: 1_000_000_000 };
  const added: string[] = [];
  const skipped: string[] = [];
  let current = plan;
  const coordinator = new Coordinator({
    shards: () => current,
    now: () => clock.now,
    add: async ({ shard, slot }) => {
      if (add && !(await add(slot))) return false;
      added.push(`${shard.id} ${slot}`);
      return true;
    },
    onSkipped: (_shard, reason) => skipped.push(reason),
    metrics: createMetrics({ withProcess: false }),
    log: createLogger('silent'),
  });
  const run = async (ms: number): Promise<void> => {
    const end = clock.now + ms;
    while (clock.now < end) {
      await coordinator.tick();
      clock.now = Math.min(end, clock.now + Math.max(1, coordinator.delayMs(1_000)));
    }
    await coordinator.tick();
  };
  const replan = (next: typeof plan): void => void (current = next);
  return { clock, added, skipped, coordinator, run, replan };
}

describe('Coordinator', () => {
  it('adds each shard once per interval, in its own phase', async () => {
    const { added, run, skipped } = rig();
    await run(10 * intervalMs);
    expect(added).toHaveLength(shards.length * 10);
    expect(new Set(added).size).toBe(added.length);
    expect(skipped).toEqual([]);
    for (const line of added) {
      const [id, slot] = line.split(' ');
      const shard = shards.find((candidate) => candidate.id === id);
      expect((Number(slot) - (shard?.phaseMs ?? 0)) % intervalMs).toBe(0);
    }
  });

  it('goes on with unchanged shards while plans come and go: each of their slots once', async () => {
    await fc.assert(
      fc.asyncProperty(planChanges, async (steps) => {
        const { added, run, replan, skipped, clock } = rig(undefined, []);
        /** When each shard of each interval was in force, without a break. */
        const spans: { key: string; id: string; fromMs: number; untilMs: number; shard: Shard }[] = [];
        let open = new Map<string, (typeof spans)[number]>();
        for (const { blocks, intervals, zone, afterMs } of steps) {
          const plan = blocks.flatMap((block, i) =>
            planShards({
              site: 'north',
              zone,
              ranges: parseRanges([`10.0.${block}.0/24`], { allowLoopback: false }),
              port: 4028,
              intervalMs: (intervals[i % intervals.length] ?? 10) * 1_000,
            }),
          );
          replan(plan);
          const next: typeof open = new Map();
          for (const shard of plan) {
            const key = `${shard.id} ${shard.intervalMs}`;
            const span = open.get(key) ?? { key, id: shard.id, fromMs: clock.now, untilMs: 0, shard };
            if (!open.has(key)) spans.push(span);
            next.set(key, span);
          }
          open = next;
          await run(afterMs);
          for (const span of open.values()) span.untilMs = clock.now;
        }
        const expected = spans.flatMap(({ id, fromMs, untilMs, shard }) => {
          const slots: string[] = [];
          for (let slot = nextSlot(fromMs, shard); slot <= untilMs; slot += shard.intervalMs)
            slots.push(`${id} ${slot}`);
          return slots;
        });
        expect(added.toSorted()).toEqual(expected.toSorted());
        expect(skipped).toEqual([]);
      }),
      { numRuns: 300 },
    );
  });

  it('names the same jobs as a second coordinator', async () => {
    const [a, b] = [rig(), rig()];
    b.clock.now += 3_456;
    await a.run(5 * intervalMs);
    await b.run(5 * intervalMs);
    const common = b.added.filter((line) => a.added.includes(line));
    expect(common.length).toBeGreaterThanOrEqual(shards.length * 4);
  });

  it('counts the slots it slept through instead of adding them late', async () => {
    const { added, skipped, run, clock } = rig();
    await run(intervalMs);
    const before = added.length;
    clock.now += 3 * intervalMs;
    const woke = clock.now;
    await run(1);
    expect(skipped.filter((reason) => reason === 'late').length).toBeGreaterThanOrEqual(2 * shards.length);
    await run(intervalMs);
    const slots = added.slice(before).map((line) => Number(line.split(' ')[1]));
    expect(slots.length).toBeGreaterThanOrEqual(shards.length);
    expect(Math.min(...slots)).toBeGreaterThan(woke - intervalMs);
  });

  it('goes on after the clock is set back a day', async () => {
    const { added, run, clock } = rig();
    await run(intervalMs);
    clock.now -= 86_400_000;
    const before = added.length;
    await run(3 * intervalMs);
    expect(added.length - before).toBeGreaterThanOrEqual(2 * shards.length);
  });

  it('counts a refused job and one that could not be added', async () => {
    const full = rig(async () => false);
    await full.run(intervalMs);
    expect(new Set(full.skipped)).toEqual(new Set(['queue_full']));
    const away = rig(async () => {
      throw new Error('away');
    });
    await away.run(2 * intervalMs);
    expect(new Set(away.skipped)).toEqual(new Set(['queue_unavailable']));
    expect(away.added).toEqual([]);
  });

  it('adds the slots of a short outage after all, at twice the usual pace at most', async () => {
    const many = planShards({
      site: 'north',
      zone: 'default',
      ranges: parseRanges(['10.0.0.0/16'], { allowLoopback: false }),
      port: 4028,
      intervalMs,
    });
    let isAway = false;
    const refuse = async (): Promise<boolean> => {
      if (isAway) throw new Error('away');
      return true;
    };
    const { added, skipped, run } = rig(refuse, many);
    await run(2 * intervalMs);
    isAway = true;
    await run(4_000);
    isAway = false;
    const before = added.length;
    const perSecond: number[] = [];
    for (let s = 0; s < 10; s++) {
      const from = added.length;
      await run(1_000);
      perSecond.push(added.length - from);
    }
    // What begins within two seconds is no catching up: the first second may have that besides.
    const usual = many.length / 10;
    expect(Math.max(...perSecond.slice(1))).toBeLessThanOrEqual(2 * usual + 8);
    expect(perSecond[0]).toBeLessThanOrEqual(4.5 * usual);
    expect(skipped).toEqual([]);
    expect(added.length - before).toBeGreaterThanOrEqual(many.length * 1.35);
    expect(new Set(added).size).toBe(added.length);
  });
});
