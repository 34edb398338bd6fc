import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import postgres from 'postgres';
import { afterEach, describe, expect, it } from 'vitest';
import { startSimulator, type Simulator } from '../../load-test/simulator/simulator.js';
import { createTestDatabase, testEditions, type TestDatabase } from '../support/database.js';
import { killPrograms, runProgram, scrape, startProgram, type Program } from '../support/processes.js';
import { testRedisUrl } from '../support/services.js';
import { waitFor } from '../support/wait.js';

const redisUrl = testRedisUrl();
const intervalMs = 2_000;
const base = '127.59';
let folder = '';
let simulator: Simulator | null = null;
let database: TestDatabase | null = null;
let sql: postgres.Sql | null = null;

afterEach(async () => {
  await killPrograms();
  await sql?.end({ timeout: 2 });
  await simulator?.stop();
  await database?.drop();
  await rm(folder, { recursive: true, force: true });
  [simulator, database, sql] = [null, null, null];
});

const urlIn = async (program: Program): Promise<string> =>
  (await program.waitForOutput(/"(?:url|metrics)":"(http[^"]+)"/))[1] ?? '';

// Coordinators and pollers meet over Redis; a run without one has nothing to show here.
describe.runIf(redisUrl !== null)('a plan that changes under two coordinators and two pollers', () => {
  it('leaves unchanged miners every slot, once', async () => {
    folder = await mkdtemp(join(tmpdir(), 'headframe-plan-cluster-'));
    database = await createTestDatabase({ edition: testEditions().at(-1) ?? 'plain' });
    simulator = await startSimulator({ seed: 5, miners: { base: `${base}.0.1`, count: 600 } });
    const db = postgres(database.url, { max: 2, onnotice: () => undefined });
    sql = db;
    const env = {
      DATABASE_URL: database.url,
      REDIS_URL: redisUrl ?? '',
      HEADFRAME_METRICS_PORT: '0',
      XDG_CONFIG_HOME: folder,
    };
    const yaml = join(folder, 'headframe.yaml');
    const configure = (more: object): Promise<void> =>
      writeFile(yaml, JSON.stringify({ allow_loopback: true, ...more }));
    const run = (name: string, role: string): Promise<Program> =>
      startProgram({
        name,
        args: [role, '-c', yaml, '--data-dir', join(folder, `data-${name}`)],
        logDir: folder,
        env,
      });
    const cli = (...args: string[]): Promise<string> =>
      runProgram({ name: 'cli', args, logDir: folder, env });
    await cli('migrate');
    const made = await cli('keys', 'create', 'north', '--json');
    const { key } = JSON.parse(made.split('\n')[0] ?? '') as { key: string };
    const api = { port: 0, local_access: 'admin', rate_limit_per_minute: 10_000 };
    await configure({ api });
    const url = await urlIn(await run('api', 'api'));
    await configure({ api, sites: [{ name: 'north', plan: 'api', key }], upload: { url } });
    const plan = (...args: string[]): Promise<string> =>
      cli('plan', ...args, '--site', 'north', '--url', url, '--yes');
    const zone = `plan-cluster-${process.pid}`;
    await plan(
      ...['set', `${base}.0.0/24`, `${base}.2.0/24`, '--zone', zone],
      ...[
        '--interval',
        String(intervalMs / 1_000),
        '--port',
        String(simulator.port),
        '--http-port',
        'default',
      ],
    );
    const coordinators = await Promise.all(['one', 'two'].map((name) => run(name, 'coordinator')));
    const pollers = await Promise.all(['three', 'four'].map((name) => run(name, 'poller')));

    /** Stored slots of each miner of a network, ms. */
    const slots = async (net: number, fromMs = 0, toMs = Infinity): Promise<Map<string, number[]>> => {
      const rows = await db<{ ip: string; time: Date }[]>`
        select m.ip, h.time from miner_telemetry_history h join miners m using (miner_id)
        where m.ip like ${`${base}.${net}.%`}::text order by h.time`;
      const found = new Map<string, number[]>();
      for (const { ip, time } of rows) {
        const ms = time.getTime();
        if (ms >= fromMs && ms <= toMs) found.set(ip, [...(found.get(ip) ?? []), ms]);
      }
      return found;
    };
    const until = (what: string, net: number, miners: number, fromMs = 0): Promise<unknown> =>
      waitFor(what, async () => (await slots(net, fromMs)).size >= miners, {
        timeoutMs: 30_000,
        everyMs: 250,
      });
    await until('the first networks', 0, 250);
    await until('the first networks', 2, 80);
    const steadyMs = Date.now();

    // Twice: a network that comes back is known to Redis and to the disks of pollers.
    for (const round of [1, 2]) {
      const addedMs = Date.now();
      await plan('add-range', `${base}.1.0/24`);
      await until(`the network that came, ${round}`, 1, 250, addedMs);
      await plan('remove-range', `${base}.1.0/24`);
    }
    const removedMs = Date.now();
    await until('more slots of the others', 0, 250, removedMs + 4 * intervalMs);
    await until('more slots of the others', 2, 80, removedMs + 4 * intervalMs);
    expect((await slots(1, removedMs + intervalMs)).size).toBe(0);

    const untilMs = removedMs + 2 * intervalMs;
    for (const net of [0, 2]) {
      const found = await slots(net, steadyMs, untilMs);
      const asked = [...new Set([...found.values()].flat())].sort((a, b) => a - b);
      const gaps = asked.slice(1).map((time, i) => time - (asked[i] ?? 0));
      expect([net, [...new Set(gaps)]]).toEqual([net, [intervalMs]]);
      expect(asked.length).toBeGreaterThanOrEqual(Math.floor((untilMs - steadyMs) / intervalMs) - 1);
      for (const [ip, times] of found) expect([ip, times]).toEqual([ip, asked]);
    }
    expect(simulator.stats().overlaps).toBe(0);
    for (const program of pollers) {
      const metrics = await scrape(await urlIn(program));
      expect(metrics.sum('headframe_conservation_error')).toBe(0);
      expect(metrics.sum('headframe_upload_rows_total', 'outcome="duplicate"')).toBe(0);
    }
    for (const program of coordinators)
      expect((await scrape(await urlIn(program))).sum('headframe_plan_shards')).toBe(2);
  }, 120_000);
});
