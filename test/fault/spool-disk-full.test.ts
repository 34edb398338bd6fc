import { execFile } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { mkdir, open, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, describe, expect, it } from 'vitest';
import { makeBatch, makeFolder, startDelivery, startUploadApi } from '../support/delivery.js';
import type { Delivery, UploadApi } from '../support/delivery.js';
import { waitFor } from '../support/wait.js';

const run = promisify(execFile);
const fast = { everyMs: 5 };

interface Disk {
  readonly dir: string;
  /** From now on nothing can be written. */
  fill(): Promise<void>;
  free(): Promise<void>;
  remove(): Promise<void>;
}

/** A file system of 1 MiB. Needs the right to mount: see `kinds`. */
async function tinyDisk(): Promise<Disk> {
  const folder = await makeFolder();
  await run('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', folder.path]);
  const filler = join(folder.path, 'filler');
  return {
    dir: join(folder.path, 'spool'),
    fill: async () => {
      const file = await open(filler, 'w');
      try {
        for (;;) await file.write(Buffer.alloc(4096));
      } catch {
        await file.close();
      }
    },
    free: () => rm(filler, { force: true }),
    remove: async () => {
      await run('umount', [folder.path]);
      await folder.remove();
    },
  };
}

/** A spool folder whose place is taken by a file, so that every access fails; needs no rights. */
async function brokenFolder(): Promise<Disk> {
  const folder = await makeFolder();
  const dir = join(folder.path, 'spool');
  return {
    dir,
    fill: async () => {
      await rename(dir, `${dir}.away`);
      await writeFile(dir, '');
    },
    free: async () => {
      await rm(dir);
      await rename(`${dir}.away`, dir);
    },
    remove: folder.remove,
  };
}

const mayMount = await tinyDisk().then(
  (disk) => disk.remove().then(() => true),
  () => false,
);
const kinds: [string, () => Promise<Disk>][] = [['a broken folder', brokenFolder]];
if (mayMount) kinds.push(['a full disk', tinyDisk]);

const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function start(make: () => Promise<Disk>): Promise<{ disk: Disk; api: UploadApi; delivery: Delivery }> {
  const disk = await make();
  cleanups.push(() => disk.remove());
  await mkdir(disk.dir, { recursive: true });
  const api = await startUploadApi();
  cleanups.push(() => api.close());
  const uploader = { liveBufferBytes: 32 * 1024 };
  const delivery = await startDelivery({ dir: disk.dir, url: api.url, uploader });
  cleanups.push(() => delivery.uploader.stop({ deadlineMs: 1_000 }));
  return { disk, api, delivery };
}

const handOver = async (delivery: Delivery, slots: number, firstMs: number): Promise<string[]> => {
  const keys: string[] = [];
  for (let slot = 0; slot < slots; slot++) {
    const batch = makeBatch({ rows: 40, slotMs: firstMs + slot });
    keys.push(...batch.keys);
    await waitFor('a place in the inbox', () => delivery.uploader.offer(batch), fast);
    delivery.ledger.schedule(batch.rows);
  }
  return keys;
};
const rest = ({ ledger }: Delivery): number => ledger.snapshot().inSpool + ledger.snapshot().inFlight;

describe.each(kinds)('with %s', (_kind, make) => {
  it('uploads go on straight from memory and nothing is lost', async () => {
    const { disk, api, delivery } = await start(make);
    await disk.fill();
    const keys = await handOver(delivery, 100, 1_000);
    await waitFor('delivery', () => rest(delivery) === 0, fast);
    expect(keys.filter((key) => !api.stored.has(key))).toEqual([]);
    expect(delivery.ledger.snapshot().dropped).toEqual({});
    expect(delivery.ledger.conservationError()).toBe(0);
    await disk.free();
  });

  it('without the api the oldest are dropped and counted, and spooling resumes when space returns', async () => {
    const { disk, api, delivery } = await start(make);
    api.act = () => ({ status: 503 });
    const old = await handOver(delivery, 100, 1_000);
    await waitFor('the spool', () => delivery.spool.stats().files === 100, fast);
    await disk.fill();
    const late = await handOver(delivery, 200, 2_000);
    await waitFor('drops', () => Object.keys(delivery.ledger.snapshot().dropped).length > 0, fast);
    await waitFor('the inbox', () => rest(delivery) < 300 * 40, fast);
    expect(delivery.ledger.conservationError()).toBe(0);

    await disk.free();
    const freeMs = performance.now();
    const fresh = await handOver(delivery, 5, 3_000);
    // Names begin with the slot, in 13 digits.
    const isFresh = (name: string): boolean => /^\d{13}-/.test(name) && Number(name.slice(0, 13)) >= 3_000;
    await waitFor('spooling', () => readdirSync(disk.dir).some(isFresh), fast);
    expect(performance.now() - freeMs).toBeLessThan(10_000);

    api.act = () => 'store';
    await waitFor('delivery', () => rest(delivery) === 0, { timeoutMs: 20_000 });
    const { dropped, stored, quarantined } = delivery.ledger.snapshot();
    const droppedRows = Object.values(dropped).reduce((sum, rows) => sum + rows, 0);
    expect(droppedRows).toBeGreaterThan(0);
    expect(stored + droppedRows).toBe(305 * 40);
    expect(quarantined).toBe(0);
    expect(fresh.filter((key) => !api.stored.has(key))).toEqual([]);
    expect([...old, ...late, ...fresh].filter((key) => api.stored.has(key))).toHaveLength(stored);
    expect(delivery.ledger.conservationError()).toBe(0);
  });
});
