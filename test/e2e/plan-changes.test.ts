import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import postgres from 'postgres';
import { afterEach, describe, expect, it } from 'vitest';
import { startSimulator, type Simulator } from '../../load-test/simulator/simulator.js';
import { createTestDatabase, testEditions, type TestDatabase } from '../support/database.js';
import { killPrograms, runProgram, scrape, startProgram, type Program } from '../support/processes.js';
import { waitFor } from '../support/wait.js';

const intervalS = 2;
const base = '127.58';
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

describe('a plan of the api that changes under an edge', () => {
  it('leaves unchanged miners every slot, brings new ones within an interval, and outlives the api', async () => {
    folder = await mkdtemp(join(tmpdir(), 'headframe-plan-'));
    database = await createTestDatabase({ edition: testEditions().at(-1) ?? 'plain' });
    simulator = await startSimulator({ seed: 5, miners: { base: `${base}.0.1`, count: 600 } });
    const db = postgres(database.url, { max: 2, onnotice: () => undefined });
    sql = db;
    const env = {
      DATABASE_URL: database.url,
      HEADFRAME_METRICS_PORT: '0',
      XDG_CONFIG_HOME: folder,
    };
    const yaml = join(folder, 'headframe.yaml');
    const configure = (more: object): Promise<void> =>
      writeFile(yaml, JSON.stringify({ allow_loopback: true, ...more }));
    const run = (name: string, ...args: string[]): Promise<Program> =>
      startProgram({ name, args: [...args, '-c', yaml], logDir: folder, env });
    const cli = (...args: string[]): Promise<string> =>
      runProgram({ name: 'cli', args, logDir: folder, env });
    await cli('migrate');
    const made = await cli('keys', 'create', 'north', '--json');
    const { key } = JSON.parse(made.split('\n')[0] ?? '') as { key: string };
    const api = { port: 0, local_access: 'admin', rate_limit_per_minute: 10_000 };
    await configure({ api });
    const program = await run('api', 'api');
    const url = await urlIn(program);
    await configure({
      api: { ...api, port: Number(new URL(url).port) },
      sites: [{ name: 'north', plan: 'api', key }],
      upload: { url, backoff_max_ms: 2_000 },
    });
    const start = (): Promise<Program> => run('edge', 'edge', '--data-dir', join(folder, 'data'));
    let edge = await start();
    await urlIn(edge);
    const plan = (...args: string[]): Promise<string> =>
      cli('plan', ...args, '--site', 'north', '--url', url, '--yes');
    /** Stored slots of the miners of a network, ms. */
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
        timeoutMs: 60_000,
        everyMs: 250,
      });

    const zone = `plan-${process.pid}`;
    await plan(
      ...['set', `${base}.0.0/24`, `${base}.2.0/24`, '--zone', zone],
      ...['--interval', String(intervalS), '--port', String(simulator.port)],
    );
    await until('the first networks', 0, 250);
    await until('the first networks', 2, 80);
    const steadyMs = Date.now();

    // A network comes, and goes again.
    const addedMs = Date.now();
    expect(await plan('add-range', `${base}.1.0/24`)).toMatch(/1 come, 0 go, 0 change .*, 2 go on/);
    const toldMs = Date.now();
    await until('the network that came', 1, 250);
    const firstMs = Math.min(...[...(await slots(1)).values()].map(([first = Infinity]) => first));
    expect(firstMs).toBeGreaterThanOrEqual(addedMs);
    expect(firstMs).toBeLessThanOrEqual(toldMs + intervalS * 1_000 + 500);
    expect(await plan('remove-range', `${base}.1.0/24`)).toMatch(/0 come, 1 go, 0 change .*, 2 go on/);
    const removedMs = Date.now();
    await until('more slots of the others', 0, 250, removedMs + 4 * intervalS * 1_000);
    expect((await slots(1, removedMs + intervalS * 1_000)).size).toBe(0);

    // Unchanged ones had every slot, once.
    const untilMs = removedMs + 2 * intervalS * 1_000;
    for (const net of [0, 2]) {
      const found = await slots(net, steadyMs, untilMs);
      const asked = [...new Set([...found.values()].flat())].sort((a, b) => a - b);
      const gaps = asked.slice(1).map((time, i) => time - (asked[i] ?? 0));
      expect([net, [...new Set(gaps)]]).toEqual([net, [intervalS * 1_000]]);
      expect(asked.length).toBeGreaterThanOrEqual(Math.floor((untilMs - steadyMs) / (intervalS * 1_000)) - 1);
      for (const [ip, times] of found) expect([ip, times]).toEqual([ip, asked]);
    }

    // The api dies; collectors that start then go on from disk.
    await program.kill();
    await edge.stop();
    const restartedMs = Date.now();
    edge = await start();
    const edgeUrl = await urlIn(edge);
    await waitFor(
      'samples without an api',
      async () => (await scrape(edgeUrl)).sum('headframe_samples_total') > 1_000,
      { timeoutMs: 60_000 },
    );
    expect(edge.output()).toContain('the plan cannot be fetched');
    await run('api', 'api');
    await until('what was polled meanwhile', 0, 250, restartedMs);
    await plan('add-range', `${base}.1.0/24`);
    await until('the network again', 1, 250, Date.now());
  }, 180_000);
});
