import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { configSchema } from '../../src/config/schema.js';
import { showFreshness } from '../../src/roles/watch.js';
import type { metricTable } from '../../src/telemetry/metric-table.js';
import { maxSites } from '../../src/telemetry/metric-table.js';
import { createMetrics } from '../../src/telemetry/metrics.js';
import { testEditions } from '../support/database.js';
import { ingestBatch, ingestRow } from '../support/ingest-rows.js';
import { createTestStorage, openTestDatabase, type TestStorage } from '../support/storage.js';
import { SiteRepo, type SiteFreshness } from '../../src/storage/site.repo.js';

const now = new Date(Math.floor(Date.now() / 1_000) * 1_000);
const ago = (seconds: number): string => new Date(now.getTime() - seconds * 1_000).toISOString();

describe.each(testEditions())('the share of fresh data on %s', (edition) => {
  let storage: TestStorage;
  const config = configSchema.parse({ poll: { interval_s: 60 } });
  beforeAll(async () => {
    storage = await createTestStorage(edition);
  });
  afterAll(() => storage.close());

  /** By site, as it is told; a site that is gone was told of before. */
  const told = async (sites: SiteRepo, name: keyof typeof metricTable): Promise<Record<string, number>> => {
    const metrics = createMetrics({ withProcess: false });
    metrics.set(name, 1, { site: '77' });
    await showFreshness({ config, store: { sites }, metrics }, now);
    const line = new RegExp(`^${name}\\{site="(\\w+)"\\} (.*)$`, 'gm');
    return Object.fromEntries(
      [...(await metrics.text()).matchAll(line)].map(([, site = '', n]) => [site, Number(n)]),
    );
  };
  const ratios = (sites: SiteRepo): Promise<Record<string, number>> =>
    told(sites, 'headframe_fresh_data_ratio');
  const write = (siteId: number, rows: Parameters<typeof ingestBatch>[0], intervalS: number | null) =>
    storage.store.writeBatch({ ...ingestBatch(rows, { ...storage.key, siteId }), intervalS });

  test('counts a sample of the last two slots, by the interval that the site told or the settings', async () => {
    const quick = storage.key.siteId;
    const slow = await storage.sites.ensureSite('slow');
    await write(
      quick,
      [ingestRow('a', ago(9)), ingestRow('b', ago(19)), ingestRow('c', ago(21)), ingestRow('d', ago(90))],
      10,
    );
    await write(slow, [ingestRow('a', ago(119)), ingestRow('b', ago(121))], null);
    expect(await ratios(storage.sites)).toMatchObject({ [quick]: 0.5, [slow]: 0.5 });
  });

  test('leaves dead miners, which are seldom asked, out of the share of those that answered', async () => {
    const partly = await storage.sites.ensureSite('partly');
    const off = await storage.sites.ensureSite('off');
    const dead = { online: false, state: 'unreachable', hashrate_ghs: null } as const;
    await write(partly, [ingestRow('a', ago(9)), ingestRow('b', ago(90), dead)], 10);
    await write(off, [ingestRow('a', ago(90), dead)], 10);
    expect(await ratios(storage.sites)).toMatchObject({ [partly]: 0.5, [off]: 0 });
    const online = await told(storage.sites, 'headframe_fresh_online_ratio');
    expect(online).toMatchObject({ [storage.key.siteId]: 0.5, [partly]: 1 });
    expect(online).not.toHaveProperty([String(off)]);
  });

  test('tells since when a site with a key is silent, and how often it is asked', async () => {
    const silent = await storage.sites.ensureSite('silent');
    const closed = await storage.sites.ensureSite('closed');
    const keys = [silent, closed].map((siteId) => storage.keys.create(siteId));
    const [, last] = await Promise.all(keys);
    await write(silent, [ingestRow('a', ago(400))], 300);
    await write(closed, [ingestRow('a', ago(400))], 300);
    await storage.query(
      `update collector_upload_logs set received_at = '${ago(380)}' where site_id = ${silent}`,
    );
    await storage.query(`update collector_keys set revoked_at = now() where key_id = ${last?.keyId}`);
    const ages = await told(storage.sites, 'headframe_upload_age_seconds');
    expect(ages[silent]).toBeCloseTo(380, 0);
    expect(ages).not.toHaveProperty([String(closed)]);
    // The logs of uploads are kept for some days.
    await storage.query(`delete from collector_upload_logs where site_id = ${silent}`);
    expect((await told(storage.sites, 'headframe_upload_age_seconds'))[silent]).toBeCloseTo(400, 0);
    const intervals = await told(storage.sites, 'headframe_poll_interval_seconds');
    expect(intervals).toMatchObject({ [silent]: 300, [storage.key.siteId]: 10 });
  });

  test('tells the worst of the sites past the bound as one', async () => {
    const site = (n: number, online_fresh: number): SiteFreshness => ({
      ...{ site_id: n, interval_s: 10, upload_age_s: n, known: 10, fresh: 10, online: 10, online_fresh },
    });
    const many = Array.from({ length: maxSites + 3 }, (_, n) => site(n, n === maxSites + 1 ? 2 : 9));
    const metrics = createMetrics({ withProcess: false });
    await showFreshness({ config, store: { sites: { freshness: async () => many } }, metrics }, now);
    const text = await metrics.text();
    expect(text).toContain('headframe_fresh_online_ratio{site="other"} 0.2\n');
    expect(text).toContain(`headframe_upload_age_seconds{site="other"} ${maxSites + 2}\n`);
    expect(text).toContain(`headframe_fresh_online_ratio{site="${maxSites - 1}"} 0.9\n`);
  });

  test('is told no more while the database is away', async () => {
    const away = openTestDatabase('postgres://nobody@127.0.0.1:1/none', {
      deadlineMs: 300,
      connectTimeoutMs: 200,
    });
    expect(await ratios(new SiteRepo(away))).toEqual({});
    await away.close({ timeoutMs: 100 });
  });
});
