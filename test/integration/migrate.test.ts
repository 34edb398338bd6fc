import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { afterEach, describe, expect, test } from 'vitest';
import { AppError } from '../../src/domain/errors.js';
import type { Database } from '../../src/storage/database.js';
import { errorCode } from '../../src/storage/database-error.js';
import {
  historyChunkS,
  nativeCompressionStatements,
  nativeRetentionStatements,
} from '../../src/storage/edition.js';
import { checkSchema, migrate } from '../../src/storage/migrate.js';
import { ensurePartitions, listPartitions, planPartitions } from '../../src/storage/partitions.js';
import { defaultSqlDir, readMigrations } from '../../src/storage/sql-files.js';
import { createTestDatabase, testEditions, type TestDatabase } from '../support/database.js';
import { startTcpProxy } from '../support/tcp-proxy.js';
import { openTestDatabase, silent } from '../support/storage.js';

const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function freshDatabase(
  edition: 'plain' | 'timescale',
): Promise<{ database: TestDatabase; db: Database }> {
  const database = await createTestDatabase({ edition });
  cleanups.push(() => database.drop());
  const db = openTestDatabase(database.url);
  cleanups.push(() => db.close({ timeoutMs: 1_000 }));
  return { database, db };
}

/** A copy of `sql/` with one more migration. */
async function sqlDirWith(file: string, text: string): Promise<string> {
  const dir = await mkdtemp(path.join(tmpdir(), 'headframe-sql-'));
  cleanups.push(() => rm(dir, { recursive: true }));
  await cp(defaultSqlDir, dir, { recursive: true });
  await writeFile(path.join(dir, 'migrations', file), text);
  return dir;
}

/** A copy of `sql/` as it was when this migration was the last. */
async function sqlDirUpTo(version: number): Promise<string> {
  const dir = await mkdtemp(path.join(tmpdir(), 'headframe-sql-'));
  cleanups.push(() => rm(dir, { recursive: true }));
  await cp(defaultSqlDir, dir, {
    recursive: true,
    filter: (source) => !(Number(/^(\d{4})_/.exec(path.basename(source))?.[1] ?? 0) > version),
  });
  return dir;
}

const codeOf = (error: unknown): unknown => (error instanceof AppError ? error.code : error);
const failure = (promise: Promise<unknown>): Promise<unknown> => promise.then(() => 'no failure', codeOf);

