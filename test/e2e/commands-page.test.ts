import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Browser, Page } from 'playwright-core';
import type { CommandRecord } from '../../src/domain/command-queue.js';
import type { LivePage } from '../../src/domain/ingest.js';
import { openBrowser, watchFaults } from '../support/browser.js';
import { killCommands, makeOpenFolder, startCommand, type RunningCommand } from '../support/cli.js';
import { ask } from '../support/people.js';
import { waitFor } from '../support/wait.js';

const password = 'correct horse battery';
let folder: Awaited<ReturnType<typeof makeOpenFolder>>;
let demo: RunningCommand;
let browser: Browser;
let url: string;

beforeAll(async () => {
  browser = await openBrowser();
  folder = await makeOpenFolder();
  const env = {
    HEADFRAME_API_PORT: '0',
    HEADFRAME_COMMANDS_APPROVAL_ABOVE: '5',
    TMPDIR: folder.path,
  };
  demo = startCommand(['demo'], { env });
  url = await demo.said(/^http:\/\/127\.0\.0\.1:\d+$/m);
  for (const [name, role] of [
    ['olga', 'operator'],
    ['omar', 'operator'],
    ['vera', 'viewer'],
  ]) {
    const body = { name, role, password, site_ids: null };
    expect((await ask(url, 'POST', '/api/users', { body })).status).toBe(200);
  }
  const isPolled = async (): Promise<boolean> => (await live('per_page=200')).miners.length > 100;
  await waitFor('miners', isPolled, { timeoutMs: 60_000, everyMs: 500 });
}, 120_000);

afterAll(async () => {
  await browser?.close();
  await killCommands();
  await folder?.remove();
});

async function live(query: string): Promise<LivePage> {
  const { body } = await ask(url, 'GET', `/api/collector/live/1?${query}`);
  return body.data as unknown as LivePage;
}
const history = async (query = ''): Promise<readonly CommandRecord[]> =>
  (await ask(url, 'GET', `/api/collector/commands/history?site_id=1${query}`)).body[
    'commands'
  ] as CommandRecord[];

/** A page that `name` has signed in on, and what went wrong in it. */
async function signedIn(name: string, width = 1280): Promise<{ page: Page; faults: string[] }> {
  const context = await browser.newContext({ viewport: { width, height: 900 } });
  const signIn = await context.request.post(`${url}/api/auth/login`, { data: { name, password } });
  expect(signIn.status()).toBe(200);
  const page = await context.newPage();
  const faults = await watchFaults(page);
  return { page, faults };
}

/** A miner of a model that hashes. */
async function minerOf(model: string): Promise<string> {
  const { miners } = await live(`per_page=200&state=mining&search=${encodeURIComponent(model)}`);
  const found = miners.find((miner) => miner.health === 'healthy' && miner.model === model);
  expect(found, model).toBeDefined();
  return found?.miner_id ?? '';
}

