import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import postgres from 'postgres';
import { afterEach, describe, expect, it } from 'vitest';
import type { z } from 'zod';
import type { clusterAnswer } from '../../src/api/contract/cluster-schemas.js';
import { startSimulator, type Simulator } from '../../load-test/simulator/simulator.js';
import { createTestDatabase, testEditions, type TestDatabase } from '../support/database.js';
import { headframe } from '../support/cli.js';
import { killPrograms, runProgram, scrape, startProgram, type Program } from '../support/processes.js';
import { testRedisUrl } from '../support/services.js';
import { waitFor } from '../support/wait.js';

type ClusterState = z.infer<typeof clusterAnswer>['data'];

const redisUrl = testRedisUrl();
const zone = `test-${process.pid}`;
let folder = '';
let simulator: Simulator | null = null;
let database: TestDatabase | null = null;

afterEach(async () => {
  await killPrograms();
  await simulator?.stop();
  await database?.drop();
  await rm(folder, { recursive: true, force: true });
  simulator = null;
  database = null;
});

const urlIn = async (program: Program): Promise<string> =>
  (await program.waitForOutput(/"(?:url|metrics)":"(http[^"]+)"/))[1] ?? '';

// Coordinators and pollers meet over Redis; a run without one has nothing to show here.
describe.runIf(redisUrl !== null)('two coordinators and two pollers over Redis', () => {
  it('poll every slot once, and go on when a poller is killed', async () => {
    folder = await mkdtemp(join(tmpdir(), 'headframe-cluster-'));
    const edition = testEditions().at(-1) ?? 'plain';
    database = await createTestDatabase({ edition });
    simulator = await startSimulator({ seed: 3, miners: { base: '127.57.0.1', count: 600 } });
    const env = { DATABASE_URL: database.url, REDIS_URL: redisUrl ?? '', HEADFRAME_METRICS_PORT: '0' };
    const run = (name: string, ...args: string[]): Promise<Program> =>
      startProgram({ name, args: [...args, '-c', join(folder, 'headframe.yaml')], logDir: folder, env });
    await runProgram({ name: 'migrate', args: ['migrate'], logDir: folder, env });
    const made = await runProgram({
      name: 'keys',
      args: ['keys', 'create', 'north', '--json'],
      logDir: folder,
      env,
    });
    const { key } = JSON.parse(made.split('\n')[0] ?? '') as { key: string };
    const settings = (upload: string): string =>
      JSON.stringify({
        allow_loopback: true,
        api: { port: 0, rate_limit_per_minute: 10_000, local_access: 'viewer' },
        cluster: { heartbeat_s: 1 },
        sites: [
          { name: 'north', ranges: ['127.57.0.0/22'], port: simulator?.port, interval_s: 2, zone, key },
        ],
        upload: { url: upload },
      });
    await writeFile(join(folder, 'headframe.yaml'), settings('http://127.0.0.1:1'));
    const api = await run('api', 'api');
    await writeFile(join(folder, 'headframe.yaml'), settings(await urlIn(api)));
    await Promise.all(['one', 'two'].map((name) => run(`coordinator-${name}`, 'coordinator')));
    const [stays, leaves] = await Promise.all([
      run('stays', 'poller', '--data-dir', join(folder, 'a')),
      run('leaves', 'poller', '--data-dir', join(folder, 'b')),
    ]);
    const stored = async (program: Program): Promise<number> =>
      (await scrape(await urlIn(program))).sum('headframe_upload_rows_total', 'outcome="stored"');

    await waitFor(
      'both pollers to store',
      async () => (await stored(stays)) > 900 && (await stored(leaves)) > 900,
      { timeoutMs: 60_000 },
    );
    const apiUrl = await urlIn(api);
    const look = async (): Promise<ClusterState> => {
      const response = await fetch(`${apiUrl}/api/collector/cluster?shards=all`);
      return ((await response.json()) as { data: ClusterState }).data;
    };
    const well = await waitFor('a cluster that is well', async () => {
      const cluster = await look();
      return cluster.is_well && cluster.totals.members.up === 4 ? cluster : null;
    });
    expect(well.totals).toMatchObject({ live_pollers: 2, live_coordinators: 2, shards: 4, late: 0 });
    expect(new Set(well.members.map(({ member_id }) => member_id)).size).toBe(4);
    expect(well.zones).toMatchObject([{ zone, shares: [{ is_live: true }, { is_live: true }] }]);
    await leaves.kill();
    const killedAt = Date.now();
    await waitFor(
      'the killed poller to be lost, and its shards to be polled by the other',
      async () => {
        const { members, shards } = await look();
        const [killed, other] = [leaves, stays].map(({ pid }) => members.find((one) => one.pid === pid));
        return killed?.state === 'lost' && shards.every(({ polled_by }) => polled_by === other?.member_id);
      },
      { timeoutMs: 20_000 },
    );
    // Three heartbeats of a second and two seconds of grace, and what a busy machine takes.
    expect(Date.now() - killedAt).toBeLessThan(15_000);
    const status = await headframe(['cluster', 'status', '--url', apiUrl], { cwd: folder });
    expect(status.code).toBe(6);
    expect(status.stdout).toMatch(/^not well: poller .+ is lost, silent for \d+ s/);
    const sql = postgres(database.url, { max: 1, onnotice: () => undefined });
    try {
      const countSince = async (since: Date): Promise<number> => {
        const [row] = await sql<{ n: number }[]>`
          select count(*)::int as n from miner_telemetry_history where time >= ${since}`;
        return row?.n ?? 0;
      };
      // Every shard is polled again, by the one that stayed: three slots of all 600 within five intervals.
      const since = new Date(Date.now() + 2_000);
      await waitFor('whole slots after the kill', async () => (await countSince(since)) >= 1_800, {
        timeoutMs: 20_000,
        everyMs: 200,
      });
      const [all] = await sql<{ rows: number; slots: number }[]>`
        select count(*)::int as rows, count(distinct (miner_id, time))::int as slots from miner_telemetry_history`;
      expect(all?.rows).toBe(all?.slots);
      const duplicates = (await scrape(await urlIn(stays))).sum(
        'headframe_upload_rows_total',
        'outcome="duplicate"',
      );
      expect(duplicates).toBe(0);
      expect((await scrape(await urlIn(stays))).sum('headframe_conservation_error')).toBe(0);
      expect(simulator.stats().overlaps).toBe(0);
    } finally {
      await sql.end({ timeout: 1 });
    }
  }, 120_000);
});
