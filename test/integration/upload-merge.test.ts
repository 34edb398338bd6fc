import fc from 'fast-check';
import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { formatBatchName } from '../../src/poller/spool-name.js';
import { isMergeable, mergeBatches, MergeSize } from '../../src/poller/upload-merge.js';
import { makeBatch, makeFolder, startDelivery, startUploadApi } from '../support/delivery.js';
import type { ApiAct, Delivery, UploadApi } from '../support/delivery.js';
import { waitFor } from '../support/wait.js';

let folder: Awaited<ReturnType<typeof makeFolder>>;
let api: UploadApi;
let delivery: Delivery | null = null;
beforeEach(async () => {
  folder = await makeFolder();
  api = await startUploadApi();
});
afterEach(async () => {
  await delivery?.uploader.stop({ deadlineMs: 100 });
  await api.close();
  await folder.remove();
});

type TestBatch = ReturnType<typeof makeBatch>;

/** Batches as an earlier run would have left them, every `plainEvery`th not joined of pieces. */
async function fill(count: number, rows: number, plainEvery = Infinity): Promise<TestBatch[]> {
  const batches = Array.from({ length: count }, (_, at) =>
    makeBatch({ rows, slotMs: 1_000_000 + at, isJoined: (at + 1) % plainEvery !== 0 }),
  );
  for (const batch of batches) {
    const name = formatBatchName({ ...batch, timeMs: batch.slotMs, bytes: batch.gz.byteLength });
    await writeFile(join(folder.path, name), batch.gz);
  }
  return batches;
}

const keysOf = (batches: readonly TestBatch[]): string[] => batches.flatMap(({ keys }) => keys).sort();

async function deliver(): Promise<Delivery> {
  const started = await startDelivery({ dir: folder.path, url: api.url });
  delivery = started;
  const isOver = (): boolean => {
    const { inSpool, inFlight } = started.ledger.snapshot();
    expect(started.ledger.conservationError()).toBe(0);
    return inSpool + inFlight === 0;
  };
  await waitFor('delivery', isOver, { timeoutMs: 20_000, everyMs: 2 });
  return started;
}

