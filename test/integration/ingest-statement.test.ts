import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { IngestRow } from '../../src/domain/ingest.js';
import { testEditions } from '../support/database.js';
import { ingestBatch, ingestRow, offlineRow } from '../support/ingest-rows.js';
import { createTestStorage, type TestStorage } from '../support/storage.js';

const startMs = Date.now() - 3_600_000;
/** The slot `n`, ten seconds apart within the last hour. */
const slot = (n: number): string => new Date(startMs + n * 10_000).toISOString();
const ascending = (a: number, b: number): number => a - b;

describe.each(testEditions())('the ingest statement on %s', (edition) => {
  let storage: TestStorage;
  const write = (rows: readonly IngestRow[], changes = {}) =>
    storage.store.writeBatch(ingestBatch(rows, storage.key, changes));
  const count = async (table: string): Promise<number> =>
    (await storage.query<{ n: number }>(`select count(*)::int as n from ${table}`))[0]?.n ?? -1;
  const state = () => storage.query('select * from miner_telemetry_live order by miner_id');
  const events = () =>
    storage.query(
      'select key, kind, from_value, to_value from miner_events join miners using (miner_id) order by time, key, kind',
    );

  beforeAll(async () => {
    storage = await createTestStorage(edition);
  });
  afterAll(() => storage.close());
  beforeEach(() =>
    storage.query(`truncate miner_telemetry_history, miner_events, collector_upload_logs, miner_raw_replies,
      miner_telemetry_live, miners cascade`),
  );

  test('stores every value of a row in the history and the live row', async () => {
    const outcome = await write([ingestRow('a', slot(0))]);
    expect(outcome).toEqual({
      stored: 1,
      duplicate: 0,
      updated: 1,
      created: 1,
      isDuplicateBatch: false,
      unstorable: [],
    });
    const [history] =
      await storage.query(`select *, to_json(fan_speeds) as fan_speeds, to_json(boards) as boards,
      to_json(temperature_chips::int[]) as temperature_chips from miner_telemetry_history`);
    expect(history).toMatchObject({
      time: new Date(slot(0)),
      accepted_shares: '123456',
      uptime_seconds: 86_400,
      hashrate_ghs: 110_123.5,
      temperature_min: 50.25,
      power_w: 3_250,
      latency_ms: 87,
      state: 'm',
      health: 'h',
      error_class: '-',
      fan_speeds: [5_000, 5_010, 5_020, 5_030],
      temperature_chips: [60, 61, 62, 63, 64, 65, 66, 67, 68, 69, 70, 71],
      boards: [
        [36_700.5, 36_700.5, 36_700.5],
        [62.5, 62.5, 62.5],
        [114, 114, 114],
      ],
    });
    expect((await state())[0]).toMatchObject({ online: true, state: 'mining', hashrate_ghs: 110_123.5 });
  });

  test('keeps unknown values null in an offline row', async () => {
    await write([offlineRow('a', slot(0))]);
    const [row] = await storage.query('select * from miner_telemetry_history');
    expect(row).toMatchObject({
      state: 'u',
      health: 'o',
      error_class: 'c',
      hashrate_ghs: null,
      fan_speeds: null,
    });
    expect(row).toMatchObject({ temperature_chips: null, boards: null, accepted_shares: null });
    expect(row).toMatchObject({ rejected_shares: null, hardware_errors: null, latency_ms: null });
    expect(row).toMatchObject({ pool_latency_ms: null });
  });

  test('a batch sent three times changes nothing after the first', async () => {
    const rows = [ingestRow('a', slot(0)), ingestRow('b', slot(0))];
    const batchId = randomUUID();
    await write(rows, { batchId });
    const before = await state();
    for (let again = 0; again < 2; again++) {
      expect(await write(rows, { batchId })).toMatchObject({
        stored: 0,
        duplicate: 2,
        updated: 0,
        isDuplicateBatch: true,
      });
    }
    expect(await count('miner_telemetry_history')).toBe(2);
    expect(await count('collector_upload_logs')).toBe(1);
    expect(await state()).toEqual(before);
  });

  test('of one batch sent four times at once exactly one is stored', async () => {
    for (let round = 0; round < 5; round++) {
      const rows = Array.from({ length: 50 }, (_, i) =>
        ingestRow(`m${i}`, slot(round), { uptime_seconds: 100 - round }),
      );
      const batch = ingestBatch(rows, storage.key);
      const outcomes = await Promise.all([1, 2, 3, 4].map(() => storage.store.writeBatch(batch)));
      expect(outcomes.map((outcome) => outcome.stored).sort(ascending)).toEqual([0, 0, 0, 50]);
      expect(outcomes.filter((outcome) => outcome.isDuplicateBatch)).toHaveLength(3);
    }
    expect(await count('miner_telemetry_history')).toBe(250);
    expect(await count('miners')).toBe(50);
    // One reboot per miner and round after the first, not one per sender.
    expect(await count('miner_events')).toBe(200);
  });

  test('the same rows under another batch id are duplicates, row by row', async () => {
    await write([ingestRow('a', slot(0)), ingestRow('b', slot(0))]);
    const outcome = await write([ingestRow('a', slot(0)), ingestRow('b', slot(0)), ingestRow('c', slot(0))]);
    expect(outcome).toMatchObject({
      stored: 1,
      duplicate: 2,
      updated: 1,
      created: 1,
      isDuplicateBatch: false,
    });
    expect(
      await storage.query(
        'select rows, stored, duplicate from collector_upload_logs order by received_at desc limit 1',
      ),
    ).toEqual([{ rows: 3, stored: 1, duplicate: 2 }]);
  });

  test('an older sample is kept in the history and never overwrites the newer live row', async () => {
    await write([ingestRow('a', slot(5), { hashrate_ghs: 5 })]);
    const outcome = await write([
      ingestRow('a', slot(4), { hashrate_ghs: 4, model: 'older', uptime_seconds: 1 }),
    ]);
    expect(outcome).toMatchObject({ stored: 1, updated: 0 });
    expect((await state())[0]).toMatchObject({ time: new Date(slot(5)), hashrate_ghs: 5 });
    expect(await storage.query('select model from miners')).toEqual([{ model: 'Antminer S19' }]);
    expect(await events()).toEqual([]);
  });

  test('writers with overlapping miners in opposite order neither deadlock nor lose rows', async () => {
    const writers = Array.from({ length: 8 }, (_, writer) =>
      Array.from({ length: 10 }, (_, round) => {
        const keys = Array.from({ length: 60 }, (_, i) => `m${(i * 7 + writer) % 80}`);
        return [...new Set(keys)].map((key) =>
          ingestRow(key, slot(writer * 10 + round), { model: `v${writer}` }),
        );
      }),
    );
    const outcomes = await Promise.all(
      writers.map(async (batches) => {
        const stored: number[] = [];
        for (const rows of batches) stored.push((await write(rows)).stored - rows.length);
        return stored;
      }),
    );
    expect(outcomes.flat().every((missing) => missing === 0)).toBe(true);
    expect(await count('miner_telemetry_history')).toBe(writers.flat().flat().length);
    expect(await count('(select distinct miner_id, time from miner_telemetry_history) d')).toBe(
      writers.flat().flat().length,
    );
    const newest = await storage.query(
      'select miner_id, max(time) as time from miner_telemetry_history group by 1 order by 1',
    );
    expect(await storage.query('select miner_id, time from miner_telemetry_live order by 1')).toEqual(newest);
  });

  test('whatever order batches arrive in, the result is the same', async () => {
    const sample = fc.record({
      key: fc.constantFrom('a', 'b', 'c'),
      at: fc.integer({ min: 0, max: 9 }),
      batch: fc.integer({ min: 0, max: 3 }),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(sample, { minLength: 1, maxLength: 20 }), async (samples) => {
        await storage.query(
          'truncate miner_telemetry_history, miner_events, collector_upload_logs, miner_telemetry_live, miners cascade',
        );
        const unique = [...new Map(samples.map((s) => [`${s.key} ${s.at}`, s])).values()];
        const sent = [0, 1, 2, 3]
          .map((batch) => unique.filter((s) => s.batch === batch))
          .filter((rows) => rows.length > 0);
        for (const rows of [...sent, ...sent]) {
          await write(rows.map((s) => ingestRow(s.key, slot(s.at), { accepted_shares: s.at })));
        }
        expect(await count('miner_telemetry_history')).toBe(unique.length);
        const live = await storage.query<{ key: string; shares: number }>(
          'select key, accepted_shares::int as shares from miner_telemetry_live join miners using (miner_id)',
        );
        for (const { key, shares } of live) {
          expect(shares).toBe(Math.max(...unique.filter((s) => s.key === key).map((s) => s.at)));
        }
      }),
      { numRuns: 15 },
    );
  });

  test('tells what changed between two samples of a miner', async () => {
    await write([ingestRow('a', slot(0), { uptime_seconds: 900 }), ingestRow('b', slot(0))]);
    await write([offlineRow('a', slot(1)), ingestRow('b', slot(1), { boards_healthy: 2 })]);
    await write([
      ingestRow('a', slot(2), { uptime_seconds: 10, firmware: 'new', state: 'sleeping' }),
      ingestRow('b', slot(2), {
        boards_healthy: 2,
        pool_url: 'stratum+tcp://other:1',
        worker_name: 'w2',
        state: 'stopped',
      }),
    ]);
    expect(await events()).toEqual([
      { key: 'a', kind: 'offline', from_value: 'mining', to_value: 'unreachable' },
      { key: 'b', kind: 'boards', from_value: '3', to_value: '2' },
      { key: 'a', kind: 'firmware', from_value: '2022-12-06', to_value: 'new' },
      { key: 'a', kind: 'online', from_value: 'unreachable', to_value: 'sleeping' },
      { key: 'a', kind: 'reboot', from_value: '900', to_value: '10' },
      {
        key: 'b',
        kind: 'pool',
        from_value: 'stratum+tcp://pool.example:3333',
        to_value: 'stratum+tcp://other:1',
      },
      { key: 'b', kind: 'state', from_value: 'mining', to_value: 'stopped' },
      { key: 'b', kind: 'worker', from_value: 'farm.worker1', to_value: 'w2' },
    ]);
    expect(await storage.query(`select firmware from miners where key = 'a'`)).toEqual([{ firmware: 'new' }]);
  });

  test('tells the changes inside a backlog batch too', async () => {
    await write([ingestRow('a', slot(0))]);
    await write([
      offlineRow('a', slot(1)),
      ingestRow('a', slot(2)),
      offlineRow('a', slot(3)),
      offlineRow('a', slot(4)),
    ]);
    expect((await events()).map((event) => event['kind'])).toEqual(['offline', 'online', 'offline']);
    expect((await state())[0]).toMatchObject({ state: 'unreachable', last_online_at: new Date(slot(2)) });
  });

  test('an offline sample keeps the model, pool and nominal hashrate that were known', async () => {
    await write([ingestRow('a', slot(0))]);
    await write([offlineRow('a', slot(1))]);
    expect((await state())[0]).toMatchObject({
      online: false,
      hashrate_ghs: null,
      hashrate_expected_ghs: 110_000,
      pool_url: 'stratum+tcp://pool.example:3333',
    });
    expect(await storage.query('select model, ip from miners')).toEqual([
      { model: 'Antminer S19', ip: '10.1.2.3' },
    ]);
  });

  test('keeps the last raw reply of each command', async () => {
    await write([
      ingestRow('a', slot(0), { raw: { summary: 'one', stats: 'one' } }),
      ingestRow('a', slot(1), { raw: { summary: 'two' } }),
    ]);
    await write([ingestRow('a', slot(2))]);
    await write([
      ingestRow('a', slot(0), { raw: { stats: 'late' } }),
      ingestRow('b', slot(0), { raw: { pools: 'three' } }),
    ]);
    expect(await storage.query('select command, body from miner_raw_replies order by 1')).toEqual([
      { command: 'pools', body: 'three' },
      { command: 'stats', body: 'one' },
      { command: 'summary', body: 'two' },
    ]);
  });

  test('rows the database cannot take are named and the others stored', async () => {
    const rows = Array.from({ length: 40 }, (_, i) => ingestRow(`m${String(i).padStart(2, '0')}`, slot(0)));
    rows[3] = ingestRow('m03', slot(0), { uptime_seconds: 1e30 });
    rows[17] = ingestRow('m17', slot(0), { error_message: 'a\0b' });
    rows[39] = ingestRow('m39', '2106-02-07T06:28:16.000Z');
    if (edition === 'timescale') rows[39] = ingestRow('m39', slot(0), { hashrate_ghs: Number.MAX_VALUE });
    const batch = ingestBatch(rows, storage.key);
    const outcome = await storage.store.writeBatch(batch);
    expect(outcome).toMatchObject({ stored: 37, duplicate: 0, created: 37, isDuplicateBatch: false });
    expect([...outcome.unstorable].sort(ascending)).toEqual([3, 17, 39]);
    const again = await storage.store.writeBatch(batch);
    expect(again).toMatchObject({ stored: 0, duplicate: 37, isDuplicateBatch: true });
    expect([...again.unstorable].sort(ascending)).toEqual([3, 17, 39]);
    expect(await count('miner_telemetry_history')).toBe(37);
  });

  test('values beyond a column are kept as near as it can hold them', async () => {
    await write([
      ingestRow('a', slot(0), {
        temperature_chips: [60, 250],
        latency_ms: 90_000,
        accepted_shares: 2 ** 52,
        hardware_errors: 2 ** 40,
      }),
    ]);
    expect(
      await storage.query(`select to_json(temperature_chips::int[]) as chips, latency_ms, accepted_shares::text as shares, hardware_errors
        from miner_telemetry_history`),
    ).toEqual([
      { chips: [60, 127], latency_ms: 32_767, shares: String(2 ** 52), hardware_errors: 2 ** 31 - 1 },
    ]);
    expect((await state())[0]).toMatchObject({ latency_ms: 90_000, hardware_errors: String(2 ** 40) });
  });

  test('boards of unequal columns do not lose the row', async () => {
    expect(
      await write([ingestRow('a', slot(0), { board_temp_c: [60], board_chips_ok: null })]),
    ).toMatchObject({ stored: 1 });
  });

  test('an empty batch is logged', async () => {
    expect(await write([], { rejectedCount: 3 })).toMatchObject({
      stored: 0,
      duplicate: 0,
      isDuplicateBatch: false,
    });
    expect(await storage.query('select rows, rejected from collector_upload_logs')).toEqual([
      { rows: 0, rejected: 3 },
    ]);
  });

  test('a missing partition is made when a row asks for it', async () => {
    if (edition === 'plain') {
      const names = await storage.query<{
        name: string;
      }>(`select inhrelid::regclass::text as name from pg_inherits
        where inhparent = 'miner_telemetry_history'::regclass`);
      await storage.query(`drop table ${names.map((row) => row.name).join(', ')}`);
    }
    expect(await write([ingestRow('a', slot(0))])).toMatchObject({ stored: 1, unstorable: [] });
  });

  test('two sites may name their miners alike', async () => {
    const siteId = await storage.sites.ensureSite('south');
    await write([ingestRow('a', slot(0))]);
    await write([ingestRow('a', slot(0))], { siteId });
    expect(await count('miners')).toBe(2);
    expect(await count('miner_telemetry_history')).toBe(2);
  });
});
