import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Browser, Page } from 'playwright-core';
import { openBrowser, watchFaults } from '../support/browser.js';
import { killCommands, makeOpenFolder, startCommand } from '../support/cli.js';

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
  await killCommands();
  await folder?.remove();
});

async function open(width: number): Promise<{ page: Page; faults: string[] }> {
  const page = await browser.newPage({ viewport: { width, height: 900 } });
  const faults = await watchFaults(page);
  await page.goto(url);
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
});
