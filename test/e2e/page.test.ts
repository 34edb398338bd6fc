import { readdirSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Browser, Page } from 'playwright-core';
import { hashrate, temperature, text } from '../../dashboards/web/src/format.js';
import { listAddresses } from '../../load-test/simulator/addresses.js';
import { dealFaults, mixes, pickModel } from '../../load-test/simulator/mix.js';
import { models } from '../../load-test/simulator/models.js';
import { hashText } from '../../load-test/simulator/random.js';
import type { LiveMiner, LivePage, SiteSummary } from '../../src/domain/ingest.js';
import { openBrowser, watchFaults } from '../support/browser.js';
import {
  killCommands,
  makeOpenFolder,
  processesNaming,
  startCommand,
  type RunningCommand,
} from '../support/cli.js';
import { waitFor } from '../support/wait.js';

const seed = 1;
const addresses = listAddresses({ base: '127.20.0.1', count: 200 });
const faults = dealFaults(mixes.demo, seed, addresses);
const modelAt = (address: string) => models[pickModel(mixes.demo, hashText(seed, address))];
const faultAt = (address: string) => faults.get(address)?.kind ?? 'none';
const withFault = (kind: string) => addresses.filter((address) => faultAt(address) === kind);
/** Those that answer no one are no miners; the flapping one comes and goes. */
const live = addresses.filter((address) => !['refused', 'silent', 'flapping'].includes(faultAt(address)));

/** What went wrong in a page, as it went. */
interface Watched {
  readonly page: Page;
  readonly faults: string[];
}

let folder: Awaited<ReturnType<typeof makeOpenFolder>>;
let demo: RunningCommand;
let browser: Browser;
let url: string;
let saidUrlAt: number;

beforeAll(async () => {
  browser = await openBrowser();
  folder = await makeOpenFolder();
  demo = startCommand(['demo'], { env: { HEADFRAME_API_PORT: '0', TMPDIR: folder.path } });
  url = await demo.said(/^http:\/\/127\.0\.0\.1:\d+$/m);
  saidUrlAt = Date.now();
});

afterAll(async () => {
  await browser?.close();
  await killCommands();
  await folder?.remove();
});

async function open(options: { width?: number; hash?: string } = {}): Promise<Watched> {
  const page = await browser.newPage({ viewport: { width: options.width ?? 1280, height: 900 } });
  const faults = await watchFaults(page);
  page.on('response', (answer) => {
    if (answer.status() >= 400) faults.push(`${answer.status()} ${answer.url()}`);
  });
  await page.goto(`${url}/${options.hash ?? ''}`);
  return { page, faults };
}

async function api<T>(path: string): Promise<T> {
  const answer = await fetch(`${url}/api/collector/${path}`);
  return ((await answer.json()) as { data: T }).data;
}

const allMiners = async (): Promise<readonly LiveMiner[]> =>
  (await api<LivePage>('live/1?per_page=200')).miners;
const tile = async (page: Page, name: string): Promise<string> =>
  (await page.locator(`[data-testid=tile-${name}] .tile-value`).innerText()).replace(/\s+/g, ' ').trim();
const row = (page: Page, miner: string) => page.locator(`tr[data-miner-id="${miner}"]`);
const cell = async (page: Page, miner: string, column: string): Promise<string> =>
  (await row(page, miner).locator(`td.c-${column}`).innerText()).replace(/\s+/g, ' ').trim();
/** Names of the miners in the rows that `selector` finds; text, for it runs in the page. */
const shown = (page: Page, selector = 'tr[data-miner-id]'): Promise<string[]> =>
  page.evaluate<string[]>(`[...document.querySelectorAll('${selector}')].map((row) => row.dataset.minerId)`);

