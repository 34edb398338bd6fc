import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parseBatchName } from '../../src/poller/spool-name.js';
import { makeFolder, openSpool, startDelivery, startUploadApi } from '../support/delivery.js';
import type { ApiAct, ReceivedUpload, UploadApi } from '../support/delivery.js';
import { waitFor } from '../support/wait.js';

const seed = Number(process.env['HEADFRAME_TEST_SEED'] ?? Date.now() % 100_000);
const random = seeded(seed);

let folder: Awaited<ReturnType<typeof makeFolder>>;
let api: UploadApi;
beforeEach(async () => {
  folder = await makeFolder();
  api = await startUploadApi();
});
afterEach(async () => {
  await api.close();
  await folder.remove();
});

/** mulberry32, so that a failing seed can be run again. */
function seeded(start: number): () => number {
  let state = start;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

function anyAnswer({ rows }: ReceivedUpload): ApiAct {
  const roll = random();
  if (roll < 0.6) return 'store';
  if (roll < 0.75) return 'store_then_reset';
  return roll < 0.9 || rows.length < 2 ? { status: 503 } : { status: 413 };
}

/** Runs the process until it is killed, by itself or `afterMs` after its spool is open; answers the rows it called safe. */
async function runUntilKilled(
  options: { afterMs: number } | { point: string; count: number },
): Promise<string[]> {
  const script = fileURLToPath(new URL('../support/delivery-process.ts', import.meta.url));
  const args = ['--import', 'tsx', script, folder.path, api.url];
  if ('point' in options) args.push(options.point, String(options.count));
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
  const closed = once(child, 'close');
  if ('afterMs' in options) {
    await waitFor('the spool to open', () => text.includes('open\n') || child.exitCode !== null, {
      everyMs: 2,
    });
    await new Promise((resolve) => setTimeout(resolve, options.afterMs));
    child.kill('SIGKILL');
  }
  const timer = setTimeout(() => child.kill('SIGTERM'), 20_000);
  await closed;
  clearTimeout(timer);
  expect(child.signalCode).toBe('SIGKILL');
  const lines = text.split('\n').slice(1, -1);
  return lines.flatMap((line) => line.split('|'));
}

/** What a crash may leave: whole batches, and temporary files that the next start removes. */
async function expectWholeFiles(): Promise<void> {
  const names = (await readdir(folder.path)).filter((name) => parseBatchName(name) !== null);
  const { spool, ledger } = await openSpool(folder.path);
  expect(spool.stats().files).toBe(names.length);
  expect(ledger.conservationError()).toBe(0);
  for (const name of names) expect(await spool.read(name)).toMatchObject({ kind: 'ok' });
  expect((await readdir(folder.path)).sort()).toEqual([...names, 'quarantine'].sort());
}

async function expectDelivered(safe: Iterable<string>): Promise<void> {
  api.act = ({ rows }) => (rows.length > 3 ? { status: 413 } : 'store');
  const { ledger, uploader, spool } = await startDelivery({ dir: folder.path, url: api.url });
  await waitFor('delivery', () => spool.stats().files === 0, { timeoutMs: 30_000 });
  await uploader.stop({ deadlineMs: 1_000 });
  expect([...safe].filter((row) => !api.stored.has(row))).toEqual([]);
  expect(ledger.snapshot().quarantined).toBe(0);
  expect(ledger.conservationError()).toBe(0);
}

describe(`kill -9 of the edge (seed ${seed})`, () => {
  it('at random points loses no spooled row and leaves no half batch', { timeout: 120_000 }, async () => {
    api.act = anyAnswer;
    const safe = new Set<string>();
    for (let kill = 0; kill < 5; kill++) {
      for (const row of await runUntilKilled({ afterMs: random() * 400 })) safe.add(row);
      await expectWholeFiles();
    }
    expect(safe.size).toBeGreaterThan(20);
    await expectDelivered(safe);
  });

  it.each([
    'before:open',
    'during:writeFile',
    'before:sync',
    'after:sync',
    'before:rename',
    'after:rename',
    'before:rm',
    'after:rm',
  ])('%s loses no spooled row and leaves no half batch', async (point) => {
    api.act = anyAnswer;
    const safe = await runUntilKilled({ point, count: 1 + Math.floor(random() * 30) });
    await expectWholeFiles();
    await expectDelivered(safe);
  });
});
