import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { configSchema } from '../../src/config/schema.js';
import { showFreshness } from '../../src/roles/watch.js';
import { createMetrics } from '../../src/telemetry/metrics.js';
import { testEditions } from '../support/database.js';
import { ingestBatch, ingestRow } from '../support/ingest-rows.js';
import { createTestStorage, openTestDatabase, type TestStorage } from '../support/storage.js';
import { SiteRepo } from '../../src/storage/site.repo.js';

const now = new Date(Math.floor(Date.now() / 1_000) * 1_000);
const ago = (seconds: number): string => new Date(now.getTime() - seconds * 1_000).toISOString();

describe.each(testEditions())('the share of fresh data on %s', (edition) => {
  let storage: TestStorage;
  const config = configSchema.parse({ poll: { interval_s: 60 } });
  beforeAll(async () => {
    storage = await createTestStorage(edition);
  });
  afterAll(() => storage.close());

  const ratios = async (sites: SiteRepo): Promise<Record<string, number>> => {
    const metrics = createMetrics({ withProcess: false });
    metrics.set('headframe_fresh_data_ratio', 1, { site: '77' });
    await showFreshness({ config, store: { sites }, metrics }, now);
    const text = await metrics.text();
    return Object.fromEntries(
      [...text.matchAll(/^headframe_fresh_data_ratio\{site="(\d+)"\} (.*)$/gm)].map(([, site = '', n]) => [
        site,
        Number(n),
      ]),
    );
  };

  test('counts a sample of the last two slots, by the interval that the site told or the settings', async () => {
    const quick = storage.key.siteId;
    const slow = await storage.sites.ensureSite('slow');
    const write = (siteId: number, rows: Parameters<typeof ingestBatch>[0], intervalS: number | null) =>
      storage.store.writeBatch({ ...ingestBatch(rows, { ...storage.key, siteId }), intervalS });
    await write(
      quick,
      [ingestRow('a', ago(9)), ingestRow('b', ago(19)), ingestRow('c', ago(21)), ingestRow('d', ago(90))],
      10,
    );
    await write(slow, [ingestRow('a', ago(119)), ingestRow('b', ago(121))], null);
    expect(await ratios(storage.sites)).toMatchObject({ [quick]: 0.5, [slow]: 0.5 });
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
