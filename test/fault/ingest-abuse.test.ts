import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import path from 'node:path';
import { createGzip, gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestApi, testKey, type TestApi } from '../support/api-server.js';
import { waitFor } from '../support/wait.js';

const mib = 1024 ** 2;
let api: TestApi;
beforeAll(async () => {
  api = await startTestApi({ options: { requestsPerMinute: 1_000_000, bodyTimeoutMs: 700, discardMs: 300 } });
});
afterAll(() => api.stop());

const good = JSON.stringify([{ miner_id: 'good', online: true, hashrate_ghs: 1 }]);
const upload = (
  body: Uint8Array | string,
  headers: Record<string, string> = {},
  target = api,
): Promise<Response> =>
  fetch(`${target.url}/api/collector/upload`, {
    method: 'POST',
    headers: { 'X-Collector-Key': testKey(), ...headers },
    body: body,
  });
const codeOf = async (response: Response): Promise<[number, string]> => {
  const answer = (await response.json()) as { code: string };
  return [response.status, answer.code];
};

/** `bytes` zeros, compressed without ever holding them. */
async function bombOf(bytes: number): Promise<Buffer> {
  const gzip = createGzip({ level: 9 });
  const parts: Buffer[] = [];
  gzip.on('data', (part: Buffer) => parts.push(part));
  const zeros = Buffer.alloc(mib);
  for (let written = 0; written < bytes; written += mib) {
    if (!gzip.write(zeros)) await once(gzip, 'drain');
  }
  gzip.end();
  await once(gzip, 'end');
  return Buffer.concat(parts);
}

/** The most the process grew while `work` ran, MiB. */
async function growthMib(work: () => Promise<unknown>): Promise<number> {
  const before = process.memoryUsage().rss;
  let peak = before;
  const timer = setInterval(() => (peak = Math.max(peak, process.memoryUsage().rss)), 2);
  await work();
  clearInterval(timer);
  return (Math.max(peak, process.memoryUsage().rss) - before) / mib;
}

/** A request written by hand: the head, then whatever the test writes. */
async function openRequest(target: TestApi, headers: string[]): Promise<Socket & { answer: () => string }> {
  const socket = connect(target.server.port, '127.0.0.1');
  await once(socket, 'connect');
  let text = '';
  socket.on('data', (part: Buffer) => (text += part.toString('latin1')));
  socket.on('error', () => undefined);
  const head = ['POST /api/collector/upload HTTP/1.1', 'Host: test', ...headers, '', ''];
  socket.write(head.join('\r\n'));
  return Object.assign(socket, { answer: () => text });
}

describe('gzip bombs', () => {
  it('are refused and only ever counted: less than 64 MiB, also when the trailer lies', async () => {
    const bomb = await bombOf(256 * mib);
    expect(bomb.length).toBeLessThan(300_000);
    const liar = Buffer.from(bomb);
    liar.writeUInt32LE(1_000, liar.length - 4);
    for (let round = 0; round < 10; round++) await upload(Buffer.alloc(bomb.length, 'x'));
    const growth = await growthMib(async () => {
      for (let round = 0; round < 4; round++) {
        expect(await codeOf(await upload(bomb))).toEqual([413, 'BODY_TOO_LARGE']);
        expect(await codeOf(await upload(liar))).toEqual([413, 'BODY_TOO_LARGE']);
      }
    });
    expect(growth).toBeLessThan(64);
    expect((await upload(gzipSync(good))).status).toBe(200);
  });

  it('of members in a row count together', async () => {
    const half = gzipSync(Buffer.alloc(3 * mib, ' '));
    const own = await startTestApi({ options: { maxInflatedBytes: 4 * mib } });
    try {
      expect(await codeOf(await upload(Buffer.concat([half, half]), {}, own))).toEqual([
        413,
        'BODY_TOO_LARGE',
      ]);
      const split = Buffer.concat([gzipSync(good.slice(0, 10)), gzipSync(good.slice(10))]);
      expect((await upload(split, {}, own)).status).toBe(200);
    } finally {
      await own.stop();
    }
  });
});

