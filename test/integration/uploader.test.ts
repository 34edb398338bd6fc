import fc from 'fast-check';
import { randomBytes, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { readdir, readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { fillFolder, makeBatch, makeFolder, startDelivery, startUploadApi } from '../support/delivery.js';
import type { ApiAct, Delivery, UploadApi } from '../support/delivery.js';
import { startTcpProxy } from '../support/tcp-proxy.js';
import { waitFor } from '../support/wait.js';

const fast = { everyMs: 5 };
let folder: Awaited<ReturnType<typeof makeFolder>>;
let api: UploadApi;
const running: Delivery[] = [];

beforeEach(async () => {
  folder = await makeFolder();
  api = await startUploadApi();
});
afterEach(async () => {
  for (const delivery of running.splice(0)) await delivery.uploader.stop({ deadlineMs: 100 });
  await api.close();
  await folder.remove();
});

type StartOptions = Partial<Parameters<typeof startDelivery>[0]>;
async function start(options: StartOptions = {}): Promise<Delivery> {
  const delivery = await startDelivery({ dir: folder.path, url: api.url, ...options });
  running.push(delivery);
  return delivery;
}

/** Nothing in hand: the spool is empty and no row in flight. */
const isDelivered = ({ ledger }: Delivery): boolean => {
  const { inSpool, inFlight } = ledger.snapshot();
  return inSpool + inFlight === 0;
};
const quarantined = async (): Promise<string[]> => (await readdir(join(folder.path, 'quarantine'))).sort();
const ok = (data: object): ApiAct => ({ status: 200, body: JSON.stringify({ success: true, data }) });

describe('the uploader', () => {
  it('delivers a fresh batch once, with its key, id and the bytes it was given', async () => {
    const delivery = await start();
    const batch = makeBatch({ rows: 7, slotMs: 1000 });
    expect(delivery.offer(batch)).toBe(true);
    expect(delivery.ledger.snapshot()).toMatchObject({ scheduled: 7, inFlight: 7 });
    await waitFor('delivery', () => isDelivered(delivery), fast);
    expect(api.uploads).toMatchObject([{ batchId: batch.batchId, key: 'hsc_test', encoding: 'gzip' }]);
    expect([...api.stored].sort()).toEqual([...batch.keys].sort());
    expect(delivery.ledger.snapshot()).toMatchObject({ stored: 7, duplicate: 0, rejected: 0 });
    expect(delivery.ledger.conservationError()).toBe(0);
    await delivery.uploader.stop({ deadlineMs: 1000 });
    expect(await readdir(folder.path)).toEqual(['quarantine']);
    expect(await delivery.metricsText()).toContain('headframe_uploads_total{outcome="acked"} 1');
  });

  it('delivers the backlog of an earlier run, oldest first', async () => {
    await fillFolder(folder.path, 20);
    const delivery = await start({ uploader: { concurrency: 1 } });
    await waitFor('delivery', () => isDelivered(delivery), fast);
    const times = api.uploads.map(({ rows }) => rows[0]?.timestamp ?? '');
    expect(times).toEqual([...times].sort());
    expect(delivery.ledger.snapshot()).toMatchObject({ spooledAtStart: 20, stored: 20, scheduled: 0 });
    expect(delivery.ledger.conservationError()).toBe(0);
  });

  it('sends a fresh batch ahead of a long backlog', async () => {
    await fillFolder(folder.path, 200);
    const delivery = await start();
    await waitFor('the backlog to flow', () => api.uploads.length > 10, fast);
    const batch = makeBatch({ rows: 1, slotMs: Date.now() });
    const before = api.uploads.length;
    delivery.offer(batch);
    await waitFor(
      'the fresh batch',
      () => api.uploads.some(({ batchId }) => batchId === batch.batchId),
      fast,
    );
    await waitFor('delivery', () => isDelivered(delivery), fast);
    const place = api.uploads.findIndex(({ batchId }) => batchId === batch.batchId);
    expect(place).toBeLessThan(before + 100);
    expect(api.uploads).toHaveLength(201);
  });

  it.each<[string, ApiAct]>([
    ['408', { status: 408 }],
    ['425', { status: 425 }],
    ['429', { status: 429 }],
    ['500', { status: 500, body: 'oops' }],
    ['503', { status: 503, headers: { 'retry-after': '0' } }],
    ['404', { status: 404 }],
    ['a redirect', { status: 302, headers: { location: '/elsewhere' } }],
    ['an unreadable 200', { status: 200, body: '<html>welcome</html>' }],
    ['a 200 that says no', { status: 200, body: '{"success":false}' }],
    ['an empty 204', { status: 204 }],
    ['an endless answer', { status: 200, body: `{"success":true,"x":"${'y'.repeat(2_000_000)}"}` }],
    ['a reset', 'reset'],
    ['a reset after the commit', 'store_then_reset'],
  ])('keeps the batch and sends it again after %s', async (_what, first) => {
    api.act = ({ number }) => (number < 2 ? first : 'store');
    const delivery = await start();
    const batch = makeBatch({ rows: 3, slotMs: 1000 });
    delivery.offer(batch);
    await waitFor('delivery', () => isDelivered(delivery), fast);
    expect(api.uploads.map(({ batchId }) => batchId)).toEqual(Array(3).fill(batch.batchId));
    expect([...api.stored].sort()).toEqual([...batch.keys].sort());
    const { stored, duplicate } = delivery.ledger.snapshot();
    expect(stored + duplicate).toBe(3);
    expect(duplicate).toBe(first === 'store_then_reset' ? 3 : 0);
    expect(delivery.ledger.conservationError()).toBe(0);
  });

  it('waits as long as Retry-After says', async () => {
    const times: number[] = [];
    api.act = () =>
      times.push(performance.now()) === 1 ? { status: 503, headers: { 'retry-after': '1' } } : 'store';
    const delivery = await start();
    delivery.offer(makeBatch({ rows: 1, slotMs: 1000 }));
    await waitFor('delivery', () => isDelivered(delivery), fast);
    const [first = 0, second = 0] = times;
    expect(second - first).toBeGreaterThanOrEqual(1000);
    expect(second - first).toBeLessThan(3000);
  });

  it('probes a failing api with one request at a time', async () => {
    await fillFolder(folder.path, 50);
    let open = 0;
    let most = 0;
    let isDown = true;
    api.act = () => (isDown ? 'hang' : 'store');
    const proxy = await startTcpProxy({ targetPort: api.port });
    const delivery = await start({
      url: `${proxy.url}/`,
      deadlineMs: 60,
      uploader: { backoff: { minMs: 20, maxMs: 20, maxRetryAfterMs: 0, keyRetryMs: 20 } },
    });
    await waitFor('the first failure', () => delivery.uploader.status().gate === 'failing', fast);
    await waitFor('the first requests to end', () => delivery.uploader.status().uploading <= 1, fast);
    const seen = api.uploads.length;
    await waitFor(
      'five probes',
      () => {
        open = delivery.uploader.status().uploading;
        most = Math.max(most, open);
        return api.uploads.length >= seen + 5;
      },
      fast,
    );
    expect(most).toBe(1);
    isDown = false;
    await waitFor('delivery', () => isDelivered(delivery), fast);
    expect(delivery.ledger.conservationError()).toBe(0);
    await proxy.close();
  });

  it('does not let one batch that the api chokes on hold up the others', async () => {
    const names = await fillFolder(folder.path, 40);
    const poison = (names[0] ?? '').slice(-44, -8);
    api.act = ({ batchId }) => (batchId === poison ? { status: 500 } : 'store');
    const delivery = await start();
    await waitFor('the others', () => api.stored.size === 39, fast);
    expect(delivery.spool.stats().files).toBe(1);
    api.act = () => 'store';
    await waitFor('delivery', () => isDelivered(delivery), fast);
  });

  it('keeps everything while the key is refused, tries rarely, says so, and resumes', async () => {
    let tries = 0;
    api.act = () => (tries++, { status: 401 });
    const delivery = await start({
      uploader: { backoff: { minMs: 1, maxMs: 1, maxRetryAfterMs: 0, keyRetryMs: 300 } },
    });
    delivery.offer(makeBatch({ rows: 2, slotMs: 1000 }));
    await waitFor('the refusal', () => delivery.uploader.status().gate === 'refused', fast);
    for (let slot = 2; slot < 12; slot++) delivery.offer(makeBatch({ rows: 2, slotMs: slot * 1000 }));
    await waitFor('the spool', () => delivery.spool.stats().rows === 22, fast);
    expect(await delivery.metricsText()).toContain('headframe_upload_key_refused 1');
    const startMs = performance.now();
    await waitFor('three more tries', () => tries >= 4, fast);
    expect(performance.now() - startMs).toBeGreaterThan(550);
    expect(delivery.spool.stats()).toMatchObject({ files: 11, rows: 22 });
    expect(delivery.ledger.conservationError()).toBe(0);
    api.act = () => 'store';
    await waitFor('delivery', () => isDelivered(delivery), fast);
    expect(delivery.uploader.status().gate).toBe('open');
    expect(await delivery.metricsText()).toContain('headframe_upload_key_refused 0');
    expect(api.stored.size).toBe(22);
  });

  it('splits a batch that is too large until it fits, and sets a single row aside', async () => {
    const batch = makeBatch({ rows: 13, slotMs: 1000 });
    const huge = batch.keys[5]?.split(' ')[0];
    api.act = ({ rows }) =>
      rows.length > 4 || rows.some(({ miner_id }) => miner_id === huge) ? { status: 413 } : 'store';
    const delivery = await start();
    delivery.offer(batch);
    await waitFor('delivery', () => isDelivered(delivery), fast);
    expect(api.stored.size).toBe(12);
    expect(delivery.ledger.snapshot()).toMatchObject({ stored: 12, quarantined: 1 });
    expect(delivery.ledger.conservationError()).toBe(0);
    await delivery.uploader.stop({ deadlineMs: 1000 });
    expect(await quarantined()).toEqual([
      expect.stringMatching(/^0000000001000-r1-.*\.row_too_large\.json\.gz$/),
    ]);
  });

  it('splits a batch that is refused before it was read', async () => {
    const early = createServer((request, response) => {
      if (Number(request.headers['content-length']) > 200_000) {
        response.writeHead(413, { connection: 'close' }).end();
        response.once('finish', () => request.socket.destroySoon());
      } else {
        request.resume().once('end', () => response.end('{"success":true}'));
      }
    }).listen(0, '127.0.0.1');
    await once(early, 'listening');
    const { port } = early.address() as AddressInfo;
    const delivery = await start({ url: `http://127.0.0.1:${port}/` });
    const rows = Array.from({ length: 32 }, () => randomBytes(60_000).toString('base64'));
    delivery.offer({ batchId: randomUUID(), rows: 32, slotMs: 1000, gz: gzipSync(JSON.stringify(rows)) });
    await waitFor('delivery', () => isDelivered(delivery), fast);
    expect(delivery.ledger.snapshot()).toMatchObject({ stored: 32, quarantined: 0 });
    early.close();
    early.closeAllConnections();
  });

  it.each([400, 422])('sets a batch aside that the api answers with %d', async (status) => {
    api.act = ({ number }) => (number === 0 ? { status } : 'store');
    const delivery = await start();
    delivery.offer(makeBatch({ rows: 3, slotMs: 1000 }));
    await waitFor('the answer', () => isDelivered(delivery), fast);
    delivery.offer(makeBatch({ rows: 4, slotMs: 2000 }));
    await waitFor('delivery', () => api.stored.size === 4 && isDelivered(delivery), fast);
    expect(delivery.ledger.snapshot()).toMatchObject({ stored: 4, quarantined: 3 });
    await delivery.uploader.stop({ deadlineMs: 1000 });
    expect(await quarantined()).toEqual([expect.stringContaining(`.http_${status}.json.gz`)]);
  });

  it('keeps rejected rows with their reason and counts them', async () => {
    const rejected = [
      { index: 1, reason: 'TIME_TOO_OLD' },
      { index: 99, reason: 'NO_SUCH_ROW' },
    ];
    api.act = () => ok({ stored: 2, duplicate: 0, rejected });
    const delivery = await start();
    const batch = makeBatch({ rows: 3, slotMs: 1000 });
    delivery.offer(batch);
    await waitFor('delivery', () => isDelivered(delivery), fast);
    expect(delivery.ledger.snapshot()).toMatchObject({ stored: 2, rejected: 1 });
    expect(delivery.ledger.conservationError()).toBe(0);
    await delivery.uploader.stop({ deadlineMs: 1000 });
    const [name = ''] = await quarantined();
    expect(name).toMatch(/\.rejected_rows\.json\.gz$/);
    const kept: unknown = JSON.parse(
      gunzipSync(await readFile(join(folder.path, 'quarantine', name))).toString(),
    );
    expect(kept).toMatchObject([
      { index: 1, reason: 'TIME_TOO_OLD', row: { miner_id: `${batch.batchId}-1` } },
    ]);
  });

  it('shows rows that the api lost in the conservation error', async () => {
    api.act = () => ok({ stored: 2, duplicate: 0, rejected: [] });
    const delivery = await start();
    delivery.offer(makeBatch({ rows: 3, slotMs: 1000 }));
    await waitFor('delivery', () => isDelivered(delivery), fast);
    expect(delivery.ledger.conservationError()).toBe(1);
    expect(await delivery.metricsText()).toContain('headframe_conservation_error 1');
  });

  it('uploads straight from memory when the spool takes nothing', async () => {
    const delivery = await start({ spool: { maxBytes: 0 } });
    const batches = Array.from({ length: 20 }, (_, index) => makeBatch({ rows: 2, slotMs: index }));
    for (const batch of batches) expect(delivery.offer(batch)).toBe(true);
    await waitFor('delivery', () => isDelivered(delivery), fast);
    expect(api.stored.size).toBe(40);
    expect(delivery.ledger.snapshot()).toMatchObject({ stored: 40, dropped: {} });
  });

  it('drops the oldest from a full memory when neither spool nor api takes them, counted', async () => {
    api.act = () => 'reset';
    const size = makeBatch({ rows: 1, slotMs: 0 }).gz.byteLength;
    const delivery = await start({ spool: { maxBytes: 0 }, uploader: { liveBufferBytes: size * 5 } });
    for (let slot = 0; slot < 30; slot++) delivery.offer(makeBatch({ rows: 1, slotMs: slot }));
    await waitFor('drops', () => (delivery.ledger.snapshot().dropped['live_buffer_full'] ?? 0) >= 20, fast);
    expect(delivery.uploader.status().liveBytes).toBeLessThanOrEqual(size * 6);
    expect(delivery.ledger.conservationError()).toBe(0);
    await delivery.uploader.stop({ deadlineMs: 1000 });
    expect(delivery.ledger.snapshot()).toMatchObject({ inFlight: 0, inSpool: 0 });
    expect(delivery.ledger.snapshot().dropped['shutdown']).toBeGreaterThan(0);
    expect(delivery.ledger.conservationError()).toBe(0);
  });

  it('refuses more batches than may wait, and all after stop', async () => {
    const delivery = await start({ uploader: { inboxBatches: 2 } });
    const taken = Array.from({ length: 5 }, () => delivery.offer(makeBatch({ rows: 1, slotMs: 1 })));
    expect(taken).toEqual([true, true, false, false, false]);
    await delivery.uploader.stop({ deadlineMs: 1000 });
    expect(delivery.offer(makeBatch({ rows: 1, slotMs: 1 }))).toBe(false);
    expect(delivery.ledger.snapshot().dropped).toEqual({ uploader_busy: 4 });
    expect(delivery.ledger.conservationError()).toBe(0);
  });

  it('stops within its deadline with a request hanging, twice the same, and leaves the rest in the spool', async () => {
    api.act = () => 'hang';
    const delivery = await start({ deadlineMs: 60_000 });
    for (let slot = 0; slot < 8; slot++) delivery.offer(makeBatch({ rows: 1, slotMs: slot }));
    await waitFor('hanging requests', () => api.uploads.length > 0, fast);
    const startMs = performance.now();
    await Promise.all([
      delivery.uploader.stop({ deadlineMs: 200 }),
      delivery.uploader.stop({ deadlineMs: 200 }),
    ]);
    expect(performance.now() - startMs).toBeLessThan(1500);
    expect(delivery.ledger.snapshot()).toMatchObject({ inSpool: 8, inFlight: 0 });
    expect(delivery.ledger.conservationError()).toBe(0);

    api.act = () => 'store';
    const next = await start();
    await waitFor('delivery', () => isDelivered(next), fast);
    expect(api.stored.size).toBe(8);
  });
});

describe('a broken path to the api', () => {
  it.each(['blackhole', 'stall', 'reset', 'refuse'] as const)(
    '%s loses nothing and heals by itself',
    async (kind) => {
      const proxy = await startTcpProxy({ targetPort: api.port });
      const delivery = await start({ url: `${proxy.url}/`, deadlineMs: 100 });
      delivery.offer(makeBatch({ rows: 1, slotMs: 0 }));
      await waitFor('a healthy delivery', () => isDelivered(delivery), fast);
      await proxy.setMode({ kind });
      for (let slot = 1; slot < 10; slot++) delivery.offer(makeBatch({ rows: 1, slotMs: slot }));
      await waitFor('a failure', () => delivery.uploader.status().gate === 'failing', fast);
      await waitFor('the spool', () => delivery.spool.stats().rows === 9, fast);
      expect(delivery.ledger.conservationError()).toBe(0);
      await proxy.setMode({ kind: 'pass' });
      await waitFor('delivery', () => isDelivered(delivery), fast);
      expect(api.stored.size).toBe(10);
      expect(delivery.ledger.conservationError()).toBe(0);
      await proxy.close();
    },
  );

  it('sends a batch again whose answer was cut, at every length of the answer', async () => {
    const proxy = await startTcpProxy({ targetPort: api.port });
    const delivery = await start({ url: `${proxy.url}/` });
    for (let bytes = 0; bytes < 200; bytes += 23) {
      await proxy.setMode({ kind: 'truncate', bytes });
      delivery.offer(makeBatch({ rows: 2, slotMs: bytes }));
      const seen = api.uploads.length;
      await waitFor('a cut answer', () => api.uploads.length > seen, fast);
      await proxy.setMode({ kind: 'pass' });
      await waitFor('delivery', () => isDelivered(delivery), fast);
    }
    const { stored, duplicate } = delivery.ledger.snapshot();
    expect(stored + duplicate).toBe(18);
    expect(duplicate).toBeGreaterThan(0);
    expect(api.stored.size).toBe(18);
    expect(delivery.ledger.conservationError()).toBe(0);
    await proxy.close();
  });
});

describe('the conservation law', () => {
  const act = fc.oneof(
    { weight: 4, arbitrary: fc.constant<ApiAct>('store') },
    fc.constantFrom<ApiAct>(
      'store_then_reset',
      'reset',
      { status: 503, headers: { 'retry-after': '0' } },
      { status: 500 },
      { status: 413 },
      { status: 400 },
      { status: 401 },
      { status: 200, body: '{}' },
      { status: 200, body: '{"success":true}' },
    ),
  );

  it(
    'holds at every look, whatever the api answers, through restarts and a small spool',
    { timeout: 60_000 },
    async () => {
      const script = fc.record({
        acts: fc.array(act, { minLength: 1, maxLength: 30 }),
        batches: fc.array(fc.integer({ min: 1, max: 6 }), { minLength: 1, maxLength: 12 }),
        maxFiles: fc.constantFrom(0, 2, 1000),
        restarts: fc.boolean(),
      });
      await fc.assert(
        fc.asyncProperty(script, async ({ acts, batches, maxFiles, restarts }) => {
          const own = await makeFolder();
          const server = await startUploadApi(({ number }) => acts[number] ?? 'store');
          const backoff = { minMs: 1, maxMs: 2, maxRetryAfterMs: 2, keyRetryMs: 3 };
          const options = { dir: own.path, url: server.url, spool: { maxFiles }, uploader: { backoff } };
          let delivery = await startDelivery(options);
          for (const [slotMs, rows] of batches.entries()) {
            delivery.offer(makeBatch({ rows, slotMs }));
            expect(delivery.ledger.conservationError()).toBe(0);
            if (restarts && slotMs === 5) {
              await delivery.uploader.stop({ deadlineMs: 1000 });
              expect(delivery.ledger.conservationError()).toBe(0);
              delivery = await startDelivery(options);
            }
          }
          await waitFor(
            'delivery',
            () => {
              expect(delivery.ledger.conservationError()).toBe(0);
              return isDelivered(delivery);
            },
            { everyMs: 1 },
          );
          await delivery.uploader.stop({ deadlineMs: 1000 });
          expect(delivery.ledger.conservationError()).toBe(0);
          await server.close();
          await own.remove();
        }),
        { numRuns: 40 },
      );
    },
  );
});
