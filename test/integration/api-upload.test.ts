import { randomUUID } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AppError } from '../../src/domain/errors.js';
import { decodeUtf8 } from '../../src/domain/row-texts.js';
import { startTestApi, testKey, type TestApi } from '../support/api-server.js';

let api: TestApi;
beforeAll(async () => {
  api = await startTestApi({ options: { requestsPerMinute: 1_000_000 } });
});
afterAll(() => api.stop());

const miner = (id: string, fields: object = {}): object => ({
  miner_id: id,
  ip_address: '10.0.0.1',
  online: true,
  hashrate_ghs: 100_000,
  ...fields,
});
const upload = (
  body: Uint8Array | string | object,
  headers: Record<string, string> = { 'X-Collector-Key': testKey() },
  target = api,
): Promise<Response> =>
  fetch(`${target.url}/api/collector/upload`, {
    method: 'POST',
    headers,
    body: typeof body === 'string' || body instanceof Uint8Array ? body : JSON.stringify(body),
  });

describe('who may upload', () => {
  it.each([
    ['no key', {}, 'Missing collector API key', 'KEY_MISSING'],
    ['an empty key', { 'X-Collector-Key': ' ' }, 'Missing collector API key', 'KEY_MISSING'],
    ['another scheme', { Authorization: 'Basic abc' }, 'Missing collector API key', 'KEY_MISSING'],
    ['a malformed key', { 'X-Collector-Key': 'hsc_short' }, 'Invalid API key', 'KEY_INVALID'],
    ['an unknown key', { 'X-Collector-Key': testKey('z') }, 'Invalid API key', 'KEY_INVALID'],
  ])('answers 401 to %s', async (_name, headers, error, code) => {
    const before = api.calls['parseUpload'];
    const response = await upload([miner('a')], headers);
    expect(response.status).toBe(401);
    expect(await response.json()).toEqual({ success: false, error, code });
    expect(api.calls['parseUpload']).toBe(before);
  });

  it('takes the key as a bearer token too', async () => {
    const response = await upload([miner('bearer')], {
      Authorization: `Bearer ${testKey('b')}`,
      'X-Site-ID': '77',
    });
    expect(response.status).toBe(200);
    expect(api.batches.at(-1)).toMatchObject({ siteId: 2, keyId: 2 });
  });

  it('answers 503, never 401, while the database is away and the key is not cached', async () => {
    let isAway = true;
    const own = await startTestApi({
      deps: {
        findKey: async () => {
          if (isAway) throw new Error('connection refused');
          return { keyId: 9, siteId: 9, prefix: 'hsc_' };
        },
      },
    });
    try {
      const away = await upload([miner('a')], undefined, own);
      expect(away.status).toBe(503);
      expect(away.headers.get('retry-after')).toBe('5');
      expect(await away.json()).toMatchObject({ success: false, code: 'DATABASE_UNAVAILABLE' });
      isAway = false;
      expect((await upload([miner('a')], undefined, own)).status).toBe(200);
      isAway = true;
      expect((await upload([miner('b')], undefined, own)).status).toBe(200);
      expect(own.calls['findKey']).toBe(2);
    } finally {
      await own.stop();
    }
  });

  it('asks for a key again when it has been believed long enough, so that a revoked one ends', async () => {
    let nowMs = Date.now();
    let isRevoked = false;
    const own = await startTestApi({
      deps: {
        now: () => nowMs,
        findKey: async () => (isRevoked ? null : { keyId: 1, siteId: 1, prefix: 'hsc_' }),
      },
    });
    try {
      expect((await upload([miner('a')], undefined, own)).status).toBe(200);
      isRevoked = true;
      expect((await upload([miner('a')], undefined, own)).status).toBe(200);
      nowMs += 30_001;
      expect((await upload([miner('a')], undefined, own)).status).toBe(401);
    } finally {
      await own.stop();
    }
  });

  it('looks a key up once for many uploads at once, and slows a guesser before the database is asked', async () => {
    const own = await startTestApi({ options: { badKeysPerMinute: 5 } });
    try {
      await Promise.all(
        Array.from({ length: 10 }, (_, index) => upload([miner(`m${index}`)], undefined, own)),
      );
      expect(own.calls['findKey']).toBe(1);
      const statuses: number[] = [];
      for (let guess = 0; guess < 8; guess++) {
        const key = `hsc_${String(guess).repeat(43)}`;
        statuses.push((await upload([], { 'X-Collector-Key': key }, own)).status);
      }
      expect(statuses).toEqual([401, 401, 401, 401, 401, 429, 429, 429]);
      expect(own.calls['findKey']).toBe(6);
      expect((await upload([miner('known')], undefined, own)).status).toBe(200);
    } finally {
      await own.stop();
    }
  });

  it('behind a trusted proxy slows the guesser alone, not collectors whose keys are looked up again', async () => {
    const own = await startTestApi({ options: { badKeysPerMinute: 2, trustProxy: 'loopback', keyTtlMs: 0 } });
    try {
      const from = async (address: string, key: string): Promise<number> =>
        (await upload([], { 'X-Collector-Key': key, 'X-Forwarded-For': address }, own)).status;
      const guesser = '203.0.113.9';
      const statuses: number[] = [];
      for (const letter of 'xyz') statuses.push(await from(guesser, testKey(letter)));
      expect(statuses).toEqual([401, 401, 429]);
      expect(await from('198.51.100.7', testKey('a'))).toBe(200);
    } finally {
      await own.stop();
    }
  });

  it('limits the requests of a key and says so, without reading the body', async () => {
    const own = await startTestApi({ options: { requestsPerMinute: 3 } });
    try {
      const first = await upload([miner('a')], undefined, own);
      expect(first.headers.get('x-ratelimit-limit')).toBe('3');
      expect(first.headers.get('x-ratelimit-remaining')).toBe('2');
      await upload([miner('b')], undefined, own);
      await upload([miner('c')], undefined, own);
      const over = await upload([miner('d')], undefined, own);
      expect(over.status).toBe(429);
      expect(Number(over.headers.get('retry-after'))).toBeGreaterThan(0);
      expect(Number(over.headers.get('x-ratelimit-reset'))).toBeGreaterThan(0);
      expect(await over.json()).toEqual({
        success: false,
        error: 'Rate limit exceeded',
        code: 'RATE_LIMITED',
      });
      expect(own.calls['parseUpload']).toBe(3);
      expect((await upload([miner('e')], { 'X-Collector-Key': testKey('b') }, own)).status).toBe(200);
    } finally {
      await own.stop();
    }
  });
});

