import { chmod, mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { createTestDatabase, testEditions } from '../support/database.js';
import { startFarm } from '../support/farm.js';
import { killPrograms } from '../support/processes.js';
import { readConservation, violationsOf } from '../support/truth.js';
import { waitFor } from '../support/wait.js';

afterAll(killPrograms);

const miners = 300;
const intervalS = 2;
const slots = 6;

describe.each(testEditions())('a farm polled into %s', (edition) => {
  it(
    'has one row for every reply its miners served, each once and with its values',
    { timeout: 120_000 },
    async () => {
      const database = await createTestDatabase({ edition });
      const dir = await mkdtemp(join(tmpdir(), 'headframe-e2e-'));
      await chmod(dir, 0o711);
      const base = edition === 'plain' ? '127.61.0.1' : '127.62.0.1';
      const farm = await startFarm({ databaseUrl: database.url, dir, miners, intervalS, base });
      await farm.startApi();
      const edge = await farm.startEdge();

      const errors: number[] = [];
      const law = await waitFor(
        'enough slots',
        async () => {
          const now = await readConservation(edge.url);
          errors.push(now.error, now.sum);
          return now.stored >= miners * slots ? now : null;
        },
        { timeoutMs: 60_000, everyMs: 500 },
      );
      expect(errors.filter((error) => error !== 0)).toEqual([]);
      // A crowded machine may skip slots, which is counted; what was polled has to arrive.
      expect(law).toMatchObject({ duplicate: 0, rejected: 0, quarantined: 0, dropped: 0 });

      const { comparison } = await farm.finish();
      expect(violationsOf(comparison), comparison.examples.join('\n')).toEqual([]);
      expect(comparison).toMatchObject({ miners, lostByKill: 0, polledAgain: 0 });
      expect(comparison.matched).toBe(comparison.rows);
      expect(comparison.rows).toBeGreaterThanOrEqual(miners * slots);

      await farm.close();
      await database.drop();
    },
  );
});
