import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { startPlanFarm, urlIn, type PlanFarm } from '../support/plan-farm.js';
import { scrape, type Program } from '../support/processes.js';
import { waitFor } from '../support/wait.js';

const intervalS = 2;
const base = '127.58';
const fileBase = '127.71';
let farm: PlanFarm | null = null;

afterEach(async () => {
  await farm?.close();
  farm = null;
});

/** Every miner of these networks had every slot of that time, once. */
async function expectEverySlot(
  { slots }: PlanFarm,
  nets: readonly number[],
  fromMs: number,
  untilMs: number,
): Promise<void> {
  for (const net of nets) {
    const found = await slots(net, fromMs, untilMs);
    const asked = [...new Set([...found.values()].flat())].sort((a, b) => a - b);
    const gaps = asked.slice(1).map((time, i) => time - (asked[i] ?? 0));
    expect([net, [...new Set(gaps)]]).toEqual([net, [intervalS * 1_000]]);
    expect(asked.length).toBeGreaterThanOrEqual(Math.floor((untilMs - fromMs) / (intervalS * 1_000)) - 1);
    for (const [ip, times] of found) expect([ip, times]).toEqual([ip, asked]);
  }
}

describe('a plan of the api that changes under an edge', () => {
  it('leaves unchanged miners every slot, brings new ones within an interval, and outlives the api', async () => {
    farm = await startPlanFarm({ base, waitMs: 60_000 });
    const { folder, simulator, key, configure, run, slots, until } = farm;
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
    const plan = farm.plan.bind(farm, url);

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

    await expectEverySlot(farm, [0, 2], steadyMs, removedMs + 2 * intervalS * 1_000);

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

describe('a plan of the settings that changes under an edge', () => {
  it('is read again at a hangup, and stays as it was when the settings are wrong', async () => {
    farm = await startPlanFarm({ base: fileBase, waitMs: 60_000 });
    const { folder, simulator, key, configure, run, slots, until } = farm;
    const api = { port: 0, rate_limit_per_minute: 10_000 };
    await configure({ api });
    const url = await urlIn(await run('api', 'api'));
    const planned = (nets: readonly string[], more: object = {}): Promise<void> =>
      configure({
        api,
        poll: { interval_s: intervalS },
        sites: [{ name: 'north', ranges: nets, port: simulator.port, key, ...more }],
        upload: { url },
      });
    const nets = [`${fileBase}.0.0/24`, `${fileBase}.2.0/24`];
    await planned(nets);
    const edge = await run('edge', 'edge', '--data-dir', join(folder, 'data'));
    await until('the first networks', 0, 250);
    await until('the first networks', 2, 80);
    const steadyMs = Date.now();

    await planned([...nets, `${fileBase}.1.0/24`]);
    const toldMs = Date.now();
    process.kill(edge.pid, 'SIGHUP');
    await until('the network that came', 1, 250);
    const firstMs = Math.min(...[...(await slots(1)).values()].map(([first = Infinity]) => first));
    expect(firstMs).toBeGreaterThanOrEqual(toldMs - intervalS * 1_000);
    expect(firstMs).toBeLessThanOrEqual(toldMs + intervalS * 1_000 + 500);

    for (const [wrong, named] of [
      [['10.0.0'], '10.0.0'],
      [nets, 'names, zones'],
    ] as const) {
      const before = edge.output().length;
      await planned(wrong, wrong === nets ? { zone: 'elsewhere' } : {});
      process.kill(edge.pid, 'SIGHUP');
      const refused = () => Promise.resolve(edge.output().slice(before).includes('not taken over'));
      await waitFor('the settings to be refused', refused, { timeoutMs: 10_000 });
      expect(edge.output().slice(before)).toContain(named);
    }
    const refusedMs = Date.now();
    await until('slots after that', 1, 250, refusedMs + 4 * intervalS * 1_000);
    await expectEverySlot(farm, [0, 2], steadyMs, refusedMs + 2 * intervalS * 1_000);
  }, 120_000);
});