describe('what an upload is answered', () => {
  it('has the shape of the contract', async () => {
    const body = [miner('shape-1'), miner('shape-2', { online: false }), miner(''), 'junk', miner('shape-1')];
    const response = await upload(body);
    expect(response.status).toBe(200);
    const answer = (await response.json()) as { data: { processing_time_ms: number } };
    expect(answer).toEqual({
      success: true,
      inserted: 2,
      updated: 2,
      data: {
        processed: 2,
        online: 1,
        offline: 1,
        processing_time_ms: answer.data.processing_time_ms,
        stored: 2,
        duplicate: 0,
        rejected: [
          { index: 2, reason: 'INVALID_MINER_ID' },
          { index: 3, reason: 'NOT_AN_OBJECT' },
          { index: 4, reason: 'DUPLICATE_IN_BATCH' },
        ],
      },
    });
    expect(answer.data.processing_time_ms).toBeGreaterThanOrEqual(0);
  });

  it('says duplicate for a batch sent twice, by its id or by its content', async () => {
    const named = { 'X-Collector-Key': testKey(), 'X-Batch-Id': randomUUID().toUpperCase() };
    const dated = [miner('twice', { timestamp: new Date().toISOString() })];
    expect(await (await upload(dated, named)).json()).not.toHaveProperty('duplicate');
    const again = (await (await upload(dated, named)).json()) as { data: object };
    expect(again).toMatchObject({
      success: true,
      duplicate: true,
      inserted: 0,
      data: { stored: 0, duplicate: 1 },
    });
    expect(api.batches.at(-1)?.batchId).toBe(named['X-Batch-Id'].toLowerCase());

    const unnamed = [miner('thrice', { timestamp: new Date().toISOString() })];
    expect(await (await upload(unnamed)).json()).not.toHaveProperty('duplicate');
    expect(await (await upload(unnamed)).json()).toMatchObject({ duplicate: true });
    const compressed = gzipSync(JSON.stringify(unnamed));
    expect(await (await upload(compressed)).json()).toMatchObject({ duplicate: true });
  });

  it('names rows the database could not take by their place in the upload', async () => {
    const own = await startTestApi({
      deps: {
        writeBatch: async (batch) => ({
          stored: batch.rowCount - 1,
          duplicate: 0,
          updated: batch.rowCount - 1,
          created: 0,
          isDuplicateBatch: false,
          unstorable: [0],
        }),
      },
    });
    try {
      const response = await upload([miner('z'), miner('a', { online: false }), 5], undefined, own);
      expect(await response.json()).toMatchObject({
        inserted: 1,
        data: {
          processed: 1,
          online: 1,
          offline: 0,
          stored: 1,
          duplicate: 0,
          rejected: [
            { index: 1, reason: 'UNSTORABLE' },
            { index: 2, reason: 'NOT_AN_OBJECT' },
          ],
        },
      });
      expect(await own.metric('headframe_ingest_rows_total{outcome="rejected"}')).toBe(2);
      expect(await own.metric('headframe_ingest_rejected_total{reason="UNSTORABLE"}')).toBe(1);
    } finally {
      await own.stop();
    }
  });

  it.each([
    ['an object', '{"miners": []}', 'Expected array of miner data', 'NOT_AN_ARRAY'],
    ['null', 'null', 'Expected array of miner data', 'NOT_AN_ARRAY'],
    ['no JSON', 'hello', /^Invalid JSON: /, 'JSON_INVALID'],
    ['nothing', '', /^Invalid JSON: /, 'JSON_INVALID'],
  ])('is 400 for %s', async (_name, body, error, code) => {
    const response = await upload(body);
    expect(response.status).toBe(400);
    const answer = (await response.json()) as { error: string };
    expect(answer).toMatchObject({ success: false, code });
    expect(answer.error).toMatch(error);
  });

  it('is 503 with Retry-After when the database refuses or never answers', async () => {
    const failing = await startTestApi({
      deps: {
        writeBatch: async () =>
          Promise.reject(new AppError('DATABASE_UNAVAILABLE', 'away', { retryAfterS: 2 })),
      },
    });
    const silent = await startTestApi({
      deps: { writeBatch: () => new Promise(() => undefined) },
      options: { databaseDeadlineMs: 100 },
    });
    try {
      for (const [target, wait] of [
        [failing, '2'],
        [silent, '5'],
      ] as const) {
        const response = await upload([miner('a')], undefined, target);
        expect(response.status).toBe(503);
        expect(response.headers.get('retry-after')).toBe(wait);
        expect(await response.json()).toMatchObject({ success: false, code: 'DATABASE_UNAVAILABLE' });
      }
    } finally {
      await failing.stop();
      await silent.stop();
    }
  });

  it('is 500 without details for a fault of the program', async () => {
    const own = await startTestApi({
      deps: { writeBatch: async () => Promise.reject(new Error('secret detail')) },
    });
    try {
      const response = await upload([miner('a')], undefined, own);
      expect(response.status).toBe(500);
      expect(await response.json()).toEqual({ success: false, error: 'Internal error', code: 'INTERNAL' });
      expect(await own.metric('collector_upload_total{site="1",outcome="INTERNAL"}')).toBe(1);
    } finally {
      await own.stop();
    }
  });

  it('is counted by site and outcome, with the clock’s skew', async () => {
    const own = await startTestApi({ deps: { now: () => Date.UTC(2026, 4, 20, 12, 1) } });
    try {
      await upload([miner('a', { timestamp: '2026-05-20T12:00:00' })], undefined, own);
      await upload('nonsense', undefined, own);
      expect(await own.metric('collector_upload_total{site="1",outcome="stored"}')).toBe(1);
      expect(await own.metric('collector_upload_total{site="1",outcome="JSON_INVALID"}')).toBe(1);
      expect(await own.metric('collector_upload_latency_ms_count')).toBe(2);
      expect(await own.metric('headframe_clock_skew_seconds{site="1"}')).toBe(60);
      expect(await own.metric('headframe_ingest_rows_total{outcome="stored"}')).toBe(1);
      expect(await own.metric('headframe_ingest_inflight_bytes')).toBe(0);
      const route = 'route="/api/collector/upload"';
      expect(await own.metric(`headframe_http_requests_total{${route},status="400"}`)).toBe(1);
    } finally {
      await own.stop();
    }
  });
});

