import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RedisStore } from '../../src/storage/redis-store.js';
import { createMetrics } from '../../src/telemetry/metrics.js';
import { emptySummary, startTestApi, testKey, type TestApi } from '../support/api-server.js';
import { testRedisUrl } from '../support/services.js';
import { silent } from '../support/storage.js';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.js';
import { waitFor } from '../support/wait.js';

const redisUrl = testRedisUrl();
/** Keys are those of the specification: sites nobody else has keep tests apart. */
const site = 1_000_000 + (randomBytes(4).readUInt32LE() % 1_000_000_000);

describe.skipIf(redisUrl === null)('instances that share Redis', () => {
  const metrics = createMetrics({ withProcess: false });
  const stores: RedisStore[] = [];
  const apis: TestApi[] = [];
  let proxy: TcpProxy;
  let asked = 0;
  let isAway = false;
  const startInstance = async (url: string): Promise<TestApi> => {
    const store = new RedisStore({ url, ca: null, deadlineMs: 250, pauseMs: 300, log: silent, metrics });
    stores.push(store);
    await waitFor('redis', async () => (await store.count(`test:${site}`, 1_000)) !== null);
    const api = await startTestApi({
      deps: {
        shared: store,
        summary: async () => {
          asked++;
          if (isAway) return await new Promise(() => undefined);
          return { ...emptySummary, site_id: site, total_miners: asked };
        },
        findKey: async () => ({ keyId: 1, siteId: 1, prefix: 'hsc_' }),
      },
      options: { summaryTtlMs: 200, requestsPerMinute: 3, readDeadlineMs: 300 },
    });
    apis.push(api);
    return api;
  };
  const totalOf = async (api: TestApi): Promise<unknown> => {
    const response = await fetch(`${api.url}/api/collector/summary/${site}`);
    const { data } = (await response.json()) as { data?: { total_miners: number } };
    return data?.total_miners ?? response.status;
  };
  beforeAll(async () => {
    const { port, hostname } = new URL(redisUrl ?? '');
    proxy = await startTcpProxy({ targetPort: Number(port), targetHost: hostname });
    await startInstance(`redis://127.0.0.1:${proxy.port}`);
    await startInstance(redisUrl ?? '');
  });
  afterAll(async () => {
    for (const api of apis) await api.stop();
    for (const store of stores) store.close();
    await proxy.close();
  });

  it('use one answer while it is fresh, and an old one of either while the database is away', async () => {
    const [first, second] = apis as [TestApi, TestApi];
    expect(await totalOf(first)).toBe(1);
    expect(await totalOf(second)).toBe(1);
    expect(asked).toBe(1);
    await waitFor('a new answer', async () => (await totalOf(first)) === 2);
    isAway = true;
    // The second has never asked the database itself.
    const until = performance.now() + 250;
    await waitFor('an old answer', () => performance.now() > until);
    expect(await totalOf(second)).toBe(2);
    expect(await second.metric('headframe_reads_total{source="stale"}')).toBe(1);
    isAway = false;
  });

  it('share one limit per key', async () => {
    const key = testKey(String.fromCharCode(97 + (site % 26))).slice(0, -8) + randomBytes(4).toString('hex');
    const upload = async (api: TestApi): Promise<number> =>
      (
        await fetch(`${api.url}/api/collector/upload`, {
          method: 'POST',
          headers: { 'X-Collector-Key': key },
          body: '[]',
        })
      ).status;
    const [first, second] = apis as [TestApi, TestApi];
    expect([await upload(first), await upload(second), await upload(first)]).toEqual([200, 200, 200]);
    expect([await upload(second), await upload(first)]).toEqual([429, 429]);
  });

  it.each(['blackhole', 'refuse', 'reset', 'stall'] as const)(
    'answer in time, from the database, while Redis is gone (%s), and use it again later',
    async (kind) => {
      const [first] = apis as [TestApi];
      await proxy.setMode({ kind });
      for (let round = 0; round < 5; round++) {
        const startedMs = performance.now();
        expect(typeof (await totalOf(first))).toBe('number');
        expect(performance.now() - startedMs).toBeLessThan(800);
        const until = performance.now() + 210;
        await waitFor('the next read', () => performance.now() > until);
      }
      await proxy.setMode({ kind: 'pass' });
      await waitFor('redis again', async () => (await stores[0]?.count(`test:${site}`, 1_000)) !== null);
    },
  );
});
