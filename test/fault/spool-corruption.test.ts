import { mkdir, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { formatBatchName } from '../../src/poller/spool-name.js';
import {
  fillFolder,
  makeBatch,
  makeFolder,
  openSpool,
  startDelivery,
  startUploadApi,
} from '../support/delivery.js';
import type { Delivery, UploadApi } from '../support/delivery.js';
import { waitFor } from '../support/wait.js';

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

/** Delivers what is in the folder, and answers the finished delivery. */
async function deliverAll(): Promise<Delivery> {
  const delivery = await startDelivery({ dir: folder.path, url: api.url });
  await waitFor('an empty spool', () => delivery.spool.stats().files === 0, { everyMs: 5 });
  await delivery.uploader.stop({ deadlineMs: 5_000 });
  expect(delivery.ledger.conservationError()).toBe(0);
  expect(await readdir(folder.path)).toEqual(['quarantine']);
  return delivery;
}
const quarantined = async (): Promise<string[]> => (await readdir(join(folder.path, 'quarantine'))).sort();

describe('spool corruption', () => {
  it('truncation at each of the last 64 bytes goes to quarantine, and the good batches are delivered', async () => {
    const names = await fillFolder(folder.path, 80, 2_000);
    const bad = names.slice(8, 72);
    for (const [index, name] of bad.entries()) {
      const { length } = await readFile(join(folder.path, name));
      await truncate(join(folder.path, name), length - 1 - index);
    }
    const { ledger, metricsText } = await deliverAll();
    expect(api.stored.size).toBe(16);
    expect(ledger.snapshot()).toMatchObject({ spooledAtStart: 80, stored: 16, quarantined: 64 });
    expect(await metricsText()).toContain('headframe_spool_quarantined_total{reason="truncated"} 64');
    expect(await quarantined()).toEqual(bad.map((name) => name.replace('.json.gz', '.truncated.json.gz')));
  });

  it('a flipped bit anywhere never delivers another content', async () => {
    const batch = makeBatch({ rows: 2, slotMs: 1_000 });
    const good = Buffer.from(batch.gz);
    const name = formatBatchName({ ...batch, timeMs: 1_000, bytes: good.length });
    const { spool } = await openSpool(folder.path);
    const text = gunzipSync(good).toString();
    let bad = 0;
    for (let bit = 0; bit < good.length * 8; bit++) {
      const flipped = Buffer.from(good);
      flipped[bit >>> 3] = (flipped[bit >>> 3] ?? 0) ^ (1 << (bit & 7));
      await writeFile(join(folder.path, name), flipped);
      const read = await spool.read(name);
      if (read.kind === 'ok') expect(gunzipSync(read.gz).toString()).toBe(text);
      else {
        expect(read).toEqual({ kind: 'bad', reason: 'corrupt' });
        bad++;
      }
    }
    expect(bad).toBeGreaterThan((good.length - 10) * 8);
  });

  it('zero length, noise, unreadable and stray temporary files do not stop the good ones', async () => {
    const names = await fillFolder(folder.path, 10);
    const [empty = '', noise = '', folderName = ''] = names;
    await truncate(join(folder.path, empty), 0);
    const { length } = await readFile(join(folder.path, noise));
    await writeFile(join(folder.path, noise), Buffer.alloc(length, 0x5a));
    const asFolder = folderName.replace(/-[0-9a-f]{12}\.json/, '-00000000000f.json');
    await mkdir(join(folder.path, asFolder));
    for (let stray = 0; stray < 5; stray++) await writeFile(join(folder.path, `.tmp-9-${stray}`), 'half');

    const { ledger } = await deliverAll();
    expect(api.stored.size).toBe(8);
    expect(ledger.snapshot()).toMatchObject({ spooledAtStart: 11, stored: 8, quarantined: 3 });
    const reasons = (await quarantined()).map((name) => /\.(\w+)\.json\.gz$/.exec(name)?.[1]);
    expect(reasons.sort()).toEqual(['corrupt', 'truncated', 'unreadable']);
  });

  it('a file that someone removed is counted as dropped', async () => {
    const names = await fillFolder(folder.path, 3);
    api.act = () => 'hang';
    const delivery = await startDelivery({ dir: folder.path, url: api.url, uploader: { concurrency: 1 } });
    await waitFor('the first upload', () => api.uploads.length > 0, { everyMs: 2 });
    await rm(join(folder.path, names[2] ?? ''));
    api.act = () => 'store';
    await waitFor('an empty spool', () => delivery.spool.stats().files === 0, { everyMs: 5 });
    await delivery.uploader.stop({ deadlineMs: 1_000 });
    expect(delivery.ledger.snapshot()).toMatchObject({ dropped: { vanished: 1 }, stored: 2 });
    expect(delivery.ledger.conservationError()).toBe(0);
  });
});

describe('a start with 10,000 batches', () => {
  it('takes under five seconds and little memory, and delivers them all', { timeout: 120_000 }, async () => {
    await fillFolder(folder.path, 10_000);
    globalThis.gc?.();
    const before = process.memoryUsage().rss;
    const startMs = performance.now();
    const { spool, ledger } = await openSpool(folder.path);
    const openMs = performance.now() - startMs;
    const grownMib = (process.memoryUsage().rss - before) / 1024 ** 2;
    console.info(
      `10,000 batches: open in ${openMs.toFixed(0)} ms, resident memory + ${grownMib.toFixed(1)} MiB`,
    );
    expect(spool.stats()).toMatchObject({ files: 10_000, rows: 10_000 });
    expect(ledger.snapshot().spooledAtStart).toBe(10_000);
    expect(openMs).toBeLessThan(5_000);
    expect(grownMib).toBeLessThan(64);

    const delivery = await startDelivery({ dir: folder.path, url: api.url });
    const sendMs = performance.now();
    await waitFor('the first upload', () => api.uploads.length > 0, { everyMs: 2, timeoutMs: 5_000 });
    await waitFor('delivery', () => delivery.spool.stats().files === 0, { timeoutMs: 100_000 });
    const perSecond = 10_000 / ((performance.now() - sendMs) / 1000);
    console.info(`10,000 batches: ${perSecond.toFixed(0)} batches/s delivered`);
    await delivery.uploader.stop({ deadlineMs: 1_000 });
    expect(api.stored.size).toBe(10_000);
    expect(api.uploads.length).toBe(10_000);
    expect(delivery.ledger.conservationError()).toBe(0);
  });
});
