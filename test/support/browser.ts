import { existsSync } from 'node:fs';
import { chromium, type Browser, type Page } from 'playwright-core';

const executablePath = process.env['HEADFRAME_TEST_CHROMIUM'] ?? '/usr/bin/chromium';

/** Chromium without a window that talks to nobody by itself. Throws, saying what to install, where there is none. */
export async function openBrowser(): Promise<Browser> {
  if (!existsSync(executablePath)) {
    throw new Error(
      `no Chromium at ${executablePath}: install it (apt-get install chromium) or name another in HEADFRAME_TEST_CHROMIUM`,
    );
  }
  return chromium.launch({
    executablePath,
    args: [
      '--headless',
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
}

/** What goes wrong in a page from now on: words on its console, exceptions, breaches of its security policy. */
export async function watchFaults(page: Page): Promise<string[]> {
  const faults: string[] = [];
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) faults.push(message.text());
  });
  page.on('pageerror', (error) => faults.push(error.message));
  // Text, for it runs in the page: the types of a browser are not those of this file.
  await page.addInitScript({
    content: `addEventListener('securitypolicyviolation', (event) =>
      console.error('content security policy:', event.violatedDirective, event.blockedURI));`,
  });
  return faults;
}
