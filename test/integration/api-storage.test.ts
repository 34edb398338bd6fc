import { randomUUID } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { LivePage, MinerDetail, SiteSummary } from '../../src/domain/ingest.js';
import { storeDeps } from '../../src/roles/read-deps.js';
import { storeOn } from '../../src/roles/store.js';
import { startTestApi, type TestApi } from '../support/api-server.js';
import { testEditions } from '../support/database.js';
import { createTestStorage, openTestDatabase, type TestStorage } from '../support/storage.js';
import { startTcpProxy } from '../support/tcp-proxy.js';
import { waitFor } from '../support/wait.js';

describe.each(testEditions())('the api on %s', (edition) => {
  let storage: TestStorage;
  let api: TestApi;
  let key: string;
  beforeAll(async () => {
    storage = await createTestStorage(edition);
    key = (await storage.keys.create(storage.key.siteId)).key;
    const options = { requestsPerMinute: 1_000_000, summaryTtlMs: 0, liveTtlMs: 0, keyTtlMs: 100 };
    api = await startTestApi({ deps: storeDeps(storeOn(storage.db), 90), options });
  });
  afterAll(async () => {
    await api.stop();
    await storage.close();
  });

  interface Answer {
    readonly success: boolean;
    readonly duplicate?: boolean;
    readonly inserted: number;
    readonly updated: number;
    readonly data: { readonly stored: number; readonly duplicate: number; readonly rejected: object[] };
  }
  const upload = async (records: unknown, headers: Record<string, string> = {}): Promise<Answer> => {
    const response = await fetch(`${api.url}/api/collector/upload`, {
      method: 'POST',
      headers: { 'X-Collector-Key': key, 'Content-Type': 'application/octet-stream', ...headers },
      body: gzipSync(JSON.stringify(records)),
    });
    expect(response.status).toBe(200);
    return (await response.json()) as Answer;
  };
  const read = async <T>(route: string): Promise<T> => {
    const response = await fetch(`${api.url}/api/collector/${route}`);
    expect(response.status).toBe(200);
    return ((await response.json()) as { data: T }).data;
  };
  const historyOf = (minerId: string): Promise<{ time: Date; hashrate_ghs: number | null }[]> =>
    storage.query(`select h.time, h.hashrate_ghs from miner_telemetry_history h
      join miners m using (miner_id) where m.key = '${minerId}' order by h.time`);
  const secondsAgo = (seconds: number): string => new Date(Date.now() - seconds * 1_000).toISOString();

  it('stores an upload before it answers, and shows it live', async () => {
    const time = secondsAgo(5);
    const answer = await upload([
      {
        miner_id: 'live-1',
        ip_address: '10.7.0.1',
        timestamp: time,
        online: true,
        hashrate_ghs: 95_000,
        hashrate_expected_ghs: 100_000,
        temperature_max: 71.5,
        fan_speeds: [5200, 5300],
        temperature_chips: [62, 71],
        boards: [{ id: 0, hashrate: 95_000, temp: 62, chips_ok: 76, chips_total: 76 }],
        model: 'S19',
        uptime_seconds: 7_200,
      },
      { miner_id: 'live-2', timestamp: time, online: false, error_message: 'no answer' },
    ]);
    expect(answer).toMatchObject({
      inserted: 2,
      updated: 2,
      data: { stored: 2, duplicate: 0, rejected: [] },
    });
    const history = await historyOf('live-1');
    expect(history).toMatchObject([{ time: new Date(time), hashrate_ghs: 95_000 }]);
    expect(await historyOf('live-2')).toMatchObject([{ hashrate_ghs: null }]);

    const page = await read<LivePage>(`live/${storage.key.siteId}?search=live-&sort=miner_id`);
    expect(page.pagination).toEqual({ page: 1, per_page: 50, total: 2, pages: 1, next_cursor: null });
    expect(page.miners).toMatchObject([
      {
        miner_id: 'live-1',
        ip_address: '10.7.0.1',
        online: true,
        state: 'mining',
        hashrate_ths: 95,
        uptime_hours: 2,
      },
      { miner_id: 'live-2', online: false, state: 'unreachable', health: 'offline', hashrate_ths: null },
    ]);
    const detail = await read<MinerDetail>(`sites/${storage.key.siteId}/miners/live-1`);
    expect(detail).toMatchObject({
      model: 'S19',
      temperature_chips: [62, 71],
      boards: [{ id: 0, chips_ok: 76 }],
    });
    const summary = await read<SiteSummary>(`summary/${storage.key.siteId}`);
    expect(summary).toMatchObject({
      site_name: 'north',
      total_miners: 2,
      online_miners: 1,
      total_hashrate_ths: 95,
    });
    expect(await read(`top/${storage.key.siteId}`)).toMatchObject({ hottest: [{ miner_id: 'live-1' }] });
    expect(await read('stats')).toMatchObject({ total_sites: 1, total_miners: 2 });
    expect(await read('sites')).toMatchObject([{ site_name: 'north' }]);
    expect((await fetch(`${api.url}/readyz`)).status).toBe(200);
  });

  it('stores a batch once when it comes three times, two of them at once, named or not', async () => {
    for (const headers of [{ 'X-Batch-Id': randomUUID() }, {}]) {
      const minerId = `once-${Object.keys(headers).length}`;
      const batch = [{ miner_id: minerId, timestamp: secondsAgo(60), online: true, hashrate_ghs: 1 }];
      const answers = [
        ...(await Promise.all([upload(batch, headers), upload(batch, headers)])),
        await upload(batch, headers),
      ];
      expect(answers.map((answer) => answer.data.stored).sort()).toEqual([0, 0, 1]);
      expect(answers[2]).toMatchObject({ success: true, duplicate: true, data: { stored: 0, duplicate: 1 } });
      expect(await historyOf(minerId)).toHaveLength(1);
    }
  });

  it('never lets an older sample overwrite a newer one', async () => {
    await upload([{ miner_id: 'order', timestamp: secondsAgo(1), online: true, hashrate_ghs: 2_000 }]);
    const late = await upload([
      { miner_id: 'order', timestamp: secondsAgo(3_600), online: true, hashrate_ghs: 1_000 },
    ]);
    expect(late).toMatchObject({ inserted: 1, updated: 0 });
    expect((await historyOf('order')).map((row) => row.hashrate_ghs)).toEqual([1_000, 2_000]);
    expect(await read(`sites/${storage.key.siteId}/miners/order`)).toMatchObject({ hashrate_ths: 2 });
  });

  it('takes an empty upload and one whose records are all refused', async () => {
    expect(await upload([])).toMatchObject({ success: true, data: { stored: 0, rejected: [] } });
    expect(await upload([1, 2])).toMatchObject({
      data: { stored: 0, rejected: [{ index: 0 }, { index: 1 }] },
    });
  });

  it('lets nothing through that the database then refuses', async () => {
    const numbers = [
      0,
      -0,
      1e-45,
      1e-31,
      3e38,
      1e12,
      1e308,
      -1e308,
      2 ** 31,
      2 ** 53,
      2 ** 63,
      32_767,
      32_768,
      127,
      250,
      -60,
    ];
    const texts = [
      '',
      '\u0000',
      'a\u0000b',
      '\ud800',
      '\udfff\ud800',
      '😀',
      '\\u0000',
      'x'.repeat(100_000),
      '{"a":1}',
      "'",
    ];
    const numeric = [
      'hashrate_ghs',
      'hashrate_5s_ghs',
      'hashrate_expected_ghs',
      'temperature_avg',
      'temperature_min',
      'temperature_max',
      'frequency_avg',
      'accepted_shares',
      'rejected_shares',
      'hardware_errors',
      'uptime_seconds',
      'power_consumption',
      'efficiency',
      'pool_latency_ms',
      'latency_ms',
      'offset_ms',
      'boards_total',
      'boards_healthy',
    ];
    const textual = [
      'pool_url',
      'worker_name',
      'model',
      'firmware_version',
      'error_message',
      'error_class',
      'family',
      'overall_health',
      'state',
      'mac',
      'ip_address',
    ];
    const timestamp = secondsAgo(30);
    const base = { timestamp, online: true, state: 'mining' };
    const records = [
      ...numbers.map((value, index) => ({
        ...base,
        ...Object.fromEntries(numeric.map((name) => [name, value])),
        miner_id: `number-${index}`,
        temperature_chips: [value, 60],
        fan_speeds: [value, null],
        boards: [
          {
            id: value,
            hashrate: value,
            temp: value,
            chips_ok: value,
            chips_total: value,
            hardware_errors: value,
          },
        ],
      })),
      ...texts.map((value, index) => ({
        ...base,
        ...Object.fromEntries(textual.map((name) => [name, value])),
        miner_id: `text-${index}`,
        details: { value, list: [value], truncated: [value] },
        raw: { stats: value, [value.slice(0, 50)]: value },
        boards: [{ id: 1, serial: value, health: value }],
      })),
    ];
    const answer = await upload(records);
    expect(answer.data).toMatchObject({ stored: records.length, rejected: [] });
  });

  it('refuses a key once it is revoked', async () => {
    const second = await storage.sites.ensureSite('south');
    const created = await storage.keys.create(second);
    const status = async (): Promise<number> =>
      (await fetch(`${api.url}/api/collector/status`, { headers: { 'X-Collector-Key': created.key } }))
        .status;
    expect(await status()).toBe(200);
    const used = (): Promise<boolean> =>
      storage.keys.list([second]).then((keys) => keys.some((listed) => listed.lastUsedAt !== null));
    await waitFor('its use', used);
    await storage.keys.revoke(created.keyId);
    await waitFor('its end', async () => (await status()) === 401);
  });

  it('answers 503 within 2 s while the database is half-open, and stores again once it is back', async () => {
    const target = new URL(storage.url);
    const proxy = await startTcpProxy({ targetPort: Number(target.port) });
    target.hostname = proxy.host;
    target.port = String(proxy.port);
    const db = openTestDatabase(target.href, { deadlineMs: 700, connectTimeoutMs: 500 });
    const own = await startTestApi({ deps: storeDeps(storeOn(db), 90) });
    const send = (id: string): Promise<Response> =>
      fetch(`${own.url}/api/collector/upload`, {
        method: 'POST',
        headers: { 'X-Collector-Key': key },
        body: JSON.stringify([{ miner_id: id, online: true, hashrate_ghs: 1 }]),
      });
    try {
      expect((await send('away-1')).status).toBe(200);
      await proxy.setMode({ kind: 'blackhole' });
      const startedMs = performance.now();
      const away = await send('away-2');
      expect(performance.now() - startedMs).toBeLessThan(2_000);
      expect(away.status).toBe(503);
      expect(Number(away.headers.get('retry-after'))).toBeGreaterThan(0);
      expect((await fetch(`${own.url}/readyz`)).status).toBe(503);
      expect((await fetch(`${own.url}/healthz`)).status).toBe(200);
      await proxy.setMode({ kind: 'pass' });
      await waitFor('a stored batch', async () => (await send('away-3')).status === 200);
      expect(await historyOf('away-1')).toHaveLength(1);
    } finally {
      await own.stop();
      await db.close({ timeoutMs: 1_000 });
      await proxy.close();
    }
  });
});