describe.each(testEditions())('migrating %s', (testEdition) => {
  const edition = testEdition === 'plain' ? 'plain' : 'apache';

  test('brings an empty database to the schema and is nothing the second time', async () => {
    const { database, db } = await freshDatabase(testEdition);
    expect(await failure(checkSchema(db))).toBe('DATABASE_VERSION');
    const first = await migrate(database.url, { log: silent, intervalS: 60 });
    expect(first).toEqual({ edition, version: readMigrations().length, chunkS: 60_000 });
    expect(await migrate(database.url, { log: silent, intervalS: 60 })).toEqual(first);
    expect(await checkSchema(db)).toEqual(first);
  });

  test('four processes at once apply each migration once', async () => {
    const { database, db } = await freshDatabase(testEdition);
    const states = await Promise.all([1, 2, 3, 4].map(() => migrate(database.url, { log: silent })));
    expect(new Set(states.map((state) => JSON.stringify(state))).size).toBe(1);
    const applied = await db.run('test', (sql) => sql`select version from headframe_migrations order by 1`);
    expect(applied.map((row) => Number(row['version']))).toEqual(
      readMigrations().map((file) => file.version),
    );
  });

  test('a migration that fails leaves nothing behind', async () => {
    const { database, db } = await freshDatabase(testEdition);
    const next = String(readMigrations().length + 1).padStart(4, '0');
    const sqlDir = await sqlDirWith(
      `${next}_add_nonsense.sql`,
      'create table leftover (a int); select 1 / 0;',
    );
    await expect(migrate(database.url, { log: silent, sqlDir })).rejects.toThrow('division by zero');
    const [left] = await db.run('test', (sql) => sql`select to_regclass('leftover') as leftover`);
    expect(left?.['leftover']).toBeNull();
    expect(await migrate(database.url, { log: silent })).toMatchObject({ version: readMigrations().length });
  });

  test('keeps live rows of a schema in which fans, serials and errors stood in them', async () => {
    const { database, db } = await freshDatabase(testEdition);
    const older = await sqlDirUpTo(21);
    await migrate(database.url, { log: silent, sqlDir: older });
    await db.transaction('test', [
      `insert into sites (name) values ('old');
      insert into miners (site_id, key, first_seen) select site_id, key, now() from sites, unnest('{a,b}'::text[]) key;
      insert into miner_telemetry_live (miner_id, site_id, time, online, state, health, power_w, hashrate_ghs, fan_speeds,
        known_board_serials, error_message, reported_health)
      select miner_id, site_id, now(), true, 'sleeping', 'warning', 20, 0, '{6000,null,5000}', '{x,y}', 'odd', 'good' from miners;
      insert into miner_live_details (miner_id, boards) select miner_id, '[1]' from miners where key = 'a'`,
    ]);
    await migrate(database.url, { log: silent });
    const rows = await db.run(
      'test',
      (
        sql,
      ) => sql`select l.fan_min, l.fan_max, to_json(d.fan_speeds) as fans, to_json(d.known_board_serials) as serials,
        d.error_message, d.reported_health, d.boards, chr(l.sum_group % 256) || chr(l.sum_group / 256 % 256) as letters,
        l.sum_group >> 16 as flags
      from miner_telemetry_live l join miner_live_details d using (miner_id) order by l.miner_id`,
    );
    const row = {
      ...{ fan_min: 5_000, fan_max: 6_000, fans: [6_000, null, 5_000], serials: ['x', 'y'] },
      ...{ error_message: 'odd', reported_health: 'good', letters: 'wz', flags: 1 },
    };
    expect(rows.map((one) => ({ ...one }))).toEqual([
      { ...row, boards: [1] },
      { ...row, boards: null },
    ]);
  });

  test('refuses a schema newer than the program, and an edited migration', async () => {
    const { database, db } = await freshDatabase(testEdition);
    const next = String(readMigrations().length + 1).padStart(4, '0');
    await migrate(database.url, {
      log: silent,
      sqlDir: await sqlDirWith(`${next}_add_nothing.sql`, 'select 1;'),
    });
    expect(await failure(checkSchema(db))).toBe('DATABASE_VERSION');
    expect(await failure(migrate(database.url, { log: silent }))).toBe('DATABASE_VERSION');
    await db.run('test', (sql) => sql`delete from headframe_migrations where version = ${Number(next)}::int`);
    await checkSchema(db);
    const edited = await sqlDirWith('0001_create_sites_and_keys.sql', 'select 1;');
    expect(await failure(checkSchema(db, { sqlDir: edited }))).toBe('DATABASE_VERSION');
    expect(await failure(migrate(database.url, { log: silent, sqlDir: edited }))).toBe('DATABASE_VERSION');
  });

  test('refuses a database that was migrated on another edition, naming both', async () => {
    const { database, db } = await freshDatabase(testEdition);
    await migrate(database.url, { log: silent });
    await db.run('test', (sql) => sql`update headframe_meta set value = 'community' where name = 'edition'`);
    expect(await failure(checkSchema(db))).toBe('DATABASE_EDITION');
    const refusal: unknown = await migrate(database.url, { log: silent }).catch((error: unknown) => error);
    expect(codeOf(refusal)).toBe('DATABASE_EDITION');
    expect(String(refusal)).toContain('community');
    expect(String(refusal)).toContain(edition);
  });

  test('another poll interval changes the length of the chunks made from then on', async () => {
    const { database, db } = await freshDatabase(testEdition);
    await migrate(database.url, { log: silent, intervalS: 10 });
    expect(await migrate(database.url, { log: silent, intervalS: 60 })).toMatchObject({ chunkS: 60_000 });
    if (edition === 'plain') {
      const later = new Date(Date.now() + 10 * 86_400_000);
      await ensurePartitions(db, later);
      const last = (await listPartitions(db, 'miner_telemetry_history')).at(-1);
      expect((last?.toS ?? 0) - (last?.fromS ?? 0)).toBe(60_000);
    } else {
      const [row] = await db.run(
        'test',
        (sql) => sql`select extract(epoch from time_interval)::int as chunk_s
        from timescaledb_information.dimensions where hypertable_name = 'miner_telemetry_history'`,
      );
      expect(row?.['chunk_s']).toBe(60_000);
    }
  });

  if (testEdition === 'timescale')
    test('statements of the Community edition name what the server has: its licence alone stands in the way', async () => {
      const { database, db } = await freshDatabase(testEdition);
      await migrate(database.url, { log: silent });
      const statements = [
        ...nativeRetentionStatements('miner_events', 86_400),
        ...nativeCompressionStatements(),
      ];
      for (const statement of statements) {
        const code = await db.run('test', (sql) => sql.unsafe(statement)).then(() => null, errorCode);
        // The first of a policy takes away nothing where there is none.
        expect([null, '0A000'], statement).toContain(code);
      }
      expect(statements).toHaveLength(5);
    });
});

