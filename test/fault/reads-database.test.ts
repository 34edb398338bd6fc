import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { storeDeps } from '../../src/roles/read-deps.js';
import { storeOn } from '../../src/roles/store.js';
import type { Database } from '../../src/storage/database.js';
import { startTestApi, type TestApi } from '../support/api-server.js';
import { testEditions } from '../support/database.js';
import { fillSite } from '../support/filled-site.js';
import { createTestStorage, openTestDatabase, type TestStorage } from '../support/storage.js';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.js';
import { waitFor } from '../support/wait.js';

describe.each(testEditions())('every read of a database that fails, on %s', (edition) => {
  let storage: TestStorage;
  let proxy: TcpProxy;
  let db: Database;
  let api: TestApi;
  let routes: string[];
  beforeAll(async () => {
    storage = await createTestStorage(edition);
    const { siteId, endMs } = await fillSite(storage);
    const site = `sites/${siteId}`;
    routes = [
      'sites',
      'stats',
      'quirks',
      `summary/${siteId}`,
      `live/${siteId}`,
      `live/${siteId}?search=10.2&sort=hashrate`,
      `live/${siteId}?format=csv`,
      `top/${siteId}`,
      `${site}/miners/10.1.0.1`,
      `${site}/miners/10.1.0.1/history`,
      `${site}/miners/10.1.0.1/history?hours=1000`,
      `${site}/history`,
      `${site}/events`,
      `${site}/availability`,
      `${site}/availability?miner_id=10.1.0.1`,
      `${site}/fleet?at=${new Date(endMs - 90_000).toISOString()}`,
      `${site}/heatmap`,
      `${site}/heatmap?by=rack`,
    ];
    const url = new URL(storage.url);
    proxy = await startTcpProxy({ targetPort: Number(url.port), targetHost: url.hostname });
    url.port = String(proxy.port);
    url.hostname = '127.0.0.1';
    db = openTestDatabase(url.href, { deadlineMs: 900, connectTimeoutMs: 800, poolSize: 4 });
    api = await startTestApi({
      deps: storeDeps(storeOn(db), 90),
      // Nothing is kept: each read needs the database.
      options: { readDeadlineMs: 1_000, summaryTtlMs: 0, summaryKeepMs: 0, liveTtlMs: 0, liveKeepMs: 0 },
    });
  });
  afterAll(async () => {
    await api.stop();
    await db.close({ timeoutMs: 500 });
    await proxy.close();
    await storage.close();
  });

  const readAll = async (): Promise<
    { route: string; status: number; retry: string | null; tookMs: number }[]
  > =>
    Promise.all(
      routes.map(async (route) => {
        const startedMs = performance.now();
        const response = await fetch(`${api.url}/api/collector/${route}`);
        await response.text();
        const tookMs = performance.now() - startedMs;
        return { route, status: response.status, retry: response.headers.get('retry-after'), tookMs };
      }),
    );
  const allAre = async (status: number): Promise<boolean> =>
    (await readAll()).every((answer) => answer.status === status);

  it.each(['blackhole', 'stall', 'refuse', 'reset'] as const)(
    'is 503 within 2 s while it is gone (%s), and answers again after',
    async (kind) => {
      await waitFor('all reads', () => allAre(200), { timeoutMs: 15_000 });
      await proxy.setMode({ kind });
      for (const { route, status, retry, tookMs } of await readAll()) {
        expect([route, status]).toEqual([route, 503]);
        expect(retry).not.toBeNull();
        expect(tookMs).toBeLessThan(2_000);
      }
      await proxy.setMode({ kind: 'pass' });
      await waitFor('all reads again', () => allAre(200), { timeoutMs: 15_000 });
    },
    40_000,
  );

  it('is 503 within 2 s while a lock holds it up', async () => {
    await waitFor('all reads', () => allAre(200), { timeoutMs: 15_000 });
    const route = routes.find((name) => name.startsWith('live/')) ?? '';
    const held = storage.db.run('lock', (sql) =>
      sql.begin(async (tx) => {
        await tx`lock table miner_telemetry_live in access exclusive mode`;
        const startedMs = performance.now();
        const response = await fetch(`${api.url}/api/collector/${route}`);
        return { status: response.status, tookMs: performance.now() - startedMs };
      }),
    );
    const { status, tookMs } = await held;
    expect(status).toBe(503);
    expect(tookMs).toBeLessThan(2_000);
    await waitFor('all reads again', () => allAre(200), { timeoutMs: 15_000 });
  });
});
