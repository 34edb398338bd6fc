import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { runRetention, type RetentionOptions } from '../../src/storage/retention.js';
import { createMetrics } from '../../src/telemetry/metrics.js';
import { testEditions } from '../support/database.js';
import { ingestBatch, ingestRow } from '../support/ingest-rows.js';
import { createTestStorage, silent, type TestStorage } from '../support/storage.js';
import { waitFor } from '../support/wait.js';

const now = new Date();
/** Three days on: then a retention of four days reaches to 24 hours before now. */
const later = new Date(now.getTime() + 72 * 3_600_000);
const ago = (hours: number): string => new Date(now.getTime() - hours * 3_600_000).toISOString();

describe.each(testEditions())('retention on %s', (edition) => {
  let storage: TestStorage;
  const run = (changes: Partial<RetentionOptions> = {}) =>
    runRetention(storage.db, {
      historyDays: 30,
      commandDays: 30,
      alertDays: 365,
      noticeDays: 30,
      eventDays: 730,
      rollup1hDays: 730,
      rollup5mDays: 365,
      logDays: 7,
      quirkDays: 90,
      clusterDays: 7,
      now,
      databaseNow: changes.now ?? now,
      log: silent,
      ...changes,
    });
  const write = (rows: Parameters<typeof ingestBatch>[0]) =>
    storage.store.writeBatch(ingestBatch(rows, storage.key));
  const count = async (table: string): Promise<number> =>
    (await storage.query<{ n: number }>(`select count(*)::int as n from ${table}`))[0]?.n ?? -1;
  const databaseBytes = async (): Promise<number> =>
    Number(
      (await storage.query<{ size: string }>('select pg_database_size(current_database()) as size'))[0]?.size,
    );

  beforeEach(async () => {
    storage = await createTestStorage(edition, { migrate: { chunkS: 10_800 } });
  });
  afterEach(() => storage.close());

  test('drops the history past its age whole and gives its space back', async () => {
    for (let minute = 0; minute < 40; minute++) {
      const time = new Date(now.getTime() - 60 * 3_600_000 + minute * 60_000).toISOString();
      await write(Array.from({ length: 200 }, (_, i) => ingestRow(`m${i}`, time)));
    }
    await write([ingestRow('m0', ago(1))]);
    expect(await run()).toMatchObject({ partitionsDropped: 0, skipped: 0 });
    expect(await count('miner_telemetry_history')).toBe(8_001);
    // The partitions that are due then are made here, so that they do not take up what the drop gives back.
    await run({ now: later });
    const before = await databaseBytes();
    const metrics = createMetrics({ withProcess: false });
    const outcome = await run({ historyDays: 4, now: later, metrics });
    expect(outcome.partitionsDropped).toBeGreaterThanOrEqual(1);
    expect(await count('miner_telemetry_history')).toBe(1);
    expect(before - (await databaseBytes())).toBeGreaterThan(8_000 * 200);
    expect(await metrics.text()).toContain(`headframe_partitions_dropped_total ${outcome.partitionsDropped}`);
    expect(
      await storage.query('select to_json(time) is not null as is_live from miner_telemetry_live limit 1'),
    ).toHaveLength(1);
    // A later sample still finds its place.
    expect(await write([ingestRow('m0', ago(0.5))])).toMatchObject({ stored: 1 });
  });

  test('keeps every row younger than the retention', async () => {
    const hours = Array.from({ length: 70 }, (_, i) => i + 1);
    await write(hours.map((hour) => ingestRow('a', ago(hour))));
    await run({ historyDays: 4, now: later });
    const [row] = await storage.query<{ n: number }>(`select count(*)::int as n from miner_telemetry_history
      where time > now() - interval '24 hours'`);
    expect(row?.n).toBe(23);
    // What stays beyond is less than one chunk.
    expect(await count('miner_telemetry_history')).toBeLessThan(23 + 5);
  });

  test('several instances at once share the work', async () => {
    await write(Array.from({ length: 60 }, (_, hour) => ingestRow('a', ago(hour + 1))));
    const outcomes = await Promise.all([1, 2, 3, 4].map(() => run({ historyDays: 4, now: later })));
    const left = await run({ historyDays: 4, now: later });
    expect(
      outcomes.reduce((sum, outcome) => sum + outcome.partitionsDropped, left.partitionsDropped),
    ).toBeGreaterThan(10);
    expect(await count('miner_telemetry_history')).toBeLessThan(23 + 5);
    expect((await run({ historyDays: 4, now: later })).partitionsDropped).toBe(0);
  });

  test('a long query is not waited for, and its partition goes the next time', async () => {
    await write([ingestRow('a', ago(50)), ingestRow('a', ago(1))]);
    const query = storage
      .query('select count(*), pg_sleep(60) as holding from miner_telemetry_history')
      .then(() => 'waited for')
      .catch(() => 'ended');
    await waitFor('the query to hold its locks', async () => {
      const held = await storage.query(
        `select from pg_locks where relation = 'miner_telemetry_history'::regclass`,
      );
      return held.length > 0;
    });
    const metrics = createMetrics({ withProcess: false });
    const lagS = async (): Promise<number> =>
      Number(/^headframe_retention_lag_seconds (\S+)$/m.exec(await metrics.text())?.[1]);
    const blocked = await run({ historyDays: 4, now: later, lockTimeoutMs: 20, metrics });
    expect(blocked.skipped).toBeGreaterThan(0);
    // 50 hours before now is 26 hours past what is kept, less a chunk of 3 hours.
    expect(await lagS()).toBeGreaterThan(22 * 3_600);
    await storage.query(`select pg_cancel_backend(pid) from pg_stat_activity
      where query like '% as holding from %' and pid <> pg_backend_pid()`);
    expect(await query).toBe('ended');
    expect(await run({ historyDays: 4, now: later, metrics })).toMatchObject({ skipped: 0 });
    expect(await lagS()).toBe(0);
    expect(await count('miner_telemetry_history')).toBe(1);
  });

  test('prunes old upload logs in small batches and leaves the young ones', async () => {
    await storage.query(`insert into collector_upload_logs
      select gen_random_uuid(), now() - (n + 0.5) * interval '1 hour', null, null, 1, ${storage.key.siteId}, 1, 0, 0, 0, 0, 0, 1
      from generate_series(1, 400) n`);
    expect(await run({ rowBatch: 50, maxRowBatches: 2 })).toMatchObject({ rowsDeleted: 100 });
    expect(await run({ rowBatch: 50 })).toMatchObject({ rowsDeleted: 400 - 167 - 100 });
    const [oldest] = await storage.query<{
      young: boolean;
    }>(`select min(received_at) > now() - interval '168 hours 1 minute' as young
      from collector_upload_logs`);
    expect(oldest).toEqual({ young: true });
  });

  test('forgets damage that is no longer seen, its miners first, in small batches', async () => {
    await storage.query(`insert into reply_quirks (site_id, fingerprint, command, damage, first_seen, since, last_seen, reply_count)
      select ${storage.key.siteId}, 'print' || n, 'stats', 'missing_comma', seen, seen, seen, 1
      from (select n, now() - n * interval '10 days' - interval '1 hour' as seen from generate_series(1, 12) n) q`);
    await storage.query(`insert into quirk_miners (quirk_id, miner_id, last_seen)
      select quirk_id, m, last_seen from reply_quirks, generate_series(1, 30) m`);
    // A kind of damage that goes on while one of its miners no longer shows it.
    await storage.query(`insert into quirk_miners (quirk_id, miner_id, last_seen)
      select quirk_id, 99, now() - interval '91 days' from reply_quirks where fingerprint = 'print1'`);
    await run({ rowBatch: 20, maxRowBatches: 2 });
    expect(await count('quirk_miners')).toBe(12 * 30 + 1 - 40);
    await run({ rowBatch: 20 });
    expect([await count('quirk_miners'), await count('reply_quirks')]).toEqual([8 * 30, 8]);
    expect(await run()).toMatchObject({ rowsDeleted: 0 });
  });

  test('a retention shorter than samples may be on their way does not drop them', async () => {
    await write([ingestRow('a', ago(71))]);
    expect(await run({ historyDays: 1 })).toMatchObject({ partitionsDropped: 0 });
    expect(await count('miner_telemetry_history')).toBe(1);
  });

  test('takes nothing from uploads that come meanwhile, and makes none wait', async () => {
    for (let hour = 30; hour < 70; hour++)
      await write(Array.from({ length: 300 }, (_, i) => ingestRow(`m${i}`, ago(hour))));
    await run({ now: later });
    const before = await databaseBytes();
    let slowestMs = 0;
    let stored = 0;
    let isOver = false;
    const uploads = Promise.all(
      [0, 1, 2].map(async (writer) => {
        for (let round = 0; !isOver || round < 20; round++) {
          const time = new Date(now.getTime() - 3_600_000 + round * 1_000).toISOString();
          const startedMs = performance.now();
          const rows = Array.from({ length: 20 }, (_, i) => ingestRow(`w${writer}-${i}`, time));
          const outcome = await write(rows);
          stored += outcome.stored;
          slowestMs = Math.max(slowestMs, performance.now() - startedMs);
        }
      }),
    );
    let dropped = 0;
    for (let round = 0; round < 30 && dropped < 10; round++)
      dropped += (await run({ historyDays: 4, now: later, lockTimeoutMs: 200 })).partitionsDropped;
    isOver = true;
    await uploads;
    expect(dropped).toBeGreaterThanOrEqual(10);
    expect(
      await count(
        `(select from miner_telemetry_history h join miners m using (miner_id) where m.key like 'w%') s`,
      ),
    ).toBe(stored);
    expect(
      await count(`(select from miner_telemetry_history where time < now() - interval '30 hours') s`),
    ).toBe(0);
    // A drop waits for a lock for 200 ms at most, and uploads behind it no longer than that and the drop itself.
    expect(slowestMs).toBeLessThan(3_000);
    expect(before - (await databaseBytes())).toBeGreaterThan(1_000_000);
  });

  test('a clock that runs ahead drops nothing, the own or that of the database', async () => {
    await write([ingestRow('a', ago(70)), ingestRow('a', ago(1))]);
    const ahead = new Date(now.getTime() + 400 * 86_400_000);
    expect(await run({ now: ahead, databaseNow: now })).toMatchObject({
      partitionsDropped: 0,
      rowsDeleted: 0,
    });
    expect(await run({ now, databaseNow: ahead })).toMatchObject({ partitionsDropped: 0, rowsDeleted: 0 });
    const behind = new Date(now.getTime() - 86_400_000);
    expect(await run({ now: behind, databaseNow: behind })).toMatchObject({ partitionsDropped: 0 });
    expect(await count('miner_telemetry_history')).toBe(2);
    expect(await count('collector_upload_logs')).toBe(1);
    expect(await write([ingestRow('a', ago(0.2)), ingestRow('a', ago(69))])).toMatchObject({ stored: 2 });
  });

  test('makes the partitions that are due', async () => {
    const outcome = await run({ now: later });
    if (edition === 'plain') expect(outcome.partitionsMade).toBeGreaterThan(20);
    else expect(outcome.partitionsMade).toBe(0);
    expect(await write([ingestRow('a', later.toISOString())])).toMatchObject({ stored: 1 });
  });

  test('keeps alerts a year after their end, and what is not over for ever', async () => {
    const { siteId } = storage.key;
    await storage.query(`insert into incidents (incident_id, site_id, kind, scope, place, severity, opened_at, resolved_at)
      select n, ${siteId}, 'offline', 'subnet', 'net ' || n, 'warning', now() - interval '3 years',
        case n when 1 then now() - interval '366 days' when 2 then now() - interval '364 days' end
      from generate_series(1, 3) n`);
    await storage.query(`insert into alerts (rule_id, site_id, miner_id, kind, severity, message, triggered_at, resolved_at,
        incident_id)
      select 1, ${siteId}, incident_id, 'offline', 'warning', '', opened_at, resolved_at, incident_id from incidents`);
    expect(await run({ rowBatch: 1 })).toMatchObject({ rowsDeleted: 2 });
    expect(await storage.query('select incident_id from alerts order by 1')).toEqual([
      { incident_id: 2 },
      { incident_id: 3 },
    ]);
    expect(await count('incidents')).toBe(2);
  });
});
