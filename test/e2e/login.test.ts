import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Browser, BrowserContext } from 'playwright-core';
import { join } from 'node:path';
import { openBrowser } from '../support/browser.js';
import { makeCertificate } from '../support/certificate.js';
import { killCommands, makeOpenFolder, startCommand, type RunningCommand } from '../support/cli.js';

let folder: Awaited<ReturnType<typeof makeOpenFolder>>;
let browser: Browser;
beforeAll(async () => {
  [folder, browser] = await Promise.all([makeOpenFolder(), openBrowser()]);
});
afterAll(async () => {
  await browser?.close();
  await killCommands();
  await folder?.remove();
});

async function start(data: string, ...settings: string[]): Promise<[RunningCommand, string]> {
  const flags = ['log_level=warn', ...settings].flatMap((each) => ['--set', each]);
  const args = ['up', '--data-dir', join(folder.path, data), '--port', '0', '--range', '127.9.0.1'];
  const command = startCommand([...args, '--set', 'allow_loopback=true', ...flags], { cwd: folder.path });
  return [command, await command.said(/^https?:\/\/127\.0\.0\.1:\d+$/m, 60_000)];
}

/** Ends it and reads what it said to stderr. */
async function stop(command: RunningCommand): Promise<string> {
  command.signal('SIGTERM');
  return (await command.ended).stderr;
}

/** Signs in, loads anew, signs out; answers the cookie the browser held. */
async function walk(context: BrowserContext, url: string, password: string) {
  const page = await context.newPage();
  const faults: string[] = [];
  page.on('pageerror', (error) => faults.push(error.message));
  await page.goto(url);
  await page.waitForSelector('[data-testid=login]');
  await page.fill('#login-name', 'admin');
  await page.fill('#login-password', 'not the password');
  await page.click('[data-testid=login] button');
  await page.waitForSelector('[data-testid=login] .problem');
  expect(await page.locator('[data-testid=login] .problem').innerText()).toContain('Wrong name or password');
  await page.fill('#login-password', password);
  await page.click('[data-testid=login] button');
  await page.waitForSelector('.user-menu');
  await page.reload();
  await page.waitForSelector('.user-menu');
  const cookies = await context.cookies(url);
  await page.click('.user-menu summary');
  await page.click('#sign-out');
  await page.waitForSelector('[data-testid=login]');
  await page.reload();
  await page.waitForSelector('[data-testid=login]');
  expect(faults).toEqual([]);
  await page.close();
  return cookies;
}

describe('signing in on the page', () => {
  it('is asked for after a first `up` said once what with, and works over plain HTTP on this machine', async () => {
    const [first] = await start('plain');
    const password = /password (\S+) /.exec(await stop(first))?.[1] ?? '';
    expect(password).toMatch(/^[a-z2-9-]{23}$/);
    const [second, url] = await start('plain');
    const context = await browser.newContext();
    const cookies = await walk(context, url, password);
    expect(cookies).toMatchObject([{ name: 'headframe', httpOnly: true, secure: false, sameSite: 'Lax' }]);
    await context.close();
    expect(await stop(second)).toBe('');
  }, 120_000);

  it('works over TLS with a cookie that no other host can set, and polling goes on', async () => {
    const { certFile, keyFile } = makeCertificate(folder.path);
    const tls = [`tls.cert=${certFile}`, `tls.key=${keyFile}`];
    const [first] = await start('tls', ...tls);
    const password = /password (\S+) /.exec(await stop(first))?.[1] ?? '';
    const [second, url] = await start('tls', ...tls);
    expect(url).toMatch(/^https:/);
    const context = await browser.newContext({ ignoreHTTPSErrors: true });
    const cookies = await walk(context, url, password);
    expect(cookies).toMatchObject([
      { name: '__Host-headframe', httpOnly: true, secure: true, sameSite: 'Lax', path: '/' },
    ]);
    await context.close();
    expect(await stop(second)).toBe('');
  }, 120_000);
});
