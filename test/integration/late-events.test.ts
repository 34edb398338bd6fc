import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { IngestRow } from '../../src/domain/ingest.js';
import { eventsStatement, runRollups } from '../../src/storage/rollups.js';
import { testEditions } from '../support/database.js';
import { ingestBatch, ingestRow, offlineRow } from '../support/ingest-rows.js';
import { explain } from '../support/plans.js';
import { createTestStorage, type TestStorage } from '../support/storage.js';

/** The start of an hour, some hours ago. */
const hourMs = Math.floor(Date.now() / 3_600_000 - 5) * 3_600_000;
const at = (minute: number): string => new Date(hourMs + minute * 60_000).toISOString();

/** What a sample tells; null: not. */
interface Told {
  readonly state: string;
  readonly uptimeS: number | null;
  readonly boards: number | null;
}

interface FoundEvent {
  readonly minute: number;
  readonly miner: string;
  readonly kind: string;
  readonly from: string;
  readonly to: string;
}

function rowOf(key: string, minute: number, told: Told): IngestRow {
  if (told.state === 'unreachable') return { ...offlineRow(key, at(minute)), mac: null };
  return ingestRow(key, at(minute), {
    mac: null,
    state: told.state as IngestRow['state'],
    uptime_seconds: told.uptimeS,
    boards_healthy: told.boards,
  });
}

/** Events of a miner's samples in their order, the plain way. */
function eventsOf(miner: string, samples: ReadonlyMap<number, Told>): FoundEvent[] {
  const events: FoundEvent[] = [];
  let before: { state: string | null; uptimeS: number | null; boards: number | null } = {
    state: null,
    uptimeS: null,
    boards: null,
  };
  for (const [minute, told] of [...samples].sort(([a], [b]) => a - b)) {
    const now = told.state === 'unreachable' ? { ...told, uptimeS: null, boards: null } : told;
    const add = (kind: string, from: unknown, to: unknown): void =>
      void events.push({ minute, miner, kind, from: String(from), to: String(to) });
    if (before.state !== null && before.state !== now.state) {
      const kind =
        now.state === 'unreachable' ? 'offline' : before.state === 'unreachable' ? 'online' : 'state';
      add(kind, before.state, now.state);
    }
    if (now.uptimeS !== null && before.uptimeS !== null && now.uptimeS < before.uptimeS)
      add('reboot', before.uptimeS, now.uptimeS);
    if (now.boards !== null && before.boards !== null && now.boards !== before.boards)
      add('boards', before.boards, now.boards);
    before = {
      state: now.state,
      uptimeS: now.uptimeS ?? before.uptimeS,
      boards: now.boards ?? before.boards,
    };
  }
  return events;
}

const inOrder = (events: readonly FoundEvent[]): string[] =>
  events.map((e) => `${e.miner} ${e.minute} ${e.kind} ${e.from} > ${e.to}`).sort();

