import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { AppError } from '../../src/domain/errors.js';
import type { IngestRow } from '../../src/domain/ingest.js';
import {
  lookBackS,
  rollups,
  rollupStatements,
  runRollups,
  type RollupOptions,
} from '../../src/storage/rollups.js';
import { TelemetryStore } from '../../src/storage/telemetry-store.js';
import { createMetrics } from '../../src/telemetry/metrics.js';
import { testEditions } from '../support/database.js';
import { ingestBatch, ingestRow, offlineRow } from '../support/ingest-rows.js';
import { expectedRollups, groupBy, oracleSamples, type OracleSample } from '../support/rollup-oracle.js';
import { createTestStorage, openTestDatabase, type TestStorage } from '../support/storage.js';
import { waitFor } from '../support/wait.js';

/** The start of an hour, some hours ago. */
const hourMs = Math.floor(Date.now() / 3_600_000 - 5) * 3_600_000;
const at = (seconds: number): string => new Date(hourMs + seconds * 1_000).toISOString();

describe.each(testEditions())('rollups on %s', (edition) => {
  let storage: TestStorage;
  const write = (rows: readonly IngestRow[], changes = {}) =>
    storage.store.writeBatch(ingestBatch(rows, storage.key, { intervalS: 60, ...changes }));
  const run = (changes: Partial<RollupOptions> = {}) =>
    runRollups(storage.db, { historyDays: 30, settle5mS: 0, settle1hS: 0, ...changes });

  beforeAll(async () => {
    storage = await createTestStorage(edition);
  });
  afterAll(() => storage.close());
  beforeEach(() => clear());

  async function clear(): Promise<void> {
    await storage.query(`truncate miner_telemetry_history, miner_events, collector_upload_logs, miner_raw_replies,
      miner_telemetry_live, miner_telemetry_1h, site_telemetry_5m, rollup_marks, rollup_due, site_intervals, miners cascade`);
  }

  async function expectRight(toldS: number | null): Promise<void> {
    const samples = await storage.query<OracleSample>(`${oracleSamples}${storage.key.siteId}`);
    const expected = expectedRollups(samples, toldS);
    const miners = await storage.query<{ t: number; miner_id: number }>(
      'select *, accepted_delta::float8 as accepted_delta, extract(epoch from time)::int as t from miner_telemetry_1h',
    );
    const site = await storage.query<
      Record<string, unknown>
    >(`select *, accepted_delta::float8 as accepted_delta,
      rejected_delta::float8 as rejected_delta, hardware_errors_delta::float8 as hardware_errors_delta,
      extract(epoch from time)::int as t from site_telemetry_5m`);
    expectSame(new Map(miners.map((row) => [`${row.t} ${row.miner_id}`, row])), expected.miners);
    expectSame(new Map(site.map((row) => [String(row.t), row])), expected.site);
  }

  test('sum what a miner did in an hour and a site in five minutes', async () => {
    const rows = Array.from({ length: 60 }, (_, minute) =>
      ingestRow('a', at(minute * 60), {
        hashrate_ghs: 100_000 + minute,
        accepted_shares: 1_000 + 10 * minute,
        power_w: 3_600,
      }),
    );
    await write(rows);
    await write(Array.from({ length: 60 }, (_, minute) => offlineRow('b', at(minute * 60))));
    await run();
    const [hour] = await storage.query('select * from miner_telemetry_1h where online_samples > 0');
    expect(hour).toMatchObject({
      time: new Date(hourMs),
      samples: 60,
      online_samples: 60,
      hashing_samples: 60,
      expected_samples: 60,
      interval_s: 60,
      hashrate_ghs_min: 100_000,
      hashrate_ghs_max: 100_059,
      accepted_delta: '590',
      temperature_max: 80.75,
      energy_kwh: 3.6,
    });
    const [five] = await storage.query('select * from site_telemetry_5m order by time limit 1');
    expect(five).toMatchObject({
      miners: 2,
      online_miners: 1,
      hashing_miners: 1,
      online_avg: 1,
      samples: 10,
      expected_samples: 10,
      hashrate_ghs: 100_002,
      power_w: 3_600,
      last_states: { mining: 1, unreachable: 1 },
    });
    await expectRight(60);
  });

  test('equal a computation from scratch after any history of late, repeated and unordered uploads', async () => {
    const sample = fc.record({
      key: fc.constantFrom('a', 'b', 'c'),
      slot: fc.integer({ min: 0, max: 40 }).map((n) => (n > 30 ? 60 + 7 * n : n)),
      batch: fc.integer({ min: 0, max: 5 }),
      isOnline: fc.boolean(),
      shares: fc.option(fc.integer({ min: 0, max: 100 })),
      errors: fc.option(fc.integer({ min: 0, max: 100 })),
      power: fc.option(fc.integer({ min: 0, max: 5_000 })),
    });
    const step = fc.constantFrom('write', 'again', 'run', 'killed', 'two', 'few');
    await fc.assert(
      fc.asyncProperty(
        fc.array(sample, { minLength: 1, maxLength: 40 }),
        fc.array(step, { minLength: 4, maxLength: 12 }),
        fc.constantFrom(60, null),
        async (samples, steps, toldS) => {
          await clear();
          const batches = [...groupBy(samples, (s) => s.batch).values()].map((part) => {
            const unique = [...new Map(part.map((s) => [`${s.key} ${s.slot}`, s])).values()];
            const rows = unique.map((s) =>
              s.isOnline
                ? ingestRow(s.key, at(s.slot * 60), {
                    accepted_shares: s.shares,
                    hardware_errors: s.errors,
                    power_w: s.power,
                  })
                : offlineRow(s.key, at(s.slot * 60)),
            );
            return ingestBatch(rows, storage.key, { intervalS: toldS });
          });
          const sent: typeof batches = [];
          for (const what of [...steps, ...batches.map(() => 'write')]) {
            const next = batches[0];
            if (what === 'write' && next !== undefined) {
              await storage.store.writeBatch(next);
              sent.push(next);
              batches.shift();
            } else if (what === 'again' && sent[0] !== undefined) await storage.store.writeBatch(sent[0]);
            else if (what === 'run') await run();
            else if (what === 'few') await run({ maxBuckets: 1, markBatch: 1, maxMarkBatches: 2 });
            else if (what === 'two') await Promise.all([run(), run()]);
            else if (what === 'killed') await killedRun();
          }
          await settle();
          await expectRight(toldS);
        },
      ),
      { numRuns: Number(process.env['HEADFRAME_ROLLUP_RUNS'] ?? 12) },
    );
  });

  test('a run whose connection is cut in the middle loses nothing', async () => {
    await write([ingestRow('a', at(0))]);
    const held = openTestDatabase(storage.url);
    const release = held
      .transaction('hold', ['lock table site_telemetry_5m in access exclusive mode', 'select pg_sleep(20)'], {
        deadlineMs: 30_000,
      })
      .catch(() => null);
    await waitFor('the table to be held', async () => (await lockers('granted')).length > 0);
    const cut = run({ lockTimeoutMs: 20_000 }).catch((error: unknown) => error);
    await waitFor('the run to wait', async () => (await lockers('not granted')).length > 0);
    for (const { pid } of [...(await lockers('not granted')), ...(await lockers('granted'))])
      await storage.query(`select pg_terminate_backend(${pid})`);
    expect(await cut).toMatchObject({ failed: 1 });
    await release;
    await held.close({ timeoutMs: 100 });
    expect(await storage.query('select from site_telemetry_5m')).toHaveLength(0);
    await settle();
    await expectRight(60);
  });

  /** Who holds, or waits for, the table of sums of sites. */
  function lockers(which: 'granted' | 'not granted'): Promise<{ pid: number }[]> {
    return storage.query<{ pid: number }>(`select distinct pid from pg_locks where ${which}
      and database = (select oid from pg_database where datname = current_database()) and pid <> pg_backend_pid()
      and relation = 'site_telemetry_5m'::regclass`);
  }

  test('of two runs at once one does the work and the other leaves it', async () => {
    await write(Array.from({ length: 30 }, (_, minute) => ingestRow('a', at(minute * 60))));
    const outcomes = await Promise.all([run(), run(), run()]);
    expect(outcomes.reduce((sum, { buckets }) => sum + buckets, 0)).toBeGreaterThan(0);
    await settle();
    await expectRight(60);
    expect(await run()).toMatchObject({ marks: 0, buckets: 0, isPartial: false });
  });

  test('a batch that commits after younger ones were summed is summed too', async () => {
    await write([ingestRow('a', at(60), { accepted_shares: 10 }), ingestRow('b', at(60))]);
    const slow = openTestDatabase(storage.url, { poolSize: 1 });
    // The batch's statement is done and its transaction open, while others come and go.
    await slow.run('begin', (sql) => sql.unsafe('begin'));
    const slowStore = new TelemetryStore(slow);
    await slowStore.writeBatch(ingestBatch([ingestRow('c', at(0))], storage.key, { intervalS: 60 }));
    await write([ingestRow('a', at(120), { accepted_shares: 30 })]);
    await run();
    await expectRight(60);
    await slow.run('commit', (sql) => sql.unsafe('commit'));
    await slow.close({ timeoutMs: 1_000 });
    await run();
    await expectRight(60);
    expect(await storage.query('select miners from site_telemetry_5m')).toEqual([{ miners: 3 }]);
  });

  test('samples that turn out to be another miner are summed there, and no longer here', async () => {
    const mac = (n: number) => ({ mac: `02:00:00:00:00:0${n}`, ip: null, serial: null });
    await write([ingestRow('10.0.0.1', at(0), mac(1)), ingestRow('10.0.0.2', at(0), mac(2))]);
    await write([ingestRow('10.0.0.1', at(60), { mac: null, ip: null })]);
    await run();
    await expectRight(60);
    // The second machine is at the first one's address now, since before the last sample came.
    await write([ingestRow('10.0.0.1', at(30), mac(2))]);
    await write([ingestRow('10.0.0.1', at(120), mac(2))]);
    await run();
    await expectRight(60);
  });

  test('every bucket is read by key, in the chunks it lies in', async () => {
    const keys = Array.from({ length: 40 }, (_, n) => `m${n}`);
    for (let slot = 0; slot < 30; slot++) await write(keys.map((key) => ingestRow(key, at(slot * 60))));
    for (let day = 1; day < 3; day++)
      for (let slot = 0; slot < 30; slot++)
        await write(keys.map((key) => ingestRow(key, at(slot * 60 - day * 86_400))));
    // An empty partition would be read whole, for nothing is in it.
    for (let slot = -120; slot < 0; slot += 4) await write(keys.map((key) => ingestRow(key, at(slot * 60))));
    for (let slot = 30; slot < 180; slot += 4) await write(keys.map((key) => ingestRow(key, at(slot * 60))));
    await storage.query('analyze');
    for (const { name, widthS } of rollups) {
      for (const text of rollupStatements(name, {
        site: storage.key.siteId,
        from_s: hourMs / 1_000,
        width_s: widthS,
        back_s: lookBackS,
        now_s: 0,
      })) {
        const plan = (await storage.query<{ 'QUERY PLAN': string }>(`explain (costs off) ${text}`))
          .map((row) => row['QUERY PLAN'])
          .join('\n');
        expect(plan).not.toMatch(
          /Seq Scan on (?!miners|site_intervals|miner_states|sites|rollup_due|site_telemetry_5m)/,
        );
        const read = new Set(
          [
            ...plan.matchAll(/Scan.* (?:on|using) (\S*miner_telemetry_history_\d+|_hyper_\d+_\d+_chunk)/g),
          ].map((m) => m[1]),
        );
        expect(read.size).toBeLessThanOrEqual(3);
        expect(plan).toMatch(/miner_id = m\.miner_id/);
      }
    }
  });

  test('take late samples that are kept, however short the history is to be', async () => {
    await write([ingestRow('a', at(-2 * 86_400))]);
    expect(await run({ historyDays: 1 })).toMatchObject({ buckets: 2 });
    await expectRight(60);
  });

  test('lose no mark that another instance folds between claim and computation', async () => {
    const sample = (key: string, minute: number) =>
      ingestRow(key, at(minute * 60), { accepted_shares: 10 * minute });
    await write([sample('a', 3), sample('a', 7)]);
    await run();
    // Makes the first five minutes due, and is not late.
    await write([sample('b', 1)]);
    let isFolded = false;
    const between = {
      ...storage.db,
      run: storage.db.run.bind(storage.db),
      transaction: async (...args: Parameters<typeof storage.db.transaction>) => {
        if (!isFolded && args[1].some((text) => text.includes('delete from rollup_due where width_s'))) {
          isFolded = true;
          // Late: the sums of the next five minutes change too.
          await write([sample('a', 4)]);
          await run({ maxBuckets: 0 });
        }
        return storage.db.transaction(...args);
      },
    };
    await runRollups(between, { historyDays: 30, settle5mS: 0, settle1hS: 0 });
    expect(isFolded).toBe(true);
    await settle();
    await expectRight(60);
  });

  test('compute an hour of many miners part by part, and lose nothing that comes between parts', async () => {
    const keys = Array.from({ length: 7 }, (_, index) => `m${index}`);
    const slot = (minute: number) =>
      keys.map((key) => ingestRow(key, at(minute * 60), { mac: null, accepted_shares: 10 * minute }));
    await write(slot(3));
    await write(slot(9));
    const hours: number[] = [];
    let isWritten = false;
    const between = {
      ...storage.db,
      run: storage.db.run.bind(storage.db),
      transaction: async (...args: Parameters<typeof storage.db.transaction>) => {
        const done = await storage.db.transaction(...args);
        if (!args[1].some((text) => text.includes('insert into miner_telemetry_1h'))) return done;
        const [row] = await storage.query<{ n: number }>('select count(*)::int as n from miner_telemetry_1h');
        hours.push(row?.n ?? 0);
        if (!isWritten) {
          isWritten = true;
          // A miner whose part is done gets another sample, and another instance notes it.
          await write([ingestRow('m0', at(600), { mac: null, accepted_shares: 500 })]);
          await run({ maxBuckets: 0, settle1hS: 3_600 });
        }
        return done;
      },
    };
    await runRollups(between, { historyDays: 30, settle5mS: 0, settle1hS: 0, maxMiners: 3 });
    expect(hours).toEqual([3, 6, 7]);
    expect(await storage.query('select from rollup_due where width_s = 3600')).toHaveLength(1);
    await settle();
    await expectRight(60);
    // A site of exactly so many parts has an empty one after them, for miners to come.
    await write(slot(20));
    await run({ maxMiners: 7, now: new Date(Date.now() + 400_000) });
    await expectRight(60);
  });

  test('compute anew, part by part, what has moved', async () => {
    await write([0, 1, 2, 3].map((n) => ingestRow(`m${n}`, at(60), { mac: null })));
    await run({ maxMiners: 2 });
    await storage.query(
      `delete from miner_telemetry_history where miner_id = (select min(miner_id) from miners)`,
    );
    await storage.query(
      `insert into rollup_marks (site_id, time, is_late, is_moved) values (${storage.key.siteId}, '${at(0)}', true, true)`,
    );
    await run({ maxMiners: 2 });
    await expectRight(60);
  });

  test('leave to the next run at once what one that was interrupted had claimed', async () => {
    await write([0, 10, 20].map((minute) => ingestRow('a', at(minute * 60))));
    const stop = new AbortController();
    const interrupted = {
      ...storage.db,
      run: storage.db.run.bind(storage.db),
      transaction: (...args: Parameters<typeof storage.db.transaction>) => {
        if (args[1].some((text) => text.includes('delete from rollup_due where width_s'))) stop.abort();
        return storage.db.transaction(...args);
      },
    };
    const options = { historyDays: 30, settle5mS: 0, settle1hS: 0, signal: stop.signal };
    expect(await runRollups(interrupted, options)).toMatchObject({ buckets: 1 });
    expect(await run()).toMatchObject({ buckets: 3 });
    await expectRight(60);
  });

  test('show since when a bucket waits that fails again and again, which holds up no other', async () => {
    await write([0, 10, 20].map((minute) => ingestRow('a', at(minute * 60))));
    const metrics = createMetrics({ withProcess: false });
    const failing = {
      ...storage.db,
      run: storage.db.run.bind(storage.db),
      transaction: (...args: Parameters<typeof storage.db.transaction>) => {
        const isFirst = args[1].some((text) =>
          text.includes(`time = to_timestamp(${Date.parse(at(0)) / 1_000})`),
        );
        if (isFirst) throw new AppError('DATABASE_UNAVAILABLE', 'past its deadline');
        return storage.db.transaction(...args);
      },
    };
    const dueMs = Date.now();
    const later = (seconds: number) =>
      runRollups(failing, {
        ...{ historyDays: 30, settle5mS: 0, settle1hS: 0, metrics },
        now: new Date(dueMs + seconds * 1_000),
      });
    expect(await later(1)).toMatchObject({ failed: 2 });
    expect(await later(2)).toMatchObject({ failed: 0, buckets: 2 });
    expect(await later(2_000)).toMatchObject({ failed: 2 });
    const text = await metrics.text();
    expect(Number(/^headframe_rollup_lag_seconds (.*)$/m.exec(text)?.[1])).toBeGreaterThan(1_900);
    expect(text).toContain('headframe_rollup_runs_total{outcome="failed"} 2\n');
    expect(text).toContain('headframe_rollup_runs_total{outcome="done"} 1\n');
    await settle();
    await expectRight(60);
  });

  /** Runs until nothing is left; what a run that died had claimed comes back when its claim is over. */
  async function settle(): Promise<void> {
    for (let round = 1; round <= 20; round++) {
      await run({ now: new Date(Date.now() + round * 400_000) });
      const left = await storage.query('select from rollup_due union all select from rollup_marks');
      if (left.length === 0) return;
    }
    throw new Error('buckets stay due');
  }

  /** A run cut off between two of its transactions. */
  async function killedRun(): Promise<void> {
    let calls = 0;
    const cut = {
      ...storage.db,
      run: storage.db.run.bind(storage.db),
      transaction: (...args: Parameters<typeof storage.db.transaction>) => {
        if (++calls > 3) throw new Error('killed');
        return storage.db.transaction(...args);
      },
    };
    await runRollups(cut, { historyDays: 30, settle5mS: 0, settle1hS: 0 }).catch(() => undefined);
  }
});

function expectSame(
  found: ReadonlyMap<string, object>,
  expected: ReadonlyMap<string, Record<string, number | null>>,
): void {
  expect([...found.keys()].sort()).toEqual([...expected.keys()].sort());
  for (const [key, sums] of expected) {
    for (const [name, value] of Object.entries(sums)) {
      const got = (found.get(key) as Record<string, unknown> | undefined)?.[name] ?? null;
      const isSame =
        value === null || got === null
          ? got === value
          : Math.abs(Number(got) - value) <= 1e-5 * Math.abs(value);
      if (!isSame) expect({ key, name, value: got }).toEqual({ key, name, value });
    }
  }
}
