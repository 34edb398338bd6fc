import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import postgres from 'postgres';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { startEmbeddedPostgres } from '../../src/storage/embedded/embedded-postgres.js';
import { createTestDatabase, testEditions, type TestEdition } from '../support/database.js';
import { startFarm, type Farm, type FarmOptions } from '../support/farm.js';
import { killPrograms, scrape } from '../support/processes.js';
import {
  killAtRandom,
  readSpool,
  seededRandom,
  untilDrained,
  untilUpload,
  withoutDatabase,
  type Probe,
} from '../support/recovery.js';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.js';
import { readConservation, violationsOf } from '../support/truth.js';
import { waitFor } from '../support/wait.js';

const seed = Number(process.env.HEADFRAME_TEST_SEED ?? Date.now() % 1_000_000);
const miners = 200;
const intervalS = 1;

const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});
afterAll(killPrograms);

async function makeFolder(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'headframe-recovery-'));
  await chmod(dir, 0o711);
  cleanups.push(() => rm(dir, { recursive: true, force: true }));
  return dir;
}

async function farmOn(
  options: Pick<FarmOptions, 'databaseUrl' | 'base'> & Partial<FarmOptions>,
): Promise<Farm> {
  const farm = await startFarm({ dir: await makeFolder(), miners, intervalS, ...options });
  cleanups.push(farm.close);
  await farm.startApi();
  return farm;
}

async function databaseOf(edition: TestEdition): Promise<string> {
  const database = await createTestDatabase({ edition });
  cleanups.push(database.drop);
  return database.url;
}

async function proxyTo(targetPort: number | (() => number)): Promise<TcpProxy> {
  const proxy = await startTcpProxy({ targetPort });
  cleanups.push(proxy.close);
  return proxy;
}

/** Ends the farm: every reply is a row, except for what `farm.finish` allows a killed edge. */
async function expectNothingLost(farm: Farm): Promise<void> {
  const { comparison } = await farm.finish();
  expect(violationsOf(comparison), comparison.examples.join('\n')).toEqual([]);
  const perFlush = (miners / intervalS) * 3;
  expect(comparison.lostByKill).toBeLessThanOrEqual(farm.edgeKills.length * perFlush);
}

/** How long things may take beside other tests on a crowded machine; the scenario holds the promised times. */
const crowdedMs = 20_000;

describe.each(testEditions())('edge and api killed with SIGKILL at random moments, on %s', (edition) => {
  it(
    `lose nothing acknowledged, double nothing, and come back by themselves (seed ${seed})`,
    { timeout: 90_000 },
    async () => {
      const databaseUrl = await databaseOf(edition);
      const farm = await farmOn({ databaseUrl, base: edition === 'plain' ? '127.63.0.1' : '127.64.0.1' });
      await farm.startEdge();
      await untilUpload(farm, 20_000, 0);
      const kills = await killAtRandom(farm, seededRandom(seed), { kills: 5, maxWaitMs: 1_500 });
      for (const { target, recoveredMs } of kills) expect(recoveredMs, target).toBeLessThan(crowdedMs);
      await untilDrained(farm, miners, 20_000);
      const law = await readConservation(farm.edge().url);
      expect([law.error, law.sum, law.dropped, law.quarantined]).toEqual([0, 0, 0, 0]);
      await expectNothingLost(farm);
    },
  );
});

describe('a database that goes away under load', () => {
  const expectRefusals = (probes: readonly Probe[]): void => {
    expect(probes.length).toBeGreaterThan(1);
    for (const probe of probes) {
      expect(probe.status, JSON.stringify(probe)).toBe(503);
      expect(probe.retryAfterS, JSON.stringify(probe)).toBeGreaterThan(0);
      expect(probe.ms, JSON.stringify(probe)).toBeLessThan(2_000);
    }
  };

  it(
    'stopped, killed and half-open: 503 within 2 s, and all of it is stored once it is back',
    { timeout: 120_000 },
    async () => {
      const dataDir = join(await makeFolder(), 'postgres');
      const start = () => startEmbeddedPostgres({ dataDir });
      let server = await start();
      cleanups.push(() => server.stop({ timeoutMs: 5_000 }));
      const proxy = await proxyTo(() => server.port);
      const url = new URL(server.url);
      url.port = String(proxy.port);
      const direct = await proxyTo(() => server.port);
      const directUrl = new URL(server.url);
      directUrl.port = String(direct.port);
      const farm = await farmOn({ databaseUrl: url.href, directUrl: directUrl.href, base: '127.65.0.1' });
      await farm.startEdge();
      await untilUpload(farm, 20_000, 0);

      const restart = async (): Promise<unknown> => (server = await start());
      const ways = {
        stopped: { away: () => server.stop({ timeoutMs: 5_000 }), back: restart },
        killed: {
          away: async () => {
            process.kill(server.pid, 'SIGKILL');
            await server.stop({ timeoutMs: 5_000 });
          },
          back: restart,
        },
        'half-open': {
          away: () => proxy.setMode({ kind: 'blackhole' }),
          back: () => proxy.setMode({ kind: 'pass' }),
        },
      };
      for (const [name, way] of Object.entries(ways)) {
        const outage = await withoutDatabase(farm, {
          ...way,
          outageMs: 4_000,
          rowsPerS: miners / intervalS,
          drainTimeoutMs: 30_000,
        });
        expectRefusals(outage.probes);
        expect(outage.firstCommitMs, name).toBeLessThan(15_000);
        expect(outage.edgeGrowthMib, name).toBeLessThan(64);
      }
      const law = await readConservation(farm.edge().url);
      expect([law.error, law.sum, law.dropped, law.quarantined, law.rejected]).toEqual([0, 0, 0, 0, 0]);
      await expectNothingLost(farm);
    },
  );
});

