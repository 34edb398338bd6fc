import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir } from 'node:fs/promises';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { parseBatchName } from '../../src/poller/spool-name.js';
import {
  makeFolder,
  openSpool,
  startDelivery,
  startUploadApi,
  type ApiAct,
  type ReceivedUpload,
} from '../support/delivery.js';
import { waitFor } from '../support/wait.js';

let folder: Awaited<ReturnType<typeof makeFolder>>;
beforeEach(async () => {
  folder = await makeFolder();
});
afterEach(() => folder.remove());

/** mulberry32, so that a failing seed can be run again. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Runs the process, kills it `afterMs` after its spool is open, and answers the rows it called safe. */
async function runAndKill(url: string, afterMs: number): Promise<string[]> {
  const child = spawn(
    process.execPath,
    ['--import', 'tsx', 'test/support/delivery-process.ts', folder.path, url],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
  const exit = once(child, 'exit');
  await waitFor('the spool to open', () => text.includes('open\n') || child.exitCode !== null, {
    everyMs: 2,
  });
  await new Promise((resolve) => setTimeout(resolve, afterMs));
  child.kill('SIGKILL');
  await exit;
  const lines = text.split('\n').slice(1, -1);
  return lines.flatMap((line) => line.split('|'));
}

it(
  'kill -9 at random points loses no spooled row and leaves no file half-written',
  { timeout: 120_000 },
  async () => {
    const seed = Number(process.env['HEADFRAME_TEST_SEED'] ?? Date.now() % 100_000);
    console.info(`seed ${seed}`);
    const random = seeded(seed);
    const act = ({ rows }: ReceivedUpload): ApiAct => {
      const roll = random();
      return roll < 0.6
        ? 'store'
        : roll < 0.75
          ? 'store_then_reset'
          : roll < 0.9 || rows.length < 2
            ? { status: 503 }
            : { status: 413 };
    };
    const api = await startUploadApi(act);
    const safe = new Set<string>();
    for (let kill = 0; kill < 8; kill++) {
      for (const row of await runAndKill(api.url, random() * 400)) safe.add(row);
      const names = (await readdir(folder.path)).filter((name) => parseBatchName(name) !== null);
      const { spool, ledger } = await openSpool(folder.path);
      expect(spool.stats().files).toBe(names.length);
      expect(ledger.conservationError()).toBe(0);
      for (const name of names) expect(await spool.read(name)).toMatchObject({ kind: 'ok' });
      expect((await readdir(folder.path)).filter((name) => name.startsWith('.tmp-'))).toEqual([]);
    }
    expect(safe.size).toBeGreaterThan(50);

    api.act = ({ rows }) => (rows.length > 3 ? { status: 413 } : 'store');
    const { ledger, uploader, spool } = await startDelivery({ dir: folder.path, url: api.url });
    await waitFor('delivery', () => spool.stats().files === 0, { timeoutMs: 30_000 });
    await uploader.stop({ deadlineMs: 1_000 });
    expect([...safe].filter((row) => !api.stored.has(row))).toEqual([]);
    expect(ledger.snapshot().quarantined).toBe(0);
    expect(ledger.conservationError()).toBe(0);
    await api.close();
  },
);
