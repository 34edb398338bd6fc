import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { FleetRepo } from '../../src/storage/fleet.repo.js';
import { testEditions } from '../support/database.js';
import { ingestBatch, ingestRow, offlineRow } from '../support/ingest-rows.js';
import { readQuery } from '../../src/storage/sql-files.js';
import { explain } from '../support/plans.js';
import { createTestStorage, type TestStorage } from '../support/storage.js';

const startMs = Date.now() - 3_600_000;
const at = (minute: number): string => new Date(startMs + minute * 60_000).toISOString();
const when = (minute: number): Date => new Date(startMs + minute * 60_000);

describe.each(testEditions())('the fleet at a time on %s', (edition) => {
  let storage: TestStorage;
  let fleet: FleetRepo;
  const write = (rows: Parameters<typeof ingestBatch>[0]) =>
    storage.store.writeBatch(ingestBatch(rows, storage.key));
  const page = async (minute: number, changes = {}) =>
    fleet.fleetAt(storage.key.siteId, {
      time: when(minute),
      maxAgeS: 300,
      perPage: 100,
      after: null,
      ...changes,
    });

  beforeAll(async () => {
    storage = await createTestStorage(edition);
    fleet = new FleetRepo(storage.db);
    await write([
      ingestRow('a', at(0), { mac: null, hashrate_ghs: 100_000 }),
      ingestRow('b', at(0), { mac: null }),
    ]);
    await write([
      ingestRow('a', at(10), {
        mac: null,
        firmware: 'second',
        pool_url: 'stratum+tcp://other:1',
        hashrate_ghs: 90_000,
      }),
      offlineRow('b', at(10)),
    ]);
    await write([
      ingestRow('a', at(20), {
        mac: null,
        firmware: 'third',
        worker_name: 'w2',
        state: 'sleeping',
        hashrate_ghs: 0,
      }),
      ingestRow('b', at(20), { mac: null, board_chips_ok: [114, 114, 100] }),
      ...['10.0.0.10', '10.0.0.9', '10.0.1.1'].map((key, n) =>
        ingestRow(key, at(20), { ip: key, mac: `02:00:00:00:01:0${n}` }),
      ),
    ]);
    await write([ingestRow('b', at(21), { mac: null })]);
  });
  afterAll(() => storage.close());

  test('tells state, readings and identity as they were', async () => {
    const miner = async (minute: number, key: string) =>
      (await page(minute)).miners.find((m) => m.miner_id === key);
    expect(await miner(1, 'a')).toMatchObject({
      state: 'mining',
      time: at(0),
      firmware: '2022-12-06',
      pool_url: 'stratum+tcp://pool.example:3333',
      worker_name: 'farm.worker1',
      hashrate_ths: 100,
    });
    expect(await miner(11, 'a')).toMatchObject({
      firmware: 'second',
      pool_url: 'stratum+tcp://other:1',
      worker_name: 'farm.worker1',
      hashrate_ths: 90,
    });
    expect(await miner(20, 'a')).toMatchObject({ state: 'sleeping', firmware: 'third', worker_name: 'w2' });
    expect(await miner(12, 'b')).toMatchObject({ state: 'unreachable', hashrate_ths: null });
    // Nobody knows: the last sample is too old.
    expect(await miner(18, 'b')).toMatchObject({ state: 'unknown', time: null });
    expect((await page(-1)).miners).toEqual([]);
  });

  test('counts every miner that was known then', async () => {
    expect(await fleet.fleetTotalsAt(storage.key.siteId, when(11), 300)).toMatchObject({
      total_miners: 2,
      online_miners: 1,
      offline_miners: 1,
      unknown_miners: 0,
      by_state: { mining: 1, unreachable: 1 },
      total_hashrate_ths: 90,
    });
    expect(await fleet.fleetTotalsAt(storage.key.siteId, when(8), 300)).toMatchObject({
      total_miners: 2,
      unknown_miners: 2,
      by_state: {},
    });
    expect(await fleet.fleetTotalsAt(storage.key.siteId, when(22), 300)).toMatchObject({ total_miners: 5 });
  });

  test('pages hold every miner once, addresses in their order', async () => {
    const keys: string[] = [];
    for (let next: string | null = null, pages = 0; pages < 10; pages++) {
      const part = await page(25, { perPage: 2, after: next });
      keys.push(...part.miners.map((miner) => miner.miner_id));
      next = part.next;
      if (next === null) break;
    }
    expect(keys).toEqual(['10.0.0.9', '10.0.0.10', '10.0.1.1', 'a', 'b']);
    expect((await page(25, { after: '999.1.1.1|zz' })).miners).toEqual([]);
  });

  test('an event holds from its sample until the next of its kind', async () => {
    const spans = await storage.query(`select key, kind, from_value, to_value, valid_from, valid_to
      from miner_event_spans join miners using (miner_id) where key in ('a', 'b') order by key, kind, valid_from`);
    const span = (
      key: string,
      kind: string,
      from_value: string,
      to_value: string,
      from: number,
      to: number | null,
    ) => ({
      key,
      kind,
      from_value,
      to_value,
      valid_from: when(from),
      valid_to: to === null ? null : when(to),
    });
    expect(spans).toEqual([
      span('a', 'firmware', '2022-12-06', 'second', 10, 20),
      span('a', 'firmware', 'second', 'third', 20, null),
      span('a', 'pool', 'stratum+tcp://pool.example:3333', 'stratum+tcp://other:1', 10, 20),
      span('a', 'pool', 'stratum+tcp://other:1', 'stratum+tcp://pool.example:3333', 20, null),
      span('a', 'state', 'mining', 'sleeping', 20, null),
      span('a', 'worker', 'farm.worker1', 'w2', 20, null),
      span('b', 'chips', '342', '328', 20, 21),
      span('b', 'chips', '328', '342', 21, null),
      span('b', 'offline', 'mining', 'unreachable', 10, 20),
      span('b', 'online', 'unreachable', 'mining', 20, null),
    ]);
  });

  test('answers the same when the planner knows what is in the tables', async () => {
    const before = await page(20);
    const totals = await fleet.fleetTotalsAt(storage.key.siteId, when(20), 300);
    await storage.query('analyze');
    expect(await page(20)).toEqual(before);
    expect(await fleet.fleetTotalsAt(storage.key.siteId, when(20), 300)).toEqual(totals);
  });

  test('reads samples by miner and time alone, and each miner once', async () => {
    const totals = [storage.key.siteId, when(20).toISOString(), '300', '600'];
    const page = [storage.key.siteId, when(20).toISOString(), '300', null, null, 100, '600'];
    for (const [name, parameters] of [
      ['fleet_totals_at', totals],
      ['fleet_at', page],
    ] as const) {
      const nodes = await explain(storage, readQuery(name), parameters);
      // Chunks and partitions, of samples and of events.
      const samples = nodes.filter((node) =>
        /^_hyper_\d+_\d+_chunk$|^miner_(telemetry_history|events)/.test(node.relation),
      );
      const read = samples.filter((node) => node.isRun);
      expect(read.length).toBeGreaterThan(0);
      for (const { type, condition } of read) {
        expect(type).toMatch(/Index/);
        expect(condition).toMatch(/miner_id = .*"?time"? > /);
      }
      expect(nodes.filter((node) => node.relation === 'miners' && node.isRun)).toHaveLength(1);
    }
  });

  test('takes a sample from before the last slot for miners that have none in it', async () => {
    const site = await storage.sites.ensureSite('slots');
    const to = (rows: Parameters<typeof ingestBatch>[0]) =>
      storage.store.writeBatch({
        ...ingestBatch(rows, { ...storage.key, siteId: site }),
        intervalS: 60,
      });
    const row = (key: string, minute: number, hashrate_ghs: number) =>
      ingestRow(key, at(minute), { mac: null, hashrate_ghs });
    await to([row('every', 30, 1_000), row('late', 30, 10_000), row('twice', 30, 7)]);
    await to([row('every', 33, 2_000), row('twice', 33.2, 100_000), row('twice', 33.5, 200_000)]);
    const ths = async (minute: number): Promise<[number, number]> => {
      const totals = await fleet.fleetTotalsAt(site, when(minute), 300);
      return [totals.total_hashrate_ths, totals.unknown_miners];
    };
    expect(await ths(33.9)).toEqual([212, 0]);
    expect(await ths(33.3)).toEqual([112, 0]);
    expect(await ths(34.9)).toEqual([212, 0]);
    expect(await ths(36)).toEqual([202, 1]);
    // No sample at the very end of the window, one at its beginning.
    expect(await ths(35)).toEqual([202, 1]);
  });

  test('believes longer that a miner did not answer than that it did', async () => {
    const site = await storage.sites.ensureSite('rarely asked');
    const to = (rows: Parameters<typeof ingestBatch>[0]) =>
      storage.store.writeBatch({
        ...ingestBatch(rows, { ...storage.key, siteId: site }),
        intervalS: 60,
      });
    // Of each, the last sample is so many slots old.
    const slots = [0, 1, 2, 3, 5, 6, 9, 13, 14, 25, 29, 31];
    for (const ago of slots)
      for (const extra of [3, 0])
        await to([
          ingestRow(`up ${ago}`, at(50 - ago - extra), { mac: null, hashrate_ghs: 1_000 }),
          offlineRow(`down ${ago}`, at(50 - ago - extra)),
        ]);
    const ages = { maxAgeS: 180, offlineAgeS: 1_800 };
    for (const minute of [50, 50.5, 52, 55, 70]) {
      const young = (limit: number): number => slots.filter((ago) => ago + minute - 50 < limit).length;
      const totals = await fleet.fleetTotalsAt(site, when(minute), ages.maxAgeS, ages.offlineAgeS);
      expect(totals, `at ${minute}`).toMatchObject({
        total_miners: 2 * slots.length,
        online_miners: young(3),
        offline_miners: young(30),
        unknown_miners: 2 * slots.length - young(3) - young(30),
        total_hashrate_ths: young(3),
      });
      const { miners } = await fleet.fleetAt(site, {
        ...ages,
        time: when(minute),
        perPage: 100,
        after: null,
      });
      const count = (state: string): number => miners.filter((miner) => miner.state === state).length;
      expect([count('mining'), count('unreachable'), count('unknown')]).toEqual([
        totals.online_miners,
        totals.offline_miners,
        totals.unknown_miners,
      ]);
    }
  });
});
