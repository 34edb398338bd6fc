import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decide, type AlertFact, type FactStatus } from '../../src/alerts/transitions.js';

const startMs = Date.UTC(2026, 0, 1);

const quiet: AlertFact = {
  ruleId: 1,
  siteId: 1,
  siteName: 'north',
  minerId: 7,
  minerKey: '10.0.0.7',
  model: null,
  ip: '10.0.0.7',
  pool: null,
  rack: null,
  kind: 'temperature',
  severity: 'warning',
  status: 'unknown',
  value: 80,
  threshold: 75,
  durationS: 120,
  cooldownS: 600,
  pendingSinceMs: null,
  dueMs: null,
  alertId: null,
  incidentId: null,
  triggeredMs: null,
  lastResolvedMs: null,
};

/** What is kept of one rule and target between evaluations. */
interface Kept {
  pendingSinceMs: number | null;
  dueMs: number | null;
  alertId: number | null;
  triggeredMs: number | null;
  lastResolvedMs: number | null;
}

interface Life {
  readonly openedMs: number;
  resolvedMs: number | null;
}

/** Runs a history through the decision as the database would keep it. */
class Store {
  readonly kept: Kept = {
    pendingSinceMs: null,
    dueMs: null,
    alertId: null,
    triggeredMs: null,
    lastResolvedMs: null,
  };
  readonly lives: Life[] = [];

  step(status: FactStatus, nowMs: number, rule: { durationS: number; cooldownS: number }): void {
    const { pend, unpend, open, resolve } = decide([{ ...quiet, ...this.kept, ...rule, status }], nowMs);
    expect(pend.length + open.length).toBeLessThanOrEqual(1);
    if (unpend.length + open.length > 0) Object.assign(this.kept, { pendingSinceMs: null, dueMs: null });
    for (const { sinceMs, dueMs } of pend) Object.assign(this.kept, { pendingSinceMs: sinceMs, dueMs });
    if (resolve.length > 0) {
      Object.assign(this.kept, { alertId: null, triggeredMs: null, lastResolvedMs: nowMs });
      (this.lives.at(-1) as Life).resolvedMs = nowMs;
    }
    if (open.length > 0) {
      // Never a second one beside an open one.
      expect(this.kept.alertId).toBeNull();
      Object.assign(this.kept, { alertId: this.lives.length + 1, triggeredMs: nowMs });
      this.lives.push({ openedMs: nowMs, resolvedMs: null });
    }
  }
}

const statuses = fc.constantFrom<FactStatus>(
  'breach',
  'breach',
  'breach',
  'between',
  'clear',
  'unknown',
  'gone',
);
/** Runs of one status, so that durations are reached. */
const history = fc
  .array(fc.tuple(statuses, fc.integer({ min: 1, max: 40 })), { minLength: 1, maxLength: 25 })
  .map((runs) => runs.flatMap(([status, length]) => Array.from({ length }, () => status)));
const rule = fc.record({
  durationS: fc.integer({ min: 0, max: 400 }),
  cooldownS: fc.integer({ min: 0, max: 900 }),
});
const stepMs = 15_000;

describe('a rule and its target', () => {
  it('open after a breach that lasted, end on a clear reading alone, and wait out the cooldown', () => {
    fc.assert(
      fc.property(history, rule, (steps, limits) => {
        const store = new Store();
        const at = (index: number): number => startMs + index * stepMs;
        steps.forEach((status, index) => store.step(status, at(index), limits));
        let before: Life | null = null;
        for (const life of store.lives) {
          const opened = (life.openedMs - startMs) / stepMs;
          const needed = Math.ceil((limits.durationS * 1_000) / stepMs);
          const run = steps.slice(opened - needed, opened + 1);
          expect(run).toHaveLength(needed + 1);
          expect(run.every((status) => status === 'breach')).toBe(true);
          if (before !== null) {
            expect(before.resolvedMs).not.toBeNull();
            expect(life.openedMs - (before.resolvedMs ?? Infinity)).toBeGreaterThanOrEqual(
              limits.cooldownS * 1_000,
            );
          }
          if (life.resolvedMs !== null)
            expect(['clear', 'gone']).toContain(steps[(life.resolvedMs - startMs) / stepMs]);
          before = life;
        }
      }),
      { numRuns: 500 },
    );
  });

  it('open in the end whatever was before', () => {
    fc.assert(
      fc.property(history, rule, (steps, limits) => {
        const store = new Store();
        const patience = Math.ceil(((limits.durationS + limits.cooldownS) * 1_000) / stepMs) + 1;
        const all = [...steps, ...Array.from({ length: patience + 1 }, () => 'breach' as const)];
        all.forEach((status, index) => store.step(status, startMs + index * stepMs, limits));
        expect(store.kept.alertId).not.toBeNull();
      }),
    );
  });

  it('change nothing when the same reading is looked at again', () => {
    fc.assert(
      fc.property(history, rule, (steps, limits) => {
        const [once, twice] = [new Store(), new Store()];
        steps.forEach((status, index) => {
          once.step(status, startMs + index * stepMs, limits);
          twice.step(status, startMs + index * stepMs, limits);
          // With no cooldown an alert may end and begin at once, but not from one reading.
          twice.step(status, startMs + index * stepMs, limits);
        });
        expect(twice.lives).toEqual(once.lives);
      }),
    );
  });

  it('begin to wait anew after the clock was set back', () => {
    const store = new Store();
    const limits = { durationS: 60, cooldownS: 0 };
    store.step('breach', startMs, limits);
    const backMs = startMs - 86_400_000;
    store.step('breach', backMs, limits);
    expect(store.kept.pendingSinceMs).toBe(backMs);
    store.step('breach', backMs + 60_000, limits);
    expect(store.kept.alertId).not.toBeNull();
  });

  it('keep an alert through what is not known', () => {
    const store = new Store();
    const limits = { durationS: 0, cooldownS: 0 };
    for (const status of ['breach', 'unknown', 'between', 'unknown', 'breach'] as const)
      store.step(status, startMs, limits);
    expect(store.lives).toEqual([{ openedMs: startMs, resolvedMs: null }]);
  });
});