describe('bodies that are not what they say', () => {
  it('are 400: cut gzip at every length, false gzip, gzip in gzip, a broken checksum', async () => {
    const gzip = gzipSync(good);
    const cuts = [1, 2, 10, 11, gzip.length - 9, gzip.length - 8, gzip.length - 4, gzip.length - 1];
    for (const length of cuts) {
      const response = await upload(gzip.subarray(0, length), { 'Content-Encoding': 'gzip' });
      expect([length, ...(await codeOf(response))]).toEqual([length, 400, 'GZIP_INVALID']);
    }
    const broken = Buffer.from(gzip);
    broken.writeUInt32LE(0, broken.length - 8);
    for (const body of [broken, gzipSync(gzip)])
      expect(await codeOf(await upload(body))).toEqual([400, 'GZIP_INVALID']);
    const plain = await upload(good, { 'Content-Encoding': 'gzip' });
    expect(await plain.json()).toEqual({ success: false, error: 'Invalid gzip body', code: 'GZIP_INVALID' });
  });

  it('are 413 before a byte is read when the declared length is over the limit', async () => {
    const socket = await openRequest(api, [`X-Collector-Key: ${testKey()}`, `Content-Length: ${9 * mib}`]);
    await waitFor('the answer', () => socket.answer().includes('BODY_TOO_LARGE'));
    expect(socket.answer()).toMatch(/^HTTP\/1.1 413 /);
    socket.destroy();
  });

  it('are 413 while they come when no length was declared', async () => {
    const own = await startTestApi({ options: { maxWireBytes: 100_000 } });
    try {
      const socket = await openRequest(own, [`X-Collector-Key: ${testKey()}`, 'Transfer-Encoding: chunked']);
      for (let sent = 0; sent < 5; sent++) socket.write(`6400\r\n${'x'.repeat(0x6400)}\r\n`);
      await waitFor('the answer', () => socket.answer().includes('BODY_TOO_LARGE'));
      expect(socket.answer()).toMatch(/^HTTP\/1.1 413 /);
      expect(own.calls['parseUpload']).toBe(0);
      socket.destroy();
    } finally {
      await own.stop();
    }
  });
});

describe('senders that are slow or rude', () => {
  it('are answered 408 at a byte per moment, and cut off', async () => {
    const socket = await openRequest(api, [`X-Collector-Key: ${testKey()}`, 'Content-Length: 100000']);
    const drip = setInterval(() => socket.write('['), 50);
    const startedMs = performance.now();
    await waitFor('the answer', () => socket.answer().includes('BODY_TIMEOUT'));
    expect(socket.answer()).toMatch(/^HTTP\/1.1 408 /);
    expect(performance.now() - startedMs).toBeGreaterThan(600);
    await waitFor(
      'the end of the connection',
      () => socket.closed || socket.destroyed || socket.readableEnded,
    );
    clearInterval(drip);
    socket.destroy();
    expect(await api.metric('headframe_ingest_inflight_bytes')).toBe(0);
  });

  it('give back their memory when they go away in the middle', async () => {
    const socket = await openRequest(api, [`X-Collector-Key: ${testKey()}`, 'Content-Length: 1000000']);
    socket.write('[');
    await waitFor(
      'the lease',
      async () => (await api.metric('headframe_ingest_inflight_bytes')) === 1_000_000,
    );
    socket.destroy();
    await waitFor('its release', async () => (await api.metric('headframe_ingest_inflight_bytes')) === 0);
  });

  it('without a key never reach the inflater, and are not read for ever', async () => {
    const before = { ...api.calls };
    const bomb = await bombOf(64 * mib);
    const refused = [
      { 'X-Collector-Key': '' },
      { 'X-Collector-Key': testKey('q') },
      { 'X-Collector-Key': 'junk' },
    ];
    for (const headers of refused) expect((await upload(bomb, headers)).status).toBe(401);
    expect(api.calls['parseUpload']).toBe(before['parseUpload']);
    expect(await api.metric('headframe_ingest_inflight_bytes')).toBe(0);

    const socket = await openRequest(api, ['Content-Length: 100000000']);
    const flood = setInterval(() => socket.write(Buffer.alloc(1_000, 'x')), 10);
    await waitFor('the answer', () => socket.answer().startsWith('HTTP/1.1 401 '));
    await waitFor(
      'the end of the connection',
      () => socket.closed || socket.destroyed || socket.readableEnded,
    );
    clearInterval(flood);
    expect(api.calls['parseUpload']).toBe(before['parseUpload']);
  });

  it('that wait for "100 Continue" are refused before they send', async () => {
    const socket = await openRequest(api, ['Content-Length: 1000', 'Expect: 100-continue']);
    await waitFor('the answer', () => socket.answer().includes('KEY_MISSING'));
    expect(socket.answer()).not.toContain('100 Continue');
    expect(socket.answer()).toMatch(/connection: close/i);
    socket.destroy();
    const allowed = await openRequest(api, [
      `X-Collector-Key: ${testKey()}`,
      `Content-Length: ${good.length}`,
      'Expect: 100-continue',
    ]);
    await waitFor('the go-ahead', () => allowed.answer().startsWith('HTTP/1.1 100 Continue'));
    allowed.write(good);
    await waitFor('the answer', () => allowed.answer().includes('"success":true'));
    allowed.destroy();
  });
});

