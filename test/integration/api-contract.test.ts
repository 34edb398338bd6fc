import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createCollectorKeyFor, fillSite, type FilledSite } from '../support/filled-site.js';
import { historyMetrics } from '../../src/domain/history.js';
import { routeTable, type RouteKey } from '../../src/api/contract/route-table.js';
import type { RouteDoc } from '../../src/api/contract/route-doc.js';
import { storeDeps } from '../../src/roles/read-deps.js';
import { HeatmapRepo } from '../../src/storage/heatmap.repo.js';
import { runRollups } from '../../src/storage/rollups.js';
import { storeOn } from '../../src/roles/store.js';
import { startTestApi, type TestApi } from '../support/api-server.js';
import { testEditions } from '../support/database.js';
import { createTestStorage, type TestStorage } from '../support/storage.js';

/** What to ask of each route: paths of requests that are answered 200. */
const requests = (site: FilledSite): Partial<Record<RouteKey, readonly string[]>> => {
  const base = `/api/collector/sites/${site.siteId}`;
  return {
    'get /api/collector/status': ['/api/collector/status'],
    'get /api/collector/sites': ['/api/collector/sites'],
    'get /api/collector/sites/:site/miners/:minerId': site.miners.map((key) => `${base}/miners/${key}`),
    'get /api/collector/summary/:site': [`/api/collector/summary/${site.siteId}`],
    'get /api/collector/live/:site': [
      `/api/collector/live/${site.siteId}`,
      `/api/collector/live/${site.siteId}?per_page=1&sort=hashrate`,
    ],
    'get /api/collector/top/:site': [`/api/collector/top/${site.siteId}`],
    'get /api/collector/stats': ['/api/collector/stats'],
    'get /api/collector/alerts': ['/api/collector/alerts'],
    'get /api/collector/incidents': ['/api/collector/incidents'],
    'get /api/collector/alert-rules': ['/api/collector/alert-rules'],
    'get /api/collector/maintenance-windows': ['/api/collector/maintenance-windows'],
    'get /api/collector/notifiers': ['/api/collector/notifiers'],
    'get /api/collector/notifications': ['/api/collector/notifications'],
    'get /api/collector/commands/history': ['/api/collector/commands/history'],
    'get /api/collector/commands/options': [
      '/api/collector/commands/options',
      `/api/collector/commands/options?site_id=${site.siteId}&miner_id=10.1.0.1`,
    ],
    'get /api/collector/commands/stats': ['/api/collector/commands/stats'],
    // Held against their schemas where there are commands: commands.test.ts.
    'get /api/collector/commands/pending': [],
    'get /api/collector/cluster': ['/api/collector/cluster', '/api/collector/cluster?shards=all&per_page=1'],
    'get /api/collector/commands/:id': [],
    'get /api/collector/commands/batches': ['/api/collector/commands/batches'],
    'get /api/collector/commands/batches/:id': [],
    // Held against its schema where there is one: plans.test.ts.
    'get /api/collector/plan': [],
    'get /api/collector/sites/:site/plan': [`${base}/plan`],
    'get /api/collector/quirks': ['/api/collector/quirks', `/api/collector/quirks?site_id=${site.siteId}`],
    'get /api/collector/sites/:site/miners/:minerId/history': [
      ...Object.keys(historyMetrics)
        .filter((name) => !name.endsWith('delta') && name !== 'energy')
        .map((name) => `${base}/miners/10.1.0.2/history?metric=${name}&hours=3`),
      `${base}/miners/10.1.0.1/history?metric=temperature_max&hours=48`,
      `${base}/miners/10.1.0.1/history?metric=accepted_delta&hours=4`,
      `${base}/miners/10.1.0.1/history?metric=efficiency&hours=2000`,
    ],
    'get /api/collector/sites/:site/history': [
      `${base}/history`,
      `${base}/history?hours=720`,
      `${base}/history?hours=9000`,
    ],
    'get /api/collector/sites/:site/events': [
      `${base}/events`,
      `${base}/events?kind=offline,online&miner_id=10.1.0.2&limit=1`,
    ],
    'get /api/collector/sites/:site/availability': [
      `${base}/availability?hours=2`,
      `${base}/availability?hours=3&miner_id=10.1.0.2`,
      `${base}/availability?from=2020-01-01T00:00:00Z&to=2020-01-01T00:07:00Z&miner_id=10.1.0.2`,
    ],
    'get /api/collector/sites/:site/fleet': [
      `${base}/fleet?at=${new Date(site.endMs - 90_000).toISOString()}&per_page=2`,
      `${base}/fleet?at=2020-01-01T00:00:00Z`,
    ],
    'get /api/collector/sites/:site/heatmap': [
      `${base}/heatmap`,
      `${base}/heatmap?group=10.2.0.0/24`,
      `${base}/heatmap?by=rack`,
      `${base}/heatmap?by=rack&group=A1`,
    ],
    'get /api/auth/me': ['/api/auth/me'],
    'get /api/auth/methods': ['/api/auth/methods'],
    'get /api/auth/tokens': ['/api/auth/tokens'],
    'get /api/users': ['/api/users'],
    'get /api/tokens': ['/api/tokens'],
    'get /api/collector/keys': ['/api/collector/keys'],
    'get /api/audit': ['/api/audit', '/api/audit?limit=1'],
    'get /api/openapi.json': ['/api/openapi.json'],
    'get /healthz': ['/healthz'],
    'get /readyz': ['/readyz'],
  };
};

