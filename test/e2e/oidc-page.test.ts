import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { freePort } from '../../src/storage/embedded/server.js';
import { openBrowser } from '../support/browser.js';
import { killCommands, makeOpenFolder, startCommand } from '../support/cli.js';
import { resetProvider, startTestProvider, testClient, type TestProvider } from '../support/oidc-provider.js';

let folder: Awaited<ReturnType<typeof makeOpenFolder>>;
let browser: Browser;
let provider: TestProvider;
let url: string;
beforeAll(async () => {
  [folder, browser, provider] = await Promise.all([makeOpenFolder(), openBrowser(), startTestProvider()]);
  const port = await freePort();
  const file = join(folder.path, 'headframe.yaml');
  const oidc = {
    issuer: provider.issuer,
    client_id: testClient.id,
    client_secret: testClient.secret,
    redirect_url: `http://127.0.0.1:${port}/api/auth/oidc/callback`,
    deadline_ms: 2_000,
    roles: [{ value: 'miners-ops', role: 'operator' }],
  };
  writeFileSync(file, JSON.stringify({ oidc, log_level: 'error', allow_loopback: true }));
  const args = ['up', '-c', file, '--data-dir', join(folder.path, 'data'), '--port', String(port)];
  const command = startCommand([...args, '--range', '127.9.0.1'], { cwd: folder.path });
  url = await command.said(/^http:\/\/127\.0\.0\.1:\d+$/m, 60_000);
}, 90_000);
afterAll(async () => {
  await browser?.close();
  await killCommands();
  await provider?.stop();
  await folder?.remove();
});
beforeEach(() => resetProvider(provider));

async function openForm(): Promise<Page> {
  const page = await (await browser.newContext()).newPage();
  await page.goto(url);
  await page.waitForSelector('[data-testid=login-oidc]');
  return page;
}
const problem = (page: Page): Promise<string> => page.locator('[data-testid=login] .problem').innerText();

describe('the button of OpenID Connect', () => {
  it('signs in through the provider, with the role of its claims', async () => {
    const page = await openForm();
    await page.click('[data-testid=login-oidc]');
    await page.waitForSelector('.user-menu');
    expect(new URL(page.url()).origin).toBe(url);
    await page.click('.user-menu summary');
    expect(await page.locator('.user-panel').innerText()).toMatch(/ana\s+operator/);
    await page.context().close();
  }, 60_000);

  it('comes back to the form with the reason in words, once', async () => {
    const page = await openForm();
    provider.state.claims['groups'] = [];
    await page.click('[data-testid=login-oidc]');
    await page.waitForSelector('[data-testid=login] .problem');
    expect(await problem(page)).toContain('gives you no role here');
    expect(page.url()).not.toContain('refused');
    await page.reload();
    await page.waitForSelector('[data-testid=login-oidc]');
    expect(await page.locator('[data-testid=login] .problem').count()).toBe(0);

    provider.state.isForged = true;
    await page.click('[data-testid=login-oidc]');
    await page.waitForSelector('[data-testid=login] .problem');
    expect(await problem(page)).toContain('does not hold');
    provider.state.isForged = false;
    provider.state.error = 'access_denied';
    await page.click('[data-testid=login-oidc]');
    await page.waitForSelector('[data-testid=login] .problem');
    expect(await problem(page)).toContain('not signed in');
    await page.context().close();
  }, 60_000);

  it('says that the provider is away, and writes nothing into the page that a link says', async () => {
    const page = await openForm();
    // It refuses who asks for the token.
    provider.state.clientAuth = 'none';
    await page.click('[data-testid=login-oidc]');
    await page.waitForSelector('[data-testid=login] .problem');
    expect(await problem(page)).toContain('does not answer as it should');
    await page.goto(`${url}/#refused=Call%20555-0100`);
    await page.reload();
    await page.waitForSelector('[data-testid=login] .problem');
    expect(await problem(page)).not.toContain('555');
    await page.context().close();
  }, 60_000);
});
