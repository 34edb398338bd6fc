import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { HistoryRepo } from '../../src/storage/history.repo.js';
import { runRollups } from '../../src/storage/rollups.js';
import { testEditions } from '../support/database.js';
import { ingestBatch, ingestRow } from '../support/ingest-rows.js';
import {
  expectedRollups,
  oracleSamples,
  slotsDue,
  type OracleSample,
  type ToldIntervals,
} from '../support/rollup-oracle.js';
import { createTestStorage, type TestStorage } from '../support/storage.js';

/** The start of an hour, some hours ago, s. */
const hourS = Math.floor(Date.now() / 3_600_000 - 5) * 3_600;

describe.each(testEditions())('an interval that changes, on %s', (edition) => {
  let storage: TestStorage;
  beforeEach(async () => {
    storage = await createTestStorage(edition);
  });
  afterEach(() => storage.close());

  /** A batch of five minutes at most of two miners, whose collector tells `intervalS`. */
  const write = async (fromS: number, toS: number, everyS: number, intervalS: number | null = everyS) => {
    for (let startS = fromS; startS < toS; startS += 300) {
      const rows = ['a', 'b'].flatMap((key) =>
        Array.from({ length: Math.ceil((Math.min(startS + 300, toS) - startS) / everyS) }, (_, slot) =>
          ingestRow(key, new Date((startS + slot * everyS) * 1_000).toISOString(), {
            mac: null,
            power_w: 3_600,
          }),
        ),
      );
      await storage.store.writeBatch(ingestBatch(rows, storage.key, { intervalS }));
    }
  };
  const roll = () => runRollups(storage.db, { historyDays: 30, settle5mS: 0, settle1hS: 0 });
  const told = async (): Promise<{ since_s: number; interval_s: number }[]> =>
    storage.query(
      'select extract(epoch from since)::int as since_s, interval_s from site_intervals order by since',
    );

  async function expectRight(intervals: ToldIntervals): Promise<void> {
    const samples = await storage.query<OracleSample>(`${oracleSamples}${storage.key.siteId}`);
    const { miners, site } = expectedRollups(samples, intervals);
    const columns = 'expected_samples, samples, interval_s, energy_kwh, extract(epoch from time)::int as t';
    const hours = await storage.query<Row>(`select ${columns}, miner_id from miner_telemetry_1h`);
    const fives = await storage.query<Row>(`select ${columns} from site_telemetry_5m`);
    expect(hours).toHaveLength(miners.size);
    expect(fives).toHaveLength(site.size);
    for (const row of hours) expectAlike(row, miners.get(`${row.t} ${row.miner_id}`), 'interval_s');
    for (const row of fives) expectAlike(row, site.get(String(row.t)));
  }

  interface Row extends Record<string, number> {
    t: number;
    miner_id: number;
  }
  const expectAlike = (row: Row, right: Record<string, number | null> | undefined, ...more: string[]) => {
    for (const name of ['expected_samples', 'samples', 'energy_kwh', ...more])
      expect(row[name], `${name} at ${row.t - hourS} s`).toBeCloseTo(right?.[name] ?? NaN, 3);
  };

  test.each([
    ['shorter', 60, 10],
    ['longer', 10, 60],
  ])('to a %s one in the middle of an hour expects the slots of each part', async (_name, before, after) => {
    // Not at the edge of five minutes either.
    const changeS = hourS + 1_380;
    await write(hourS - 3_600, changeS, before);
    await roll();
    await write(changeS, hourS + 7_200, after);
    await roll();
    const intervals = [
      { sinceS: hourS - 3_600, intervalS: before },
      { sinceS: changeS, intervalS: after },
    ];
    expect(await told()).toEqual(
      intervals.map(({ sinceS, intervalS }) => ({ since_s: sinceS, interval_s: intervalS })),
    );
    await expectRight(intervals);
    const history = new HistoryRepo(storage.db);
    const minerId = (await history.minerId(storage.key.siteId, 'a')) ?? 0;
    for (const [fromS, toS] of [
      [hourS, hourS + 3_600],
      [hourS - 3_600, hourS + 7_200],
      [changeS - 300, changeS + 300],
    ] as const) {
      const range = { fromMs: fromS * 1_000, toMs: toS * 1_000 };
      const of = await history.minerAvailability(minerId, range, 0);
      expect(of.samples).toBeCloseTo(slotsDue(intervals, fromS, toS) ?? NaN, 6);
      expect(of.coverage_percent).toBeCloseTo(100, 6);
      expect((await history.siteAvailability(storage.key.siteId, range)).coverage_percent).toBeCloseTo(
        100,
        1,
      );
    }
  });

  test('again within the hour, and missed slots, are seen', async () => {
    await write(hourS, hourS + 900, 60);
    await write(hourS + 900, hourS + 1_800, 10);
    // Ten minutes are missing.
    await write(hourS + 2_400, hourS + 3_600, 30);
    await roll();
    await expectRight(
      [
        [hourS, 60],
        [hourS + 900, 10],
        [hourS + 2_400, 30],
      ].map(([sinceS = 0, intervalS = 0]) => ({ sinceS, intervalS })),
    );
    const history = new HistoryRepo(storage.db);
    const minerId = (await history.minerId(storage.key.siteId, 'a')) ?? 0;
    const range = { fromMs: hourS * 1_000, toMs: (hourS + 3_600) * 1_000 };
    const { samples, coverage_percent } = await history.minerAvailability(minerId, range, 0);
    expect(samples).toBe(15 + 90 + 40);
    expect(coverage_percent).toBeCloseTo((100 * 145) / (15 + 150 + 40), 6);
  });

  test('is not told by what is older than the last change, nor by every batch of two that disagree', async () => {
    await write(hourS, hourS + 600, 60);
    await write(hourS + 600, hourS + 1_200, 10);
    // A backlog from before the change, told as a collector of an older release does.
    await write(hourS + 30, hourS + 600, 60, 10);
    await write(hourS + 35, hourS + 600, 60, 20);
    for (let n = 0; n < 20; n++)
      await write(hourS + 1_200 + n * 30, hourS + 1_230 + n * 30, 30, 30 + (n % 2));
    expect(await told()).toEqual([
      { since_s: hourS, interval_s: 60 },
      { since_s: hourS + 600, interval_s: 10 },
      { since_s: hourS + 1_200, interval_s: 30 },
      { since_s: hourS + 1_530, interval_s: 31 },
    ]);
  });
});