describe('a backlog of many small batches', () => {
  it('takes few requests, each row once', async () => {
    const batches = await fill(300, 3);
    const { ledger } = await deliver();
    expect(api.uploads.length).toBeLessThan(30);
    expect([...api.stored].sort()).toEqual(keysOf(batches));
    expect(api.uploads.flatMap(({ rows }) => rows)).toHaveLength(900);
    expect(ledger.snapshot()).toMatchObject({ spooledAtStart: 900, stored: 900, duplicate: 0 });
    const isGone = async (): Promise<boolean> => (await readdir(folder.path)).join() === 'quarantine';
    await waitFor('the files to go', isGone);
  });

  it('in memory after an outage is joined too', async () => {
    api.act = () => ({ status: 503, headers: { 'retry-after': '0' } });
    const started = await startDelivery({ dir: folder.path, url: api.url });
    delivery = started;
    const batches = Array.from({ length: 60 }, (_, at) =>
      makeBatch({ rows: 2, slotMs: Date.now() + at, isJoined: true }),
    );
    for (const batch of batches) {
      started.offer(batch);
      await waitFor('the disk', () => started.ledger.snapshot().inFlight === 0, { everyMs: 1 });
    }
    const before = api.uploads.length;
    api.act = () => 'store';
    await waitFor('delivery', () => started.ledger.snapshot().inSpool === 0, { everyMs: 5 });
    expect(api.uploads.length - before).toBeLessThan(20);
    expect([...api.stored].sort()).toEqual(keysOf(batches));
    expect(started.ledger.snapshot()).toMatchObject({ stored: 120, duplicate: 0 });
    expect(started.ledger.conservationError()).toBe(0);
  });

  it('with one batch that the api refuses loses that one alone', async () => {
    const batches = await fill(40, 2);
    const poison = batches[25]?.keys[0]?.split(' ')[0];
    api.act = ({ rows }) => (rows.some(({ miner_id }) => miner_id === poison) ? { status: 400 } : 'store');
    const { ledger } = await deliver();
    expect(ledger.snapshot()).toMatchObject({ stored: 78, quarantined: 2, dropped: {} });
    const others = batches.filter((_, at) => at !== 25);
    expect([...api.stored].sort()).toEqual(keysOf(others));
    expect(await readdir(join(folder.path, 'quarantine'))).toHaveLength(1);
  });

  it('counts rows that the api rejected out of several batches', async () => {
    await fill(20, 2);
    api.act = ({ rows }): ApiAct => {
      const rejected = rows.length > 2 ? [{ index: 3, reason: 'TIME_AHEAD' }] : [];
      const data = { stored: rows.length - rejected.length, duplicate: 0, rejected };
      return { status: 200, body: JSON.stringify({ success: true, data }) };
    };
    const { ledger } = await deliver();
    const merged = api.uploads.filter(({ rows }) => rows.length > 2).length;
    expect(merged).toBeGreaterThan(0);
    expect(ledger.snapshot()).toMatchObject({ stored: 40 - merged, rejected: merged });
  });

  it('arrives whole, each row once, whatever the api answers meanwhile', { timeout: 60_000 }, async () => {
    // A single batch that is too large is split down to rows that are set aside: only several may be here.
    const tooLarge: ApiAct = { status: 413 };
    const acts: ApiAct[] = ['store', 'store_then_reset', 'reset', { status: 500 }, tooLarge];
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.constantFrom(...acts), { minLength: 1, maxLength: 12 }),
        fc.integer({ min: 2, max: 8 }),
        async (script, plainEvery) => {
          const first = api.uploads.length;
          api.stored.clear();
          api.act = ({ number, rows }) => {
            const act = script[number - first] ?? 'store';
            return act === tooLarge && rows.length <= 2 ? 'store' : act;
          };
          const batches = await fill(25, 2, plainEvery);
          const started = await deliver();
          expect([...api.stored].sort()).toEqual(keysOf(batches));
          const { stored, duplicate, quarantined } = started.ledger.snapshot();
          expect([stored + duplicate, quarantined]).toEqual([50, 0]);
          await started.uploader.stop({ deadlineMs: 100 });
        },
      ),
      { numRuns: 12 },
    );
  });
});

describe('joining batches', () => {
  it('gives the rows of all in order, under an id of their own', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 2, maxLength: 10 }), (sizes) => {
        const batches = sizes.map((rows, at) => makeBatch({ rows, slotMs: 5_000 + at, isJoined: true }));
        const merged = mergeBatches(batches);
        const rows = JSON.parse(gunzipSync(merged.gz).toString()) as {
          miner_id: string;
          timestamp: string;
        }[];
        expect(rows.map((row) => `${row.miner_id} ${row.timestamp}`)).toEqual(
          batches.flatMap(({ keys }) => keys),
        );
        expect(merged).toMatchObject({
          rows: rows.length,
          slotMs: 5_000,
          batchId: mergeBatches(batches).batchId,
        });
        expect(batches.map(({ batchId }) => batchId)).not.toContain(merged.batchId);
        expect(isMergeable(merged)).toBe(true);
      }),
    );
    expect(isMergeable(makeBatch({ rows: 3, slotMs: 1 }))).toBe(false);
  });

  it('begins with one, doubles, keeps its bounds, and is one again after a failure', () => {
    const size = new MergeSize({ batches: 4, rows: 10, bytes: 100 });
    const one = { rows: 2, bytes: 10 };
    const most = (): number => {
      let taken = 0;
      while (taken < 50 && size.fits(Array<typeof one>(taken).fill(one), one)) taken++;
      return taken;
    };
    const seen = [most()];
    for (let round = 0; round < 3; round++) {
      size.succeed();
      seen.push(most());
    }
    expect(seen).toEqual([1, 2, 4, 4]);
    expect(size.fits([one], { rows: 9, bytes: 1 })).toBe(false);
    expect(size.fits([one], { rows: 1, bytes: 91 })).toBe(false);
    expect(size.fits([], { rows: 1_000, bytes: 1_000 })).toBe(true);
    size.fail();
    expect(most()).toBe(1);
  });
});