describe('an unmodified collector of another make', () => {
  it('is understood: octet-stream, gzip, bearer, naive times, text numbers, bare NaN, its own boards', async () => {
    const naive = new Date().toISOString().replace('Z', '456');
    const body = `[{"miner_id": "A-17", "ip_address": "192.168.4.9", "timestamp": "${naive}", "online": true,
      "hashrate_ghs": "95123.12", "hashrate_5s_ghs": NaN, "temperature_avg": 61.5, "temperature_max": 71,
      "temperature_chips": [62, 3, 68], "fan_speeds": [4, 5200, 5300], "uptime_seconds": 86400.9,
      "accepted_shares": 12500, "rejected_shares": -3, "efficiency": Infinity, "overall_health": "degraded",
      "boards": [{"board_index": 0, "hashrate_ths": 31.7, "temperature_c": 62.0, "chips_total": 76,
        "chips_ok": 76, "chips_failed": 0, "chip_status": "ooo", "frequency_mhz": 580, "voltage_mv": 12800,
        "health": "healthy"}], "vendor_extra": {"x": [1, 2]}}, {"miner_id": "A-18", "online": false}]`;
    const response = await upload(gzipSync(body), {
      Authorization: `Bearer ${testKey()}`,
      'Content-Type': 'application/octet-stream',
      'Content-Encoding': 'gzip',
      'X-Site-ID': 'ignored',
      'X-Upload-Mode': 'batch',
    });
    expect(response.status).toBe(200);
    expect(await response.json()).toMatchObject({
      success: true,
      inserted: 2,
      data: { processed: 2, online: 1, offline: 1, rejected: [] },
    });
    const rows = JSON.parse(decodeUtf8(api.batches.at(-1)?.rows ?? Buffer.from('[]'))) as object[];
    expect(rows[0]).toMatchObject({
      key: 'A-17',
      time: naive.replace(/456$/, 'Z'),
      state: 'mining',
      hashrate_ghs: 95123.12,
      hashrate_5s_ghs: null,
      temperature_chips: [62, 68],
      fan_speeds: [5200, 5300],
      uptime_seconds: 86400,
      rejected_shares: null,
      efficiency: null,
      reported_health: 'degraded',
      board_hashrate_ghs: [31_700],
    });
  });

  it('finds 404, not 401, on routes of a newer protocol, and falls back', async () => {
    for (const [method, path] of [
      ['POST', '/api/edge/v1/telemetry'],
      ['GET', '/api/collector/upload'],
      ['GET', '/api/nothing'],
      ['PUT', '/api/collector/status'],
    ] as const) {
      const response = await fetch(`${api.url}${path}`, { method });
      expect(response.status).toBe(404);
      expect(await response.json()).toEqual({ success: false, error: 'No such route', code: 'NOT_FOUND' });
    }
  });

  it('tries its connection and its key', async () => {
    const open = (await (await fetch(`${api.url}/api/collector/status`)).json()) as { time: string };
    expect(open).toEqual({ success: true, status: 'ok', version: '0.0.0-test', time: open.time });
    expect(Math.abs(Date.parse(open.time) - Date.now())).toBeLessThan(60_000);
    const status = (key: string): Promise<Response> =>
      fetch(`${api.url}/api/collector/status`, { headers: { 'X-Collector-Key': key } });
    expect(await (await status(testKey('b'))).json()).toMatchObject({ success: true, site_id: 2 });
    expect((await status(testKey('y'))).status).toBe(401);
  });
});