describe('poison rows', () => {
  it('are rejected alone, with index and reason, and the others are stored', async () => {
    const now = new Date().toISOString();
    const body = [
      { miner_id: 'nul\u0000id', online: true },
      { miner_id: 'poison-text', online: true, hashrate_ghs: 5, model: 'a\u0000b', worker_name: '\udc00x' },
      { miner_id: 'poison-2106', online: true, timestamp: '2106-02-07T06:28:15Z' },
      { miner_id: 'poison-big', online: true, hashrate_ghs: 1e308, accepted_shares: 1e30, latency_ms: 1e12 },
      { miner_id: 'poison-twice', online: true, timestamp: now, hashrate_ghs: 1 },
      { miner_id: 'poison-twice', online: true, timestamp: now, hashrate_ghs: 2 },
      { miner_id: 'poison-column', online: true, hashrate_ghs: 5, drop_table: true, boards: 'none' },
      { miner_id: 'poison-old', online: true, timestamp: '2020-01-01T00:00:00Z' },
      { miner_id: 'x'.repeat(500), online: true },
      [[[[]]]],
    ];
    const response = await upload(JSON.stringify(body));
    expect(response.status).toBe(200);
    expect(await response.json()).toMatchObject({
      success: true,
      data: {
        processed: 4,
        rejected: [
          { index: 0, reason: 'INVALID_MINER_ID' },
          { index: 2, reason: 'TIME_IN_FUTURE' },
          { index: 5, reason: 'DUPLICATE_IN_BATCH' },
          { index: 7, reason: 'TIME_TOO_OLD' },
          { index: 8, reason: 'INVALID_MINER_ID' },
          { index: 9, reason: 'NOT_AN_OBJECT' },
        ],
      },
    });
    expect(Buffer.from(api.batches.at(-1)?.rows ?? []).toString()).not.toMatch(/\\u0000|\\ud|1e\+/i);
  });
});

describe('too much at once', () => {
  it('is shed with 503 and Retry-After while the memory for bodies is taken, and flows again after', async () => {
    let open: (() => void) | undefined;
    const gate = new Promise<void>((resolve) => (open = resolve));
    const body = JSON.stringify(
      Array.from({ length: 500 }, (_, id) => ({ miner_id: `m${id}`, online: true })),
    );
    const own = await startTestApi({
      options: { maxInflightBytes: body.length + 1_000 },
      deps: {
        writeBatch: async (batch) => {
          await gate;
          const { rowCount } = batch;
          return {
            stored: rowCount,
            duplicate: 0,
            updated: 0,
            created: 0,
            isDuplicateBatch: false,
            unstorable: [],
          };
        },
      },
    });
    try {
      const held = upload(body, {}, own);
      await waitFor('the write', () => (own.calls['writeBatch'] ?? 0) === 1);
      const shed = await upload(body, {}, own);
      expect(shed.headers.get('retry-after')).toBe('1');
      expect(await codeOf(shed)).toEqual([503, 'OVERLOADED']);
      expect(own.calls['parseUpload']).toBe(1);
      open?.();
      expect((await held).status).toBe(200);
      expect((await upload(body, {}, own)).status).toBe(200);
    } finally {
      open?.();
      await own.stop();
    }
  });

  it('in one upload ends its thread, not the api', async () => {
    const own = await startTestApi({ pool: { maxHeapMb: 32 } });
    try {
      const greedy = gzipSync(`[${'{},'.repeat(2_000_000)}{}]`);
      expect(await codeOf(await upload(greedy, {}, own))).toEqual([413, 'BODY_TOO_LARGE']);
      expect((await upload(good, {}, own)).status).toBe(200);
    } finally {
      await own.stop();
    }
  });
});

describe('threads that fail', () => {
  const workerFile = path.resolve(import.meta.dirname, '../support/failing-ingest-worker.mjs');

  it('fail their own upload only, and are replaced within 2 s', async () => {
    const own = await startTestApi({ pool: { workerFile, deadlineMs: 500 } });
    try {
      expect((await upload('fine', {}, own)).status).toBe(200);
      for (const [words, answer] of [
        ['exit', [500, 'INTERNAL']],
        ['throw', [500, 'INTERNAL']],
        ['loop', [503, 'OVERLOADED']],
      ] as const) {
        expect([words, ...(await codeOf(await upload(words, {}, own)))]).toEqual([words, ...answer]);
        const failedMs = performance.now();
        await waitFor('a working thread', async () => (await upload('fine', {}, own)).status === 200);
        expect(performance.now() - failedMs).toBeLessThan(2_000);
      }
    } finally {
      await own.stop();
    }
  });

  it('leave a bounded queue: past it uploads are shed', async () => {
    const own = await startTestApi({ pool: { workerFile, deadlineMs: 800, maxQueue: 2 } });
    try {
      const statuses = await Promise.all(
        Array.from({ length: 6 }, () => upload('loop', {}, own).then(codeOf)),
      );
      expect(statuses).toEqual(Array.from({ length: 6 }, () => [503, 'OVERLOADED']));
      await waitFor('a working thread', async () => (await upload('fine', {}, own)).status === 200);
    } finally {
      await own.stop();
    }
  });
});