describe('an api that is unreachable', () => {
  it(
    'while the edge is killed and started again: everything spooled arrives, each batch once however often it is sent',
    { timeout: 120_000 },
    async () => {
      const databaseUrl = await databaseOf('plain');
      const dir = await makeFolder();
      const farm = await farmOn({ databaseUrl, dir, base: '127.66.0.1' });
      const proxy = await proxyTo(Number(new URL(farm.api().url).port));
      const edge = await farm.startEdge({ uploadUrl: proxy.url });
      await untilUpload(farm, 20_000, 0);

      await proxy.setMode({ kind: 'refuse' });
      const rows = async (): Promise<number> => (await scrape(farm.edge().url)).sum('headframe_spool_rows');
      await waitFor('a backlog', async () => (await rows()) >= 3 * miners, { timeoutMs: 20_000 });
      await farm.killEdge();
      expect(edge.program.isRunning).toBe(false);
      const spooled = await readSpool(join(dir, 'data'), farm.site);
      expect(spooled.length).toBeGreaterThan(1);

      // The real batches, three times each and two at once, straight to the real api.
      const sql = postgres(databaseUrl, { max: 1, onnotice: () => undefined });
      cleanups.push(() => sql.end({ timeout: 5 }));
      const contents = async (): Promise<unknown> => {
        const [row] = await sql`
          select (select count(*)::int from miner_telemetry_history) as history,
            (select md5(string_agg(h::text, '' order by miner_id, time)) from miner_telemetry_history h) as samples,
            (select md5(string_agg(l::text, '' order by miner_id)) from miner_telemetry_live l) as live,
            (select count(*)::int from miner_events) as events,
            (select md5(string_agg(u::text, '' order by batch_id)) from collector_upload_logs u) as ledger`;
        return row;
      };
      const send = async (
        batch: (typeof spooled)[number],
      ): Promise<{ duplicate?: boolean; inserted: number }> => {
        const response = await fetch(`${farm.api().url}/api/collector/upload`, {
          method: 'POST',
          headers: { 'x-collector-key': farm.key, 'x-batch-id': batch.batchId, 'content-encoding': 'gzip' },
          body: new Uint8Array(batch.gz),
        });
        expect(response.status).toBe(200);
        return (await response.json()) as { duplicate?: boolean; inserted: number };
      };
      for (const batch of spooled) {
        const pair = await Promise.all([send(batch), send(batch)]);
        expect(pair.map((answer) => answer.inserted).sort((a, b) => a - b)).toEqual([0, batch.rows]);
        expect(pair.filter((answer) => answer.duplicate === true).length).toBe(1);
        const before = await contents();
        expect(await send(batch)).toMatchObject({ duplicate: true, inserted: 0, updated: 0 });
        expect(await contents()).toEqual(before);
      }

      await farm.startEdge();
      await waitFor('fresh batches too', async () => (await rows()) >= 2 * miners, { timeoutMs: 20_000 });
      // Answers lost after the commit: the edge sends again and is told so.
      await proxy.setMode({ kind: 'truncate', bytes: 0, direction: 'answer' });
      await delay(2_000);
      await proxy.setMode({ kind: 'pass' });
      await untilDrained(farm, miners, 60_000);
      // Drained is but for the newest slot; the last of the backlog may still be on its way then.
      const sentBefore = spooled.reduce((sum, batch) => sum + batch.rows, 0);
      await waitFor(
        'every batch that was there already to be told so',
        async () => (await readConservation(farm.edge().url)).duplicate >= sentBefore,
        { timeoutMs: 30_000 },
      );
      const law = await readConservation(farm.edge().url);
      expect([law.error, law.sum, law.dropped, law.quarantined, law.rejected]).toEqual([0, 0, 0, 0, 0]);
      await expectNothingLost(farm);
    },
  );
});
