import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { HistoryMetricName, Resolution } from '../../src/domain/history.js';
import { HeatmapRepo } from '../../src/storage/heatmap.repo.js';
import { HistoryRepo, minerPointsText } from '../../src/storage/history.repo.js';
import { runRollups } from '../../src/storage/rollups.js';
import { readQuery } from '../../src/storage/sql-files.js';
import { testEditions } from '../support/database.js';
import { fillSite, type FilledSite } from '../support/filled-site.js';
import { ingestBatch, ingestRow } from '../support/ingest-rows.js';
import { explain, type PlanNode } from '../support/plans.js';
import { createTestStorage, type TestStorage } from '../support/storage.js';

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;

describe.each(testEditions())('what was, on %s', (edition) => {
  let storage: TestStorage;
  let history: HistoryRepo;
  let site: FilledSite;
  let steady = 0;
  let failing = 0;
  beforeAll(async () => {
    storage = await createTestStorage(edition, { migrate: { intervalS: 10 } });
    site = await fillSite(storage);
    history = new HistoryRepo(storage.db);
    // Other chunks than those that are asked for.
    const old = [20, 40, 60].map((hours) => new Date(site.endMs - hours * hourMs).toISOString());
    await storage.store.writeBatch(
      ingestBatch(
        old.map((time) => ingestRow('10.1.0.1', time, { mac: null, ip: '10.1.0.1' })),
        storage.key,
      ),
    );
    await runRollups(storage.db, { historyDays: 30, settle5mS: 0, settle1hS: 0 });
    steady = (await history.minerId(site.siteId, '10.1.0.1')) ?? 0;
    failing = (await history.minerId(site.siteId, '10.1.0.2')) ?? 0;
  });
  afterAll(() => storage.close());

  const points = async (
    minerId: number,
    name: HistoryMetricName,
    resolution: Resolution,
    minutes: number,
    maxPoints = 1_000,
  ) => {
    const range = { fromMs: site.endMs - minutes * minuteMs, toMs: site.endMs };
    return history.minerPoints(minerId, name, resolution, range, maxPoints);
  };

  it('gives every sample within the range, in its unit, and none of others', async () => {
    const found = await points(steady, 'hashrate', 'raw', 30);
    expect(found).toHaveLength(30);
    expect(found?.[0]).toEqual({
      timestamp: new Date(site.endMs - 30 * minuteMs).toISOString(),
      value: expect.closeTo(110.1235, 3) as number,
    });
    // Counters are kept exactly.
    expect((await points(steady, 'accepted_shares', 'raw', 2))?.map(({ value }) => value)).toEqual([
      9_998, 9_999,
    ]);
    expect((await points(failing, 'hashrate', 'raw', 30))?.every(({ value }) => value === null)).toBe(true);
  });

  it('has no efficiency of a miner that as good as does not hash', async () => {
    const key = '10.1.9.9';
    const rates = [1e-36, 100_000];
    const rows = rates.map((hashrate_ghs, index) => ({
      ...ingestRow(key, new Date(site.endMs - (2 - index) * minuteMs).toISOString(), { mac: null, ip: key }),
      hashrate_ghs,
      power_w: 3_000,
    }));
    await storage.store.writeBatch(ingestBatch(rows, storage.key));
    const minerId = (await history.minerId(site.siteId, key)) ?? 0;
    const found = await points(minerId, 'efficiency', 'raw', 5);
    expect(found?.map(({ value }) => value)).toEqual([null, expect.closeTo(30, 3)]);
    await storage.query(
      `delete from miner_telemetry_history where miner_id = ${minerId} and hashrate_ghs > 1`,
    );
    await runRollups(storage.db, { historyDays: 30, settle5mS: 0, settle1hS: 0 });
    for (const resolution of ['5m', '1h'] as const) {
      const joined = await points(minerId, 'efficiency', resolution, 180);
      expect(joined?.filter(({ value }) => value !== null)).toEqual([]);
    }
    for (const table of ['miner_telemetry_history', 'miner_telemetry_1h', 'miner_telemetry_live'])
      await storage.query(`delete from ${table} where miner_id = ${minerId}`);
  });

  it('never cuts an answer short without saying so', async () => {
    expect(await points(steady, 'hashrate', 'raw', 30, 29)).toBeNull();
    expect(await points(steady, 'hashrate', '5m', 60, 5)).toBeNull();
  });

  it('joins samples of five minutes as the metric wants', async () => {
    const shares = await points(steady, 'accepted_shares', '5m', 120);
    expect(shares?.length).toBeGreaterThanOrEqual(24);
    const whole = shares?.[3];
    const endsMs = Date.parse(whole?.timestamp ?? '') + 4 * minuteMs;
    expect(whole?.value).toBe(10_000 - (site.endMs - endsMs) / minuteMs);
  });

  it('gives hours from the rollup and what it has not seen from the samples', async () => {
    const online = await points(failing, 'online', '1h', 180);
    expect(online?.[0]?.value).toBe(1);
    expect(online?.at(-1)?.value).toBe(0);
    // A sample after the last rollup: its hour is there though nothing was computed since.
    const own = await createTestStorage(edition);
    try {
      const key = '10.9.0.1';
      const at = new Date(Date.now() - minuteMs).toISOString();
      await own.store.writeBatch(ingestBatch([ingestRow(key, at, { mac: null })], own.key));
      const repo = new HistoryRepo(own.db);
      const id = (await repo.minerId(own.key.siteId, key)) ?? 0;
      const range = { fromMs: Date.now() - 3 * hourMs, toMs: Date.now() };
      const found = await repo.minerPoints(id, 'hashrate', '1h', range, 10);
      expect(found?.map(({ value }) => Math.round(value ?? 0))).toEqual([110]);
      expect(await repo.minerPoints(id, 'accepted_delta', '1h', range, 10)).toEqual([]);
    } finally {
      await own.close();
    }
  });

  it('gives a site by any multiple of five minutes', async () => {
    const fromMs = Math.floor((site.endMs - 3 * hourMs) / hourMs) * hourMs;
    const range = { fromMs, toMs: site.endMs };
    const fine = await history.sitePoints(site.siteId, '5m', range);
    expect(fine.length).toBeGreaterThanOrEqual(24);
    expect(fine.find((point) => point.miners === 2)).toMatchObject({ miners: 2, online: 2, hashing: 2 });
    const hours = await history.sitePoints(site.siteId, '1h', range);
    expect(hours.length).toBeGreaterThanOrEqual(2);
    const sum = (list: typeof fine): number =>
      list.reduce((all, { energy_kwh }) => all + (energy_kwh ?? 0), 0);
    expect(sum(hours)).toBeCloseTo(sum(fine), 3);
  });

  it('counts availability over whole hours and edges, each sample once', async () => {
    const exact = { fromMs: site.endMs - 90 * minuteMs, toMs: site.endMs };
    const half = await history.minerAvailability(failing, exact, 0);
    // Online until an hour before the end.
    expect(half).toMatchObject({ samples: 90, from: new Date(exact.fromMs).toISOString() });
    expect(half.reachable_percent).toBeCloseTo((100 * 30) / 90, 6);
    expect(half.hashing_percent).toBeCloseTo((100 * 30) / 90, 6);
    expect(half.coverage_percent).toBeGreaterThan(95);
    for (const minutes of [1, 7, 59, 60, 61, 119]) {
      const range = { fromMs: site.endMs - minutes * minuteMs, toMs: site.endMs };
      expect(await history.minerAvailability(steady, range, 0)).toMatchObject({
        samples: minutes,
        reachable_percent: 100,
      });
    }
    // Where samples may be gone the hours stand in for them.
    const rounded = await history.minerAvailability(steady, exact, site.endMs + hourMs);
    expect(Date.parse(rounded.from) % hourMs).toBe(0);
    expect(rounded.samples).toBeGreaterThanOrEqual(90);
    const all = await history.siteAvailability(site.siteId, exact);
    expect(Date.parse(all.from)).toBeLessThanOrEqual(exact.fromMs);
    expect(all.reachable_percent).toBeGreaterThan(90);
    const nothing = { fromMs: 0, toMs: hourMs };
    expect(await history.siteAvailability(site.siteId, nothing)).toMatchObject({
      samples: 0,
      reachable_percent: null,
    });
  });

  it('pages through events, the newest first, with how long each held', async () => {
    const range = { fromMs: site.endMs - 3 * hourMs, toMs: site.endMs + hourMs };
    const query = { ...range, kinds: null, limit: 1, after: null };
    const all = await history.events(site.siteId, null, { ...query, limit: 500 });
    const offline = all.events.find((event) => event.kind === 'offline');
    expect(offline).toMatchObject({ miner_id: '10.1.0.2', to_value: 'unreachable', valid_to: null });
    const paged = [];
    for (let after: (string | null)[] | null = null; ;) {
      const page = await history.events(site.siteId, null, { ...query, after });
      paged.push(...page.events);
      if (page.next === null) break;
      after = page.next;
    }
    expect(paged).toEqual(all.events);
    expect((await history.events(site.siteId, steady, query)).events).toEqual([]);
    expect((await history.events(site.siteId, null, { ...query, kinds: ['firmware'] })).events).toEqual([]);
    await expect(
      history.events(site.siteId, null, { ...query, after: ['no time', 'x', 'y'] }),
    ).rejects.toMatchObject({ code: 'REQUEST_INVALID' });
  });

  it('shows a site by network and by rack', async () => {
    const map = new HeatmapRepo(storage.db);
    const moment = { now: new Date(), staleAfterS: 300 };
    const groups = await map.groups(site.siteId, 'subnet');
    expect(groups.map(({ name }) => name)).toEqual([
      '10.1.0.0/24',
      '10.1.2.0/24',
      ...Array.from({ length: 9 }, (_, index) => `10.2.${index}.0/24`),
    ]);
    expect(groups[0]).toMatchObject({ miners: 2, online: 1, hashing: 1 });
    const cells = await map.cells(site.siteId, 'subnet', '10.1.0.0/24', moment);
    expect(cells.map(({ miner_id, column }) => [miner_id, column])).toEqual([
      ['10.1.0.1', 1],
      ['10.1.0.2', 2],
    ]);
    const places = [
      { miner: '10.1.0.1', rack: 'A', row: 0, column: 3 },
      { miner: '02:00:00:00:00:99', rack: 'A', row: 1, column: 0 },
      { miner: 'nobody', rack: 'B', row: 0, column: 0 },
    ];
    expect(await map.replaceRacks(site.siteId, places)).toBe(2);
    expect(await map.groups(site.siteId, 'rack')).toMatchObject([{ name: 'A', miners: 2 }]);
    expect(await map.cells(site.siteId, 'rack', 'A', moment)).toMatchObject([
      { miner_id: '10.1.0.1', row: 0, column: 3 },
      { miner_id: 'raw', row: 1, column: 0 },
    ]);
    expect(await map.replaceRacks(site.siteId, places.slice(0, 1))).toBe(1);
    expect(await map.cells(site.siteId, 'rack', 'A', moment)).toHaveLength(1);
  });

  describe('plans', () => {
    const range = () => [new Date(site.endMs - hourMs).toISOString(), new Date(site.endMs).toISOString()];
    const texts = () => ({
      miner_samples: readQuery('miner_samples'),
      miner_buckets: readQuery('miner_buckets'),
      miner_hours: readQuery('miner_hours'),
      miner_late_hours: readQuery('miner_late_hours'),
    });
    /** Every scan of a table of samples or sums goes by key, and only chunks of the range are read. */
    const expectByKey = (nodes: readonly PlanNode[], maxChunks: number): void => {
      const scans = nodes.filter(({ relation }) =>
        /_hyper_|telemetry_(history|1h|5m)|miner_events/.test(relation),
      );
      expect(scans.length).toBeGreaterThan(0);
      for (const { type, relation, condition } of scans) {
        expect([relation, type]).toEqual([relation, expect.stringMatching(/^(Index|Bitmap)/) as string]);
        if (type !== 'Bitmap Heap Scan') expect(condition).toMatch(/miner_id|site_id/);
      }
      expect(
        new Set(scans.filter(({ isRun }) => isRun).map(({ relation }) => relation)).size,
      ).toBeLessThanOrEqual(maxChunks);
    };

    it.each(['raw', '5m', '1h'] as const)(
      'of a miner’s history read its rows alone (%s)',
      async (resolution) => {
        const text = minerPointsText(texts(), 'hashrate', resolution);
        // An hour may lie on the border of two chunks, in each of two tables.
        expectByKey(await explain(storage, text, [steady, ...range(), 1_000]), resolution === '1h' ? 20 : 2);
      },
    );

    it('of a site’s history and availability read its rows alone', async () => {
      expectByKey(await explain(storage, readQuery('site_history'), [site.siteId, ...range(), 300]), 2);
      expectByKey(await explain(storage, readQuery('site_availability'), [site.siteId, ...range()]), 2);
    });

    it('of a miner’s availability and of events go by key', async () => {
      const [from = '', to = ''] = range();
      const text = readQuery('miner_availability');
      expectByKey(await explain(storage, text, [steady, from, from, to, to]), 20);
      const none = [null, null, null, null];
      const events = [site.siteId, from, to, steady, null, 50, ...none.slice(1)];
      expectByKey(await explain(storage, readQuery('site_events'), events), 20);
    });
  });
});