test('a database that does not answer ends a migration at its deadline', async () => {
  const { database } = await freshDatabase('plain');
  const url = new URL(database.url);
  const proxy = await startTcpProxy({ targetPort: Number(url.port) });
  cleanups.push(() => proxy.close());
  url.host = `${proxy.host}:${proxy.port}`;
  await proxy.setMode({ kind: 'blackhole' });
  const startedMs = performance.now();
  expect(await failure(migrate(url.href, { log: silent, deadlineMs: 200 }))).toBe('DATABASE_UNAVAILABLE');
  expect(performance.now() - startedMs).toBeLessThan(3_000);
});

describe('partitions of plain PostgreSQL', () => {
  test('cover the last 73 hours and two chunks ahead, also when two make them at once', async () => {
    const { database, db } = await freshDatabase('plain');
    const now = new Date();
    await migrate(database.url, { log: silent, intervalS: 10, now: () => now });
    const ahead = new Date(now.getTime() + 86_400_000);
    await Promise.all([
      ensurePartitions(db, ahead),
      ensurePartitions(db, ahead),
      ensurePartitions(db, ahead),
    ]);
    const partitions = await listPartitions(db, 'miner_telemetry_history');
    expect(partitions[0]?.fromS).toBeLessThanOrEqual(now.getTime() / 1_000 - 73 * 3_600);
    expect(partitions.at(-1)?.toS).toBeGreaterThanOrEqual(ahead.getTime() / 1_000 + 2 * 10_800);
    for (const [index, partition] of partitions.entries()) {
      if (index > 0) expect(partition.fromS).toBe(partitions[index - 1]?.toS);
    }
    expect(await ensurePartitions(db, ahead)).toBe(0);
  });

  test('are planned without gap or overlap, whatever is there already', () => {
    const chunk = fc.constantFrom(10_800, 60_000, 604_800);
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.integer({ min: 0, max: 4e6 }), chunk), { maxLength: 6 }),
        chunk,
        (steps, chunkS) => {
          const partitions: { fromS: number; toS: number }[] = [];
          let nowS = 1.8e9;
          for (const [stepS, length] of [...steps, [0, chunkS] as const]) {
            nowS += stepS - 1e6;
            partitions.push(...planPartitions(partitions, nowS, length));
            partitions.sort((a, b) => a.fromS - b.fromS);
          }
          for (const [index, { fromS, toS }] of partitions.entries()) {
            expect(toS).toBeGreaterThan(fromS);
            if (index > 0) expect(fromS).toBeGreaterThanOrEqual(partitions[index - 1]?.toS ?? 0);
          }
          for (let atS = nowS - 72 * 3_600; atS < nowS + 2 * chunkS; atS += 3_600) {
            expect(partitions.some((partition) => partition.fromS <= atS && atS < partition.toS)).toBe(true);
          }
        },
      ),
    );
  });
});

test('a chunk holds about a thousand slots, within three hours and seven days', () => {
  expect([1, 10, 30, 60, 3_600].map(historyChunkS)).toEqual([10_800, 10_800, 30_000, 60_000, 604_800]);
});
