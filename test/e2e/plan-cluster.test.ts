import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { startPlanFarm, urlIn, type PlanFarm } from '../support/plan-farm.js';
import { scrape, type Program } from '../support/processes.js';
import { testRedisUrl } from '../support/services.js';
import { waitFor } from '../support/wait.js';

const redisUrl = testRedisUrl();
const intervalMs = 2_000;
const base = '127.59';
let farm: PlanFarm | null = null;

afterEach(async () => {
  await farm?.close();
  farm = null;
});

const slotsOf = async (program: Program, outcome: string): Promise<number> =>
  (await scrape(await urlIn(program))).sum('headframe_slots_total', `outcome="${outcome}"`);

// Coordinators and pollers meet over Redis; a run without one has nothing to show here.
describe.runIf(redisUrl !== null)('a plan that changes under two coordinators and two pollers', () => {
  it('leaves unchanged miners every slot, once', async () => {
    farm = await startPlanFarm({ base, env: { REDIS_URL: redisUrl ?? '' }, waitMs: 30_000 });
    const { folder, simulator, key, configure, slots, until } = farm;
    const { run: start } = farm;
    const run = (name: string, role: string): Promise<Program> =>
      start(name, role, '--data-dir', join(folder, `data-${name}`));
    const api = { port: 0, local_access: 'admin', rate_limit_per_minute: 10_000 };
    await configure({ api });
    const url = await urlIn(await run('api', 'api'));
    await configure({ api, sites: [{ name: 'north', plan: 'api', key }], upload: { url } });
    const plan = farm.plan.bind(farm, url);
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

  it('of a site that a poller does not know is left alone by it, and said', async () => {
    farm = await startPlanFarm({ base, env: { REDIS_URL: redisUrl ?? '' }, waitMs: 30_000 });
    const { folder, simulator, key, configure } = farm;
    const run = (role: string): Promise<Program> =>
      farm?.run(role, role, '--data-dir', join(folder, `data-${role}`)) ?? Promise.reject(new Error('gone'));
    const zone = `plan-stranger-${process.pid}`;
    const upload = { url: 'http://127.0.0.1:9' };
    const site = { zone, port: simulator.port, interval_s: 1, key };
    await configure({ upload, sites: [{ ...site, name: 'north', ranges: [`${base}.0.0/24`] }] });
    // It has read its settings when it says where its metrics are.
    await urlIn(await run('coordinator'));
    await configure({ upload, sites: [{ ...site, name: 'south', ranges: [`${base}.2.0/24`] }] });
    const poller = await run('poller');
    await waitFor('slots of a stranger', async () => (await slotsOf(poller, 'unknown_site')) > 1, {
      timeoutMs: 20_000,
    });
    expect(poller.output()).toMatch(/"site":"north".*a slot of a site that is not in the settings/);
    expect(await slotsOf(poller, 'polled')).toBe(0);
    expect(simulator.stats().connections).toBe(0);
  }, 60_000);
});
