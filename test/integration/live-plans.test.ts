import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { liveSorts, type LiveQuery } from '../../src/domain/ingest.js';
import { isCountedByPage, isOfMiners } from '../../src/domain/live-filter.js';
import { LiveRepo } from '../../src/storage/live.repo.js';
import { readQuery } from '../../src/storage/sql-files.js';
import { testEditions } from '../support/database.js';
import { fillSite } from '../support/filled-site.js';
import { everything } from '../support/live-query.js';
import { explain, plansOf, type PlanNode } from '../support/plans.js';
import { createTestStorage, type TestStorage } from '../support/storage.js';

const filters: Readonly<Record<string, Partial<LiveQuery>>> = {
  nothing: {},
  'being online': { onlineOnly: true },
  state: { state: 'mining' },
  'being stale': { state: 'stale' },
  health: { health: 'healthy' },
  model: { model: 'Antminer S19' },
  firmware: { firmware: '2022-12-06' },
  pool: { pool: 'pool.example' },
  subnet: { subnet: '10.2.3.0/24' },
  text: { search: 'worker1' },
  'model, state and pool': { model: 'Antminer S19', state: 'mining', pool: 'pool' },
};

/** How often a table is read from end to end, or all of a site: not by the ids of some miners. */
function wholeReads(nodes: readonly PlanNode[], relation: string): number {
  return nodes.filter(
    (node) => node.relation === relation && node.isRun && !/miner_id = /.test(node.condition),
  ).length;
}

describe.each(testEditions())('plans of live reads on %s', (edition) => {
  let storage: TestStorage;
  let siteId = 0;
  const now = new Date();
  const moment = { now, staleAfterS: 300 };
  const planOf = (query: Partial<LiveQuery>, what: 'page' | 'count' | 'ids'): Promise<PlanNode[]> =>
    plansOf(storage, (db) => new LiveRepo(db)[what](siteId, { ...everything, perPage: 5, ...query }, moment));

  beforeAll(async () => {
    storage = await createTestStorage(edition);
    ({ siteId } = await fillSite(storage));
    await storage.query('vacuum analyze');
  });
  afterAll(() => storage.close());

  test('a summary reads the live rows once, and of miners those that left their address', async () => {
    const nodes = await explain(storage, readQuery('site_summary'), [siteId, now.toISOString()]);
    expect(wholeReads(nodes, 'miner_telemetry_live')).toBe(1);
    expect(nodes.filter(({ relation }) => relation === 'miners').map(({ index }) => index)).toEqual([
      'miners_vacated',
    ]);
  });

  describe.each(Object.entries(filters))('filtered by %s', (_name, filter) => {
    const query = { ...everything, ...filter };
    /** Miners whose address was left are few, and have an index of their own. */
    const vacated = 1;

    test.each(liveSorts)('a page by %s reads each table once', async (sort) => {
      for (const descending of [true, false]) {
        const nodes = await planOf({ ...filter, sort, descending }, 'page');
        expect(wholeReads(nodes, 'miner_telemetry_live')).toBeLessThanOrEqual(1);
        expect(wholeReads(nodes, 'miner_live_details')).toBe(0);
        const isJoined = isOfMiners(query) || sort === 'miner_id';
        const isSearched = query.search !== null;
        const scans = nodes.filter(
          (node) => node.relation === 'miners' && node.isRun && node.condition === '',
        );
        expect(scans.length).toBeLessThanOrEqual((isJoined ? 1 : 0) + (isSearched ? 1 : 0));
        expect(wholeReads(nodes, 'miners')).toBeLessThanOrEqual(
          vacated + (isJoined ? 1 : 0) + (isSearched ? 1 : 0),
        );
        expect(new Set(nodes.map((node) => node.relation))).toEqual(
          new Set([
            ...['', 'miner_telemetry_live', 'miner_live_details', 'miners'],
            ...(isCountedByPage(query) ? ['sites'] : []),
          ]),
        );
      }
    });

    test('the page after a position reads no more', async () => {
      const live = new LiveRepo(storage.db);
      const { next } = await live.page(siteId, { ...query, sort: 'hashrate', perPage: 5 }, moment);
      if (next === null) return;
      const nodes = await planOf({ ...filter, sort: 'hashrate', after: next }, 'page');
      expect(wholeReads(nodes, 'miner_telemetry_live')).toBeLessThanOrEqual(1);
    });

    test('the total reads the live rows once, and miners only when it must', async () => {
      const nodes = await planOf(filter, 'count');
      expect(wholeReads(nodes, 'miner_telemetry_live')).toBeLessThanOrEqual(1);
      const isNeeded = isOfMiners(query) || query.search !== null;
      const scans = nodes.filter((node) => node.relation === 'miners' && node.isRun && node.condition === '');
      expect(scans.length).toBeLessThanOrEqual(isNeeded ? 1 : 0);
    });
  });
});