describe.each(testEditions())('events of late samples on %s', (edition) => {
  let storage: TestStorage;
  beforeAll(async () => {
    storage = await createTestStorage(edition);
  });
  afterAll(() => storage.close());
  beforeEach(() => clear());

  const clear = () =>
    storage.query(`truncate miner_telemetry_history, miner_events, collector_upload_logs, miner_raw_replies,
      miner_telemetry_live, miner_telemetry_1h, site_telemetry_5m, rollup_marks, rollup_due, site_intervals, miners cascade`);
  const write = (rows: readonly IngestRow[]) => storage.store.writeBatch(ingestBatch(rows, storage.key));
  const run = () => runRollups(storage.db, { historyDays: 30, settle5mS: 0, settle1hS: 0, maxMiners: 2 });
  const found = async (): Promise<FoundEvent[]> => {
    const rows = await storage.query<FoundEvent>(`
      select ((extract(epoch from e.time) * 1000 - ${hourMs}) / 60000)::int as minute, m.key as miner, e.kind,
        e.from_value as from, e.to_value as to
      from miner_events e join miners m using (miner_id)
      where e.kind in ('offline', 'online', 'state', 'reboot', 'boards')`);
    return rows;
  };

  test('tell what happened while a collector could not upload', async () => {
    const up = (uptimeS: number): Told => ({ state: 'mining', uptimeS, boards: 3 });
    const down: Told = { state: 'unreachable', uptimeS: null, boards: null };
    await write([rowOf('a', 0, up(90_000))]);
    // After the outage what is fresh goes first: all that can be told of is that it has booted by then.
    await write([rowOf('a', 40, up(1_200))]);
    expect(inOrder(await found())).toEqual(['a 40 reboot 90000 > 1200']);
    await write([10, 12, 14, 16, 18].map((minute) => rowOf('a', minute, minute < 14 ? up(90_600) : down)));
    await write([20, 25, 30, 35].map((minute) => rowOf('a', minute, up(minute * 60 - 1_200))));
    await run();
    const expected = ['a 14 offline mining > unreachable', 'a 20 online unreachable > mining'];
    expect(inOrder(await found())).toEqual([...expected, 'a 20 reboot 90600 > 0']);
    // Nothing of it twice.
    await storage.query(`insert into rollup_marks (site_id, time, is_late)
      select ${storage.key.siteId}, date_bin('5 minutes', time, 'epoch'), true from miner_telemetry_history`);
    await run();
    expect(inOrder(await found())).toEqual([...expected, 'a 20 reboot 90600 > 0']);
  });

  test('are told against the last sample that told the same, of the same batch or late', async () => {
    const mining = (uptimeS: number | null, boards: number | null): Told => ({
      state: 'mining',
      uptimeS,
      boards,
    });
    await write([rowOf('a', 0, mining(500, 3)), rowOf('b', 0, mining(null, null))]);
    // The newest of one upload tells nothing of what an earlier one told.
    const pool = { ...rowOf('a', 10, mining(1_100, 2)), pool_url: 'stratum+tcp://two.example:3333' };
    await write([pool, { ...rowOf('a', 20, mining(null, null)), pool_url: null }]);
    // Another one came late, and told what none after it had.
    await write([rowOf('b', 10, mining(null, null))]);
    await write([rowOf('b', 5, mining(900, 3))]);
    await run();
    await write([rowOf('a', 30, mining(60, 3)), rowOf('b', 30, mining(30, 2))]);
    const a = ['a 10 boards 3 > 2', 'a 30 boards 2 > 3', 'a 30 reboot 1100 > 60'];
    const b = ['b 30 boards 3 > 2', 'b 30 reboot 900 > 30'];
    expect(inOrder(await found())).toEqual([...a, ...b]);
    const pools = await storage.query(`select to_value from miner_events where kind = 'pool' order by time`);
    expect(pools[0]).toEqual({ to_value: 'stratum+tcp://two.example:3333' });
  });

  test('are those of the samples in their order, whatever the order they came in', async () => {
    const told = fc.record({
      state: fc.constantFrom('mining', 'unreachable', 'sleeping'),
      uptimeS: fc.option(fc.integer({ min: 0, max: 5 })),
      boards: fc.option(fc.constantFrom(2, 3)),
    });
    const sample = fc.record({
      key: fc.constantFrom('a', 'b', 'c'),
      minute: fc.integer({ min: 0, max: 30 }).map((n) => (n > 20 ? 50 + n : n)),
      batch: fc.integer({ min: 0, max: 6 }),
      told,
    });
    await fc.assert(
      fc.asyncProperty(
        fc.array(sample, { minLength: 2, maxLength: 40 }),
        fc.array(fc.boolean(), { minLength: 7, maxLength: 7 }),
        async (samples, isRunAfter) => {
          await clear();
          const unique = [...new Map(samples.map((one) => [`${one.key} ${one.minute}`, one])).values()];
          for (let batch = 0; batch < 7; batch++) {
            const rows = unique.filter((one) => one.batch === batch);
            if (rows.length > 0) await write(rows.map((one) => rowOf(one.key, one.minute, one.told)));
            if (isRunAfter[batch] === true) await run();
          }
          await run();
          const right = ['a', 'b', 'c'].flatMap((key) =>
            eventsOf(
              key,
              new Map(unique.filter((one) => one.key === key).map((one) => [one.minute, one.told])),
            ),
          );
          expect(inOrder(await found())).toEqual(inOrder(right));
        },
      ),
      { numRuns: 15, endOnFailure: true },
    );
  }, 120_000);

  test('read no samples but those of the five minutes and their neighbours', async () => {
    const keys = Array.from({ length: 40 }, (_, n) => `m${n}`);
    const told: Told = { state: 'mining', uptimeS: 5, boards: 3 };
    for (let minute = -600; minute < 240; minute += 5)
      await write(keys.map((key) => rowOf(key, minute, told)));
    await storage.query('analyze');
    const nodes = await explain(storage, eventsStatement(storage.key.siteId, hourMs / 1_000), []);
    const samples = nodes.filter(
      ({ relation, isRun }) => isRun && /miner_telemetry_history|_hyper_1_/.test(relation),
    );
    expect(samples.length).toBeGreaterThanOrEqual(3);
    expect(samples.map(({ type }) => type)).not.toContain('Seq Scan');
    for (const { type, condition } of samples)
      if (type.startsWith('Index')) expect(condition).toMatch(/miner_id = .*time/);
  });
});
