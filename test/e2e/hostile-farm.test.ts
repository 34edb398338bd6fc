import { chmod, mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import postgres from 'postgres';
import { afterAll, expect, it } from 'vitest';
import { createTestDatabase } from '../support/database.js';
import { startFarm } from '../support/farm.js';
import { killPrograms, memoryMib, scrape } from '../support/processes.js';
import { readConservation, violationsOf } from '../support/truth.js';
import { waitFor } from '../support/wait.js';

afterAll(killPrograms);

const miners = 200;
const intervalS = 3;

it(
  'a farm of which every second miner is faulty harms neither the edge nor the rows of the healthy ones',
  { timeout: 120_000 },
  async () => {
    const database = await createTestDatabase({ edition: 'plain' });
    const dir = await mkdtemp(join(tmpdir(), 'headframe-e2e-'));
    await chmod(dir, 0o711);
    const farm = await startFarm({
      databaseUrl: database.url,
      dir,
      miners,
      intervalS,
      base: '127.67.0.1',
      mix: 'hostile',
      settings: { 'poll.miner_deadline_ms': 1_500, 'poll.connect_timeout_ms': 500 },
    });
    await farm.startApi();
    const edge = await farm.startEdge();
    const enough = async (): Promise<boolean> =>
      (await scrape(edge.url)).sum('headframe_upload_rows_total', '"stored"') >= miners * 4;
    await waitFor('some slots', enough, { timeoutMs: 60_000, everyMs: 250 });

    const metrics = await scrape(edge.url);
    expect(metrics.sum('headframe_actor_restarts_total')).toBe(0);
    expect(metrics.sum('headframe_unreadable_replies_total')).toBeGreaterThan(0);
    expect(metrics.sum('headframe_reply_fingerprints')).toBeGreaterThan(0);
    expect(metrics.sum('headframe_reply_repairs_total')).toBeGreaterThan(0);
    expect(memoryMib(edge.program.pid).peakMib).toBeLessThan(300);
    const law = await readConservation(edge.url);
    expect([law.error, law.sum, law.rejected, law.quarantined, law.dropped]).toEqual([0, 0, 0, 0, 0]);

    const { comparison } = await farm.finish({ isHealthyOnly: true });
    expect(edge.program.output()).not.toMatch(/"level":[56]0/);
    expect(violationsOf(comparison), comparison.examples.join('\n')).toEqual([]);
    expect(comparison.miners).toBe(miners / 2);

    const sql = postgres(database.url, { max: 1, onnotice: () => undefined });
    const states = await sql<{ state: string; error: string | null; miners: number }[]>`
      select state, error_class as error, count(*)::int as miners from miner_telemetry_live group by 1, 2`;
    await sql.end({ timeout: 5 });
    const of = (state: string): number =>
      states.filter((one) => one.state === state).reduce((sum, one) => sum + one.miners, 0);
    expect(of('mining'), JSON.stringify(states)).toBeGreaterThan(miners / 2);
    for (const state of ['parse_error', 'sleeping', 'starting', 'denied'])
      expect(of(state), JSON.stringify(states)).toBeGreaterThan(0);

    await farm.close();
    await database.drop();
  },
);
