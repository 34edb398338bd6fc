import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Browser, Page } from 'playwright-core';
import { openBrowser, watchFaults } from '../support/browser.js';
import { killCommands, makeOpenFolder, startCommand } from '../support/cli.js';
import { startPlanFarm, urlIn, type PlanFarm } from '../support/plan-farm.js';

let farm: PlanFarm | null = null;
let folder: Awaited<ReturnType<typeof makeOpenFolder>>;
let browser: Browser;
let url: string;

beforeAll(async () => {
  browser = await openBrowser();
  folder = await makeOpenFolder();
  const demo = startCommand(['demo'], { env: { HEADFRAME_API_PORT: '0', TMPDIR: folder.path } });
  url = await demo.said(/^http:\/\/127\.0\.0\.1:\d+$/m);
}, 120_000);

afterAll(async () => {
  await browser?.close();
  await farm?.close();
  await killCommands();
  await folder?.remove();
});

async function open(width: number, at = url): Promise<{ page: Page; faults: string[] }> {
  const page = await browser.newPage({ viewport: { width, height: 900 } });
  const faults = await watchFaults(page);
  await page.goto(at);
  await page.click('.views a:has-text("Cluster")');
  return { page, faults };
}

describe('the page for the cluster', () => {
  it('shows the process that polls, its zone and its shards, and says that all is well', async () => {
    const { page, faults } = await open(1280);
    await page.waitForSelector('[data-testid=cluster-well]', { timeout: 60_000 });
    expect(await page.locator('[data-member]').count()).toBe(1);
    expect(await page.locator('[data-member] .cluster-state').innerText()).toBe('up');
    expect(await page.locator('[data-member] td:nth-child(4)').innerText()).toBe('default');
    expect(await page.locator('[data-zone=default]').innerText()).not.toContain('not reached');
    await page.waitForSelector('[data-shard] .cluster-state[data-state=current]', { timeout: 60_000 });
    expect(faults).toEqual([]);
    await page.close();
  }, 150_000);

  it('fits a phone: nothing sticks out at 390 px', async () => {
    const { page, faults } = await open(390);
    await page.waitForSelector('[data-shard]', { timeout: 60_000 });
    const overhang = await page.evaluate<number>('document.documentElement.scrollWidth - innerWidth');
    expect(overhang).toBeLessThanOrEqual(0);
    expect(faults).toEqual([]);
    await page.close();
  }, 90_000);

  it('tells of a process that died, of the shards nobody polls, and of an api that is away', async () => {
    farm = await startPlanFarm({ base: '127.73', waitMs: 60_000 });
    const { simulator, key, configure, run, until } = farm;
    const api = { port: 0, local_access: 'viewer', rate_limit_per_minute: 10_000 };
    await configure({ api, cluster: { heartbeat_s: 1 } });
    const server = await run('api', 'api');
    const at = await urlIn(server);
    const ranges = ['127.73.0.0/24', '127.73.2.0/24'];
    await configure({
      poll: { interval_s: 1 },
      cluster: { heartbeat_s: 1 },
      sites: [{ name: 'north', ranges, port: simulator.port, key }],
      upload: { url: at },
    });
    const { page } = await open(1280, at);
    await page.waitForSelector('[data-testid=empty]', { timeout: 30_000 });

    const edge = await run('edge', 'edge', '--data-dir', `${farm.folder}/data`);
    await until('samples', 0, 250);
    await page.waitForSelector('[data-testid=cluster-well]', { timeout: 60_000 });
    await edge.kill();
    await page.waitForSelector('[data-member] .cluster-state[data-state=lost]', { timeout: 60_000 });
    await page.waitForSelector('[data-shard] .cluster-state[data-state=late]', { timeout: 60_000 });
    const problems = await page.locator('[data-testid=cluster-problems]').innerText();
    expect(problems).toMatch(/lost/);
    expect(await page.locator('[data-zone=default]').innerText()).toContain('not reached');

    await server.kill();
    await page.waitForSelector('.problem:has-text("could not be read")', { timeout: 30_000 });
    expect(await page.locator('[data-member]').count()).toBe(1);
    await page.close();
  }, 180_000);
});
