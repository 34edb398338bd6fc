import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { liveSorts, type LiveQuery } from '../../src/domain/ingest.js';
import { testEditions } from '../support/database.js';
import { ingestBatch, ingestRow, offlineRow } from '../support/ingest-rows.js';
import { everything, readByCursor } from '../support/live-query.js';
import { createTestStorage, type TestStorage } from '../support/storage.js';

const now = new Date(Math.floor(Date.now() / 1_000) * 1_000);
const ago = (seconds: number): string => new Date(now.getTime() - seconds * 1_000).toISOString();
const moment = { now, staleAfterS: 30 };
describe.each(testEditions())('live reads on %s', (edition) => {
  let storage: TestStorage;
  let siteId = 0;
  const keysOf = async (changes: Partial<LiveQuery>): Promise<string[]> =>
    (await storage.live.page(siteId, { ...everything, ...changes }, moment)).miners.map(
      (miner) => miner.miner_id,
    );

  beforeAll(async () => {
    storage = await createTestStorage(edition);
    siteId = storage.key.siteId;
    const write = (rows: Parameters<typeof ingestBatch>[0]) =>
      storage.store.writeBatch(ingestBatch(rows, storage.key));
    await write([ingestRow('gone', ago(600)), ingestRow('old', ago(300), { hashrate_ghs: 99_000 })]);
    await write([
      ingestRow('cool', ago(10), {
        hashrate_ghs: 100_000,
        temperature_avg: 50,
        temperature_max: 60,
        power_w: 3_000,
        raw: { summary: '{"a":1}' },
      }),
      ingestRow('hot', ago(5), {
        hashrate_ghs: 55_000,
        temperature_avg: 70,
        temperature_max: 90,
        power_w: null,
        health: 'critical',
        worker_name: '100%_hot',
      }),
      ingestRow('sleeper', ago(5), {
        state: 'sleeping',
        hashrate_ghs: 0,
        temperature_avg: null,
        temperature_max: null,
        power_w: 20,
      }),
      offlineRow('gone', ago(10)),
    ]);
    const other = await storage.sites.ensureSite('other');
    await storage.store.writeBatch(
      ingestBatch([ingestRow('cool', ago(1))], { ...storage.key, siteId: other }),
    );
  });
  afterAll(() => storage.close());

  test('the summary counts every miner once and sums fresh readings alone', async () => {
    const summary = await storage.sites.summary(siteId, moment);
    expect(summary).toMatchObject({
      site_id: siteId,
      site_name: 'north',
      total_miners: 5,
      online_miners: 4,
      offline_miners: 1,
      stale_miners: 1,
      degraded_miners: 1,
      by_state: { mining: 3, sleeping: 1, unreachable: 1 },
      by_health: { healthy: 3, critical: 1, offline: 1 },
      total_hashrate_ths: 155,
      nominal_hashrate_ths: 550,
      total_power_w: 3_020,
      efficiency: 30,
      avg_temperature: 60,
      max_temperature: 90,
      online_rate: 80,
      lag_seconds: 5,
    });
    expect(Date.parse(summary?.last_upload ?? '')).toBeGreaterThan(now.getTime() - 60_000);
  });

  test('an empty site has a summary, an unknown one has none', async () => {
    const empty = await storage.sites.ensureSite('empty');
    expect(await storage.sites.summary(empty, moment)).toMatchObject({
      total_miners: 0,
      by_state: {},
      total_hashrate_ths: 0,
      efficiency: null,
      avg_temperature: null,
      online_rate: 0,
      last_upload: null,
      lag_seconds: null,
    });
    expect(await storage.sites.summary(999_999, moment)).toBeNull();
    expect(await storage.live.page(999_999, everything, moment)).toEqual({ miners: [], next: null });
    expect(await storage.live.count(999_999, everything, moment)).toBeNull();
    const counted = { ...everything, search: 'x' };
    expect(await storage.live.page(999_999, counted, moment)).toEqual({
      miners: [],
      next: null,
      total: null,
    });
    expect(await storage.live.page(siteId, { ...counted, search: 'nobody' }, moment)).toMatchObject({
      total: 0,
    });
    expect(await storage.live.top(999_999, moment)).toBeNull();
    expect(await storage.live.minerDetail(999_999, 'cool', moment)).toBeNull();
  });

  test('a live row speaks the contract, with its units', async () => {
    const page = await storage.live.page(siteId, everything, moment);
    expect(await storage.live.count(siteId, everything, moment)).toBe(5);
    expect(page.miners.find((miner) => miner.miner_id === 'cool')).toEqual({
      miner_id: 'cool',
      ip_address: '10.1.2.3',
      online: true,
      state: 'mining',
      health: 'healthy',
      is_stale: false,
      last_seen: ago(10),
      hashrate_ths: 100,
      hashrate_5s_ths: 110.45625,
      hashrate_expected_ths: 110,
      temperature_avg: 50,
      temperature_max: 60,
      fan_speeds: [5_000, 5_010, 5_020, 5_030],
      accepted_shares: 123_456,
      rejected_shares: 12,
      uptime_hours: 24,
      power_w: 3_000,
      pool_url: 'stratum+tcp://pool.example:3333',
      worker_name: 'farm.worker1',
      model: 'Antminer S19',
      firmware: '2022-12-06',
      boards_total: 3,
      boards_healthy: 3,
      error_class: null,
      error_message: null,
      latency_ms: 87,
    });
  });

  test('an online miner without a fresh sample is stale, an offline one is offline', async () => {
    const page = await storage.live.page(siteId, everything, moment);
    const miner = (key: string) => page.miners.find((row) => row.miner_id === key);
    expect(miner('old')).toMatchObject({ online: true, is_stale: true });
    expect(miner('gone')).toMatchObject({
      online: false,
      is_stale: false,
      state: 'unreachable',
      hashrate_ths: null,
    });
    // Last seen is when it last answered.
    expect(miner('gone')?.last_seen).toBe(ago(600));
  });

  test('pages do not overlap and hold everything, in every order', async () => {
    const all = await keysOf({});
    for (const sort of liveSorts) {
      for (const descending of [true, false]) {
        const paged = [];
        for (let page = 1; page <= 3; page++)
          paged.push(...(await keysOf({ page, perPage: 2, sort, descending })));
        expect([...paged].sort()).toEqual([...all].sort());
        expect(await keysOf({ sort, descending })).toEqual(paged);
        const query = { ...everything, sort, descending, perPage: 2 };
        const followed = await readByCursor(storage.live, siteId, query, moment);
        expect(followed.map((miner) => miner.miner_id)).toEqual(paged);
        const ids = await storage.live.ids(siteId, query, moment);
        expect((await storage.live.byIds(ids, moment)).map((miner) => miner.miner_id)).toEqual(paged);
      }
    }
    expect(await keysOf({ page: 9 })).toEqual([]);
  });

  test('orders with unknown values last', async () => {
    expect(await keysOf({ sort: 'temperature', descending: true })).toEqual([
      'hot',
      'old',
      'cool',
      'gone',
      'sleeper',
    ]);
    expect(await keysOf({ sort: 'ratio' })).toEqual(['sleeper', 'hot', 'old', 'cool', 'gone']);
  });

  test('filters by state, by being online and by text taken literally', async () => {
    expect(await keysOf({ state: 'sleeping' })).toEqual(['sleeper']);
    expect(await keysOf({ state: 'stale' })).toEqual(['old']);
    expect(await keysOf({ onlineOnly: true })).toEqual(['cool', 'hot', 'old', 'sleeper']);
    expect(await keysOf({ search: 'SLEEP' })).toEqual(['sleeper']);
    expect(await keysOf({ search: '100%_H' })).toEqual(['hot']);
    expect(await keysOf({ search: '%' })).toEqual(['hot']);
    expect(await keysOf({ search: '_' })).toEqual(['hot']);
    expect(await keysOf({ search: '\\' })).toEqual([]);
    expect(await keysOf({ pool: '%' })).toEqual([]);
    expect(await keysOf({ search: "'; drop table miners" })).toEqual([]);
  });

  test('filters by health, model, firmware, pool and network', async () => {
    const all = ['cool', 'gone', 'hot', 'old', 'sleeper'];
    expect(await keysOf({ health: 'critical' })).toEqual(['hot']);
    expect((await keysOf({ model: 'antminer s19' })).sort()).toEqual(all);
    expect(await keysOf({ model: 'antminer' })).toEqual([]);
    expect((await keysOf({ firmware: '2022-12-06' })).sort()).toEqual(all);
    expect((await keysOf({ pool: 'POOL.example' })).sort()).toEqual(all);
    expect(await keysOf({ pool: 'other' })).toEqual([]);
    expect((await keysOf({ subnet: '10.1.2.0/24' })).sort()).toEqual(all);
    expect((await keysOf({ subnet: '10.1.2.3/32' })).sort()).toEqual(all);
    // Bits beyond the network are left out of sight, as people write them.
    expect((await keysOf({ subnet: '10.1.2.77/24' })).sort()).toEqual(all);
    expect(await keysOf({ subnet: '10.1.3.0/24' })).toEqual([]);
    for (const filter of [{ health: 'critical' }, { model: 'Antminer S19' }, { state: 'stale' }]) {
      const query = { ...everything, ...filter };
      expect(await storage.live.count(siteId, query, moment)).toBe((await keysOf(filter)).length);
    }
  });

  test('a page tells how many match where looking for it does', async () => {
    const all = ['cool', 'hot', 'old', 'sleeper'];
    for (const filter of [
      { pool: 'pool' },
      { search: 'FARM.worker1' },
      { model: 'Antminer S19', onlineOnly: true },
    ]) {
      for (const sort of liveSorts) {
        const query = { ...everything, ...filter, sort, perPage: 2 };
        const total = await storage.live.count(siteId, query, moment);
        const found: string[] = [];
        for (let after: LiveQuery['after'] = null, pages = 0; pages < 4; pages++) {
          const page = await storage.live.page(siteId, { ...query, after }, moment);
          expect(page.total).toBe(total);
          found.push(...page.miners.map((miner) => miner.miner_id));
          after = page.next;
          if (after === null) break;
        }
        expect(found).toHaveLength(total ?? 0);
        expect(all.filter((key) => !found.includes(key) && key !== 'hot')).toEqual([]);
      }
      expect(await storage.live.page(siteId, { ...everything, ...filter, page: 9 }, moment)).toMatchObject({
        miners: [],
        total: await storage.live.count(siteId, { ...everything, ...filter }, moment),
      });
    }
    expect(await storage.live.page(siteId, everything, moment)).not.toHaveProperty('total');
  });

  test('a position of another order is refused', async () => {
    const after = ['not a number', null, 'x'];
    await expect(
      storage.live.page(siteId, { ...everything, sort: 'hashrate', after }, moment),
    ).rejects.toMatchObject({ code: 'REQUEST_INVALID' });
  });

  test('the detail of a miner holds boards, sensors and raw replies', async () => {
    expect(await storage.live.minerDetail(siteId, 'cool', moment)).toMatchObject({
      miner_id: 'cool',
      site_id: siteId,
      mac: '02:00:00:00:00:01',
      family: 'antminer',
      hardware_errors: 34,
      temperature_chips: [60, 61, 62, 63, 64, 65, 66, 67, 68, 69, 70, 71],
      boards: [{ id: 0, chips_ok: 114 }, { id: 1 }, { id: 2 }],
      details: { fans: [], pools: [] },
      raw: { summary: '{"a":1}' },
      raw_time: ago(10),
    });
    expect(await storage.live.minerDetail(siteId, 'gone', moment)).toMatchObject({
      boards: [],
      temperature_chips: [],
      raw: null,
      raw_time: null,
    });
    expect(await storage.live.minerDetail(siteId, 'nobody', moment)).toBeNull();
  });

  test('the top lists leave out what is stale, offline or unknown', async () => {
    const top = await storage.live.top(siteId, moment, 2);
    expect(top?.hottest.map((miner) => miner.miner_id)).toEqual(['hot', 'cool']);
    expect(top?.worst.map((miner) => miner.miner_id)).toEqual(['sleeper', 'hot']);
    expect(top?.most_rejects.map((miner) => miner.miner_id)).toEqual(['cool', 'hot']);
  });

  test('the totals over all sites add up', async () => {
    await storage.keys.touchLastUsed(storage.key.keyId, now);
    const stats = await storage.sites.stats(now);
    expect(stats).toMatchObject({ active_collectors: 1, total_miners: 6, total_online: 5, active_alerts: 0 });
    expect(stats.sites[String(siteId)]).toMatchObject({
      site_name: 'north',
      total_miners: 5,
      online_miners: 4,
    });
    expect(stats.total_sites).toBe((await storage.sites.sites()).length);
  });

  test('sorts miners named by their address by number, before the others', async () => {
    const subnets = await storage.sites.ensureSite('subnets');
    const keys = ['name', '10.0.0.10', '10.0.0.9', '999.1.1.1', '10.0.10.1'];
    const rows = keys.map((key) => ingestRow(key, ago(5)));
    rows.sort((a, b) => (a.key < b.key ? -1 : 1));
    await storage.store.writeBatch(ingestBatch(rows, { ...storage.key, siteId: subnets }));
    const sorted = async (descending: boolean): Promise<string[]> =>
      (await storage.live.page(subnets, { ...everything, descending }, moment)).miners.map((m) => m.miner_id);
    expect(await sorted(false)).toEqual(['10.0.0.9', '10.0.0.10', '10.0.10.1', '999.1.1.1', 'name']);
    expect(await sorted(true)).toEqual(['10.0.10.1', '10.0.0.10', '10.0.0.9', 'name', '999.1.1.1']);
  });

  test('pages by position neither repeat nor miss a miner while others come', async () => {
    const site = await storage.sites.ensureSite('growing');
    const write = (keys: string[]) =>
      storage.store.writeBatch(
        ingestBatch(
          keys.map((key) => ingestRow(key, ago(5), { mac: null })),
          { ...storage.key, siteId: site },
        ),
      );
    await write(['b', 'd', 'f', 'h']);
    const query = { ...everything, perPage: 2 };
    const first = await storage.live.page(site, query, moment);
    await write(['a', 'c', 'e', 'g', 'i']);
    const second = await storage.live.page(site, { ...query, after: first.next }, moment);
    expect(first.miners.map((miner) => miner.miner_id)).toEqual(['b', 'd']);
    expect(second.miners.map((miner) => miner.miner_id)).toEqual(['e', 'f']);
  });

  test('tells which miners became something else, and how many', async () => {
    const site = await storage.sites.ensureSite('changing');
    const write = (rows: Parameters<typeof ingestBatch>[0]) =>
      storage.store.writeBatch(ingestBatch(rows, { ...storage.key, siteId: site }));
    const start = await storage.live.changes(site, now.getTime() + 3_600_000, 10);
    expect(start).toMatchObject({ changes: [], marks: [] });
    await write(['a', 'b', 'c'].map((key) => ingestRow(key, ago(20), { mac: null })));
    const entered = await storage.live.changes(site, start.atMs, 2);
    expect(new Set(entered.marks).size).toBe(3);
    expect(entered.changes).toHaveLength(2);
    await write([
      ingestRow('a', ago(10), { mac: null }),
      ingestRow('b', ago(10), { mac: null, health: 'warning' }),
    ]);
    await write([offlineRow('c', ago(10))]);
    const changed = await storage.live.changes(site, entered.atMs, 10);
    expect(changed.changes.map(({ miner_id, state, health }) => [miner_id, state, health])).toEqual([
      ['c', 'unreachable', 'offline'],
      ['b', 'mining', 'warning'],
    ]);
  });
});