describe('the page for commands', () => {
  it('an operator reboots a miner, and sees it completed and confirmed', async () => {
    const miner = await minerOf('Antminer S21');
    const { page, faults } = await signedIn('olga');
    await page.goto(`${url}/#miner=${miner}`);
    await page.click('#commands [data-kind=reboot]');
    await page.waitForSelector('[data-testid=confirm]');
    expect(await history()).toEqual([]);
    await page.click('[data-testid=confirm] button[type=submit]');
    await page.waitForSelector('#commands li[data-status=completed]', { timeout: 30_000 });
    await page.waitForSelector('#commands [data-confirmation=confirmed]', { timeout: 180_000 });
    await page.click('#commands .command-what');
    const story = await page.locator('.command-story').innerText();
    expect(story).toMatch(/pending[^]*sent[^]*completed/);
    expect(await history()).toMatchObject([
      { command: 'reboot', miner_id: miner, created_by: 'olga', confirmation: 'confirmed' },
    ]);
    expect(faults).toEqual([]);
    await page.context().close();
  }, 240_000);

  it('offers what the family can do, says what it cannot and why, and names what is typed wrong', async () => {
    const miner = await minerOf('M30S+_VE40');
    const { page, faults } = await signedIn('olga');
    await page.goto(`${url}/#miner=${miner}`);
    await page.waitForSelector('#commands [data-kind=set_fan]');
    expect(await page.isDisabled('#commands [data-kind=set_fan]')).toBe(true);
    expect(await page.locator('.command-refused').innerText()).toMatch(/Set fan: .{10}/);
    const before = (await history()).length;
    await page.click('#commands [data-kind=set_pool]');
    await page.fill('[name=pool_url]', 'http://pool.example.com');
    await page.fill('[name=pool_user]', 'worker');
    await page.click('[data-testid=confirm] button[type=submit]');
    expect(await page.locator('[data-testid=confirm] .problem').innerText()).toMatch(
      /Address of the pool: must be stratum/,
    );
    await page.click('[data-testid=confirm] button[type=button]');
    await page.waitForSelector('[data-testid=confirm]', { state: 'detached' });
    expect((await history()).length).toBe(before);
    expect(faults).toEqual([]);
    await page.context().close();
  }, 60_000);

  it('a batch is looked at first, then waits for somebody else, goes on and is cancelled', async () => {
    const { page, faults } = await signedIn('olga');
    await page.goto(`${url}/#search=Antminer`);
    await page.waitForSelector('#tell-many');
    await page.click('#tell-many');
    await page.selectOption('#batch-kind', 'set_fan');
    await page.fill('#batch [name=speed]', '90');
    await page.fill('#batch [name=waveSize]', '4');
    await page.fill('#batch [name=pauseS]', '0');
    await page.click('#batch button[type=submit]');
    await page.waitForSelector('[data-testid=plan]');
    const plan = await page.locator('[data-testid=plan]').innerText();
    expect(plan).toMatch(/Set fan 90 %: \d+ miners in \d+ waves/);
    expect(plan).toMatch(/Left out\s+\d+ /);
    expect(plan).toContain('Somebody else has to approve');
    expect((await history('&limit=1000')).filter(({ command }) => command === 'set_fan')).toEqual([]);
    await page.click('#batch .primary');
    await page.waitForSelector('[data-testid=batch-made]');
    await page.click('#batch .primary');
    await page.waitForSelector('[data-batch][data-state=waiting_approval]');
    expect(await page.locator('[data-batch] .primary').count()).toBe(0);
    expect(await page.locator('.command-reason').first().innerText()).toBe('waits for approval');
    await page.locator('.command-cancel').first().click();
    await page.waitForSelector('[data-testid=all-commands] li[data-status=cancelled]');

    const second = await signedIn('omar');
    await second.page.goto(`${url}/#view=commands`);
    await second.page.click('[data-batch] .primary');
    await second.page.waitForSelector('[data-batch][data-state=running]');
    await page.selectOption('#status-filter', 'completed');
    await page.waitForSelector('[data-testid=all-commands] li[data-status=completed]', { timeout: 60_000 });
    await second.page.click('[data-batch] .batch-line button:last-of-type');
    await second.page.waitForSelector('[data-batch][data-state=cancelled]');
    expect([...faults, ...second.faults]).toEqual([]);
    await Promise.all([page.context().close(), second.page.context().close()]);
  }, 120_000);

  it('a viewer sees all of it and can do nothing', async () => {
    const [told] = await history();
    const { page, faults } = await signedIn('vera');
    await page.goto(`${url}/#view=commands`);
    await page.waitForSelector('[data-batch]');
    await page.waitForSelector('[data-testid=all-commands] li');
    for (const section of ['batches', 'all-commands'])
      expect(await page.locator(`[data-testid=${section}] button:not(.plain)`).count()).toBe(0);
    await page.goto(`${url}/#miner=${told?.miner_id ?? ''}`);
    await page.reload();
    await page.waitForSelector('#commands li');
    expect(await page.locator('#commands button:not(.plain)').count()).toBe(0);
    expect(await page.locator('#tell-many').count()).toBe(0);
    const body = { site_id: 1, miner_id: told?.miner_id, command_type: 'reboot' };
    const refused = await page.request.post(`${url}/api/collector/commands`, { data: body });
    expect(refused.status()).toBe(403);
    expect(faults).toEqual([]);
    await page.context().close();
  }, 60_000);

  it('fits a phone: nothing sticks out at 390 px', async () => {
    const { page, faults } = await signedIn('omar', 390);
    const overhang = (): Promise<number> =>
      page.evaluate('document.documentElement.scrollWidth - innerWidth');
    await page.goto(`${url}/#view=commands`);
    await page.waitForSelector('[data-testid=all-commands] li');
    await page.locator('.command-what').first().click();
    await page.waitForSelector('.command-story li');
    expect(await overhang()).toBeLessThanOrEqual(0);
    await page.goto(`${url}/#view=farm`);
    await page.click('#tell-many');
    await page.waitForSelector('#batch-kind');
    expect(await overhang()).toBeLessThanOrEqual(0);
    expect(faults).toEqual([]);
    await page.context().close();
  }, 60_000);
});