describe('the page over a running demo', () => {
  it('shows every live miner online with right numbers within 30 s of the URL', async () => {
    const { page, faults: wrong } = await open({ hash: '#per_page=200' });
    const isComplete = async (): Promise<boolean> => {
      const online = await shown(page, 'tr[data-miner-id]:not([data-offline]):not([data-stale])');
      return live.every((address) => online.includes(address));
    };
    await waitFor('every live miner on the page', isComplete, { timeoutMs: 30_000, everyMs: 250 });
    expect(Date.now() - saidUrlAt).toBeLessThan(30_000);

    const byId = new Map((await allMiners()).map((miner) => [miner.miner_id, miner]));
    for (const address of live.filter((each) => faultAt(each) === 'none')) {
      const miner = byId.get(address);
      const nominalThs = modelAt(address).nominalGhs / 1000;
      expect(miner, address).toMatchObject({ online: true, state: 'mining', health: 'healthy' });
      expect(miner?.hashrate_ths, address).toBeGreaterThan(nominalThs * 0.93);
      expect(miner?.hashrate_ths, address).toBeLessThan(nominalThs * 1.07);
      expect(miner?.temperature_max, address).toBeGreaterThan(30);
      expect(miner?.temperature_max, address).toBeLessThan(85);
      expect(miner?.boards_total, address).toBe(modelAt(address).boards);
    }
    expect(wrong).toEqual([]);
    await page.close();
  });

  it('says of faulty miners what is wrong with them', async () => {
    const states = new Map((await allMiners()).map((miner) => [miner.miner_id, miner]));
    const expected: Record<string, Partial<LiveMiner>> = {
      sleeping: { state: 'sleeping', online: true },
      starting: { state: 'starting', online: true },
      denied: { state: 'denied', error_class: 'access_denied' },
      garbage: { state: 'parse_error' },
      oversized: { state: 'parse_error', error_class: 'too_large', hashrate_ths: null },
      board_lost: { health: 'critical' },
      fan_failed: { state: 'mining' },
      malformed: { state: 'mining', health: 'healthy' },
      half_closed: { state: 'mining', health: 'healthy' },
      slow: { state: 'mining', health: 'healthy' },
    };
    for (const [kind, facts] of Object.entries(expected)) {
      expect(withFault(kind), kind).not.toEqual([]);
      for (const address of withFault(kind)) expect(states.get(address), kind).toMatchObject(facts);
    }
    for (const address of [...withFault('refused'), ...withFault('silent')])
      expect(states.has(address)).toBe(false);
  });

  it('shows what the api says, in the tiles and in the rows', async () => {
    const { page, faults: wrong } = await open({ hash: '#per_page=200' });
    await page.waitForSelector('#connection[data-connection=live]');
    const sample = live.filter((each) => faultAt(each) === 'none').slice(0, 5);
    // A new slot may arrive between two looks; then the next look agrees.
    const agrees = async (): Promise<boolean> => {
      const summary = await api<SiteSummary>('summary/1');
      const byId = new Map((await allMiners()).map((miner) => [miner.miner_id, miner]));
      const isTiled =
        (await tile(page, 'hashrate')) === text(hashrate(summary.total_hashrate_ths)) &&
        (await tile(page, 'online')).startsWith(`${summary.online_miners}`) &&
        /^[\d.]+ kW$/.test(await tile(page, 'power')) &&
        /^\d+ s$/.test(await tile(page, 'lag'));
      if (!isTiled) return false;
      for (const address of sample) {
        const miner = byId.get(address);
        if ((await cell(page, address, 'hashrate')) !== text(hashrate(miner?.hashrate_ths ?? null)))
          return false;
        if ((await cell(page, address, 'temperature')) !== text(temperature(miner?.temperature_max ?? null)))
          return false;
      }
      return true;
    };
    await waitFor('the page to agree with the api', agrees, { timeoutMs: 20_000, everyMs: 200 });
    expect(wrong).toEqual([]);
    await page.close();
  });

  it('filters by state, searches, sorts and hides who is offline', async () => {
    const { page, faults: wrong } = await open();
    const [sleeper = ''] = withFault('sleeping');
    await page.click('[data-state-filter=sleeping]');
    await waitFor('the sleeping one alone', async () => (await shown(page)).join() === sleeper);
    expect(await page.locator('#state-filter').inputValue()).toBe('sleeping');
    await page.click('[data-state-filter=sleeping]');
    await waitFor('all again', async () => (await shown(page)).length === 50);

    const prefix = '127.20.0.17';
    await page.fill('#search', prefix);
    const found = addresses.filter((each) => each.startsWith(prefix) && live.includes(each));
    await waitFor('what was searched', async () => {
      const rows = await shown(page);
      return found.every((each) => rows.includes(each)) && rows.every((each) => each.startsWith(prefix));
    });
    await page.fill('#search', 'no such miner');
    await waitFor('nothing', async () => (await shown(page)).length === 0);
    await page.fill('#search', '');
    await waitFor('all again', async () => (await shown(page)).length === 50);

    await page.click('[data-sort=hashrate]');
    const isSorted = async (): Promise<boolean> => {
      const cells = await page.locator('td.c-hashrate').allInnerTexts();
      const values = cells.map((each) => Number.parseFloat(each));
      return values.length === 50 && values.every((value, at) => value <= (values[at - 1] ?? Infinity));
    };
    await waitFor('the strongest first', isSorted);
    await page.check('#online-only');
    await waitFor('only those online', async () => (await page.locator('tr[data-offline]').count()) === 0);
    expect(wrong).toEqual([]);
    await page.close();
  });

  it('shows one miner in full, with its raw reply and what was repaired in it', async () => {
    const broken = addresses.find((address) => {
      const fault = faults.get(address);
      return fault?.kind === 'malformed' && fault.quirk === 'trailing_comma';
    });
    const { page, faults: wrong } = await open({ hash: '#per_page=200' });
    await row(page, broken ?? '')
      .locator('.c-miner a')
      .click();
    await page.waitForSelector('#detail[open]');
    await page.waitForSelector('#boards tbody tr');
    expect(await page.locator('#boards tbody tr').count()).toBe(modelAt(broken ?? '').boards);
    expect(await page.locator('#pools tbody tr').count()).toBeGreaterThan(0);
    expect(await page.locator('#fans').innerText()).toMatch(/rpm/);
    expect(await page.locator('#repairs').innerText()).toMatch(/extra comma/);
    const raw = page.locator('#raw details[data-command]').first();
    await raw.locator('summary').click();
    expect(await raw.locator('pre').innerText()).toContain('STATUS');
    await page.click('#detail-close');
    await page.waitForSelector('#detail', { state: 'detached' });
    expect(wrong).toEqual([]);
    await page.close();
  });

  it('follows the farm without a reload', async () => {
    const { page, faults: wrong } = await open();
    await page.waitForSelector('#connection[data-connection=live]');
    const [address = ''] = live.filter((each) => faultAt(each) === 'none');
    const ages = {
      'the row': async () => Number.parseInt(await cell(page, address, 'seen')),
      'the tile': async () => Number.parseInt(await tile(page, 'lag')),
    };
    // An age grows by itself, on the page's own clock; only a new reading makes it fall.
    for (const [name, age] of Object.entries(ages)) {
      let last = await age();
      const hasFallen = async (): Promise<boolean> => {
        const before = last;
        last = await age();
        return last < before;
      };
      await waitFor(`${name} to be renewed`, hasFallen, { timeoutMs: 25_000, everyMs: 200 });
    }
    expect(wrong).toEqual([]);
    await page.close();
  }, 60_000);

  it('fits a phone: nothing sticks out at 390 px', async () => {
    const { page, faults: wrong } = await open({ width: 390 });
    await page.waitForSelector('tr[data-miner-id]');
    const overhang = (): Promise<number> =>
      page.evaluate('document.documentElement.scrollWidth - innerWidth');
    expect(await overhang()).toBeLessThanOrEqual(0);
    await page.locator('tr[data-miner-id] .c-miner a').first().click();
    await page.waitForSelector('#boards');
    expect(await overhang()).toBeLessThanOrEqual(0);
    expect(wrong).toEqual([]);
    await page.close();
  });

  it('ends on SIGINT with code 0, leaving no process and no folder', async () => {
    const { page } = await open();
    await page.waitForSelector('#connection[data-connection=live]');
    demo.signal('SIGINT');
    const { code, stdout, stderr } = await demo.ended;
    expect({ code, stdout }).toEqual({ code: 0, stdout: `${url}\n` });
    expect(stderr).toMatch(/^Sign in as admin with the password \S+ \(shown this once\)\.\n$/);
    expect(readdirSync(folder.path)).toEqual([]);
    expect(processesNaming(folder.path)).toEqual([]);
    await page.waitForSelector('#connection[data-connection=reconnecting]');
    await page.close();
  });
});
