import type { Database } from '../../../src/storage/database.js';
import { runRollups } from '../../../src/storage/rollups.js';
import { progress } from '../report.js';

/** What the product computed. */
export interface ComputedRollups {
  readonly buckets: number;
  readonly tookS: number;
}

/** Runs the product's rollups until nothing is due, as the api does by and by. Throws after `endMs` of `performance`. */
export async function computeRollups(database: Database, endMs: number): Promise<ComputedRollups> {
  const began = performance.now();
  const tookS = (): number => (performance.now() - began) / 1_000;
  let buckets = 0;
  for (;;) {
    const run = await runRollups(database, {
      historyDays: 30,
      settle5mS: 0,
      settle1hS: 0,
      maxBuckets: 25,
      deadlineMs: 120_000,
    });
    if (performance.now() > endMs) throw new Error('rollups took longer than --max-minutes');
    if (run.isSkipped) throw new Error('someone else computes the rollups of this database');
    if (run.buckets === 0 && run.marks === 0) break;
    buckets += run.buckets;
    progress(`rollups: ${buckets} buckets, ${tookS().toFixed(0)} s`);
  }
  return { buckets, tookS: tookS() };
}