describe.each(testEditions())('answers on %s', (edition) => {
  let storage: TestStorage;
  let api: TestApi;
  let site: FilledSite;
  beforeAll(async () => {
    storage = await createTestStorage(edition);
    site = await fillSite(storage);
    await runRollups(storage.db, { historyDays: 30, settle5mS: 0, settle1hS: 0 });
    const places = site.miners.map((miner, column) => ({ miner, rack: 'A1', row: 1, column }));
    await new HeatmapRepo(storage.db).replaceRacks(site.siteId, places);
    api = await startTestApi({ deps: storeDeps(storeOn(storage.db), 90) });
  });
  afterAll(async () => {
    await api.stop();
    await storage.close();
  });

  it('of every route that answers JSON are as its schema says', async () => {
    const asked = requests(site);
    for (const [key, doc] of Object.entries(routeTable) as [RouteKey, RouteDoc][]) {
      if (doc.answer === null || !key.startsWith('get ')) continue;
      expect(asked[key], `nothing is asked of ${key}`).toBeDefined();
      for (const path of asked[key] ?? []) {
        const response = await fetch(`${api.url}${path}`);
        const answer: unknown = await response.json();
        expect([path, response.status, answer]).toEqual([path, 200, answer]);
        const result = doc.answer.safeParse(answer);
        expect(result.success ? [] : result.error.issues, path).toEqual([]);
      }
    }
  });

  it('to an upload are as its schema says', async () => {
    const key = await createCollectorKeyFor(storage);
    const records = [{ miner_id: 'new', online: true }, { miner_id: 7 }];
    const response = await fetch(`${api.url}/api/collector/upload`, {
      method: 'POST',
      headers: { 'X-Collector-Key': key },
      body: JSON.stringify(records),
    });
    const answer: unknown = await response.json();
    const result = routeTable['post /api/collector/upload'].answer.safeParse(answer);
    expect(result.success ? [] : result.error.issues).toEqual([]);
  });

  it('that are errors are as the schema of errors says', async () => {
    const doc = (await (await fetch(`${api.url}/api/openapi.json`)).json()) as {
      components: { schemas: { Error: { required: string[] } } };
    };
    const response = await fetch(`${api.url}/api/collector/summary/x`);
    const answer = (await response.json()) as object;
    expect(Object.keys(answer).sort()).toEqual([...doc.components.schemas.Error.required].sort());
  });

  it('as CSV hold every miner that matches, in order, over many batches', async () => {
    const route = `${api.url}/api/collector/live/${site.siteId}?format=csv&sort=hashrate&order=asc&per_page=1`;
    const response = await fetch(route);
    expect(response.headers.get('content-type')).toContain('text/csv');
    const lines = (await response.text()).trimEnd().split('\r\n');
    expect(lines[0]).toMatch(/^miner_id,ip_address,online,state,/);
    const total = await storage.query<{ n: number }>(
      `select count(*)::int as n from miner_telemetry_live where site_id = ${site.siteId}`,
    );
    expect(lines.length - 1).toBe(total[0]?.n);
    expect(total[0]?.n).toBeGreaterThan(2_000);
    expect(new Set(lines).size).toBe(lines.length);
    const hot = await (
      await fetch(`${api.url}/api/collector/live/${site.siteId}?format=csv&search=cmd`)
    ).text();
    expect(hot.trimEnd().split('\r\n')).toHaveLength(2);
    expect(hot).toContain(`,"'=cmd|' /C calc'!A0, ""x"""`);
    expect((await fetch(`${api.url}/api/collector/live/999999?format=csv`)).status).toBe(404);
  });
});
