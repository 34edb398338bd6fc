import postgres from 'postgres';
import { AppError } from '../domain/errors.js';
import type { Logger } from '../telemetry/logger.js';
import { classifyFailure, errorCode, unavailable } from './database-error.js';
import type { Database } from './database.js';
import {
  chunkStatements,
  createExtension,
  detectEdition,
  historyChunkS,
  renderMigration,
  type Edition,
} from './edition.js';
import { readMeta } from './meta.js';
import { ensurePartitions } from './partitions.js';
import type { Sql } from './pool.js';
import { grantStatements, readableChecksum, readerMeta } from './reader-grants.js';
import { defaultSqlDir, readMigrations, type MigrationFile } from './sql-files.js';

export interface MigrateOptions {
  readonly log: Logger;
  /** Shortest poll interval of all sites, s: decides the length of a chunk. Default 30. */
  readonly intervalS?: number;
  /** Length of a chunk or partition of the history, s; over `intervalS`. */
  readonly chunkS?: number;
  /** Bound of one statement, and of waiting for another migration, ms. Default 120 s. */
  readonly statementTimeoutMs?: number;
  /** Bound of the whole, on the client: a connection may be half-open. Default 600 s. */
  readonly deadlineMs?: number;
  readonly sqlDir?: string;
  readonly now?: () => Date;
}

/** What a migrated database is. */
export interface SchemaState {
  readonly edition: Edition;
  /** Number of the last migration applied. */
  readonly version: number;
  /** Length of a chunk or partition of the history, s. */
  readonly chunkS: number;
}

const migrationLock = 4_801_001;

/**
 * Brings a database to this program's schema; forward only, one transaction each, any number of
 * processes at once. The edition found first is kept: another one later throws `DATABASE_EDITION`.
 * Throws `DATABASE_VERSION` when the schema is newer than the program or a shipped file was edited,
 * `DATABASE_UNAVAILABLE` when the database is away.
 */
export async function migrate(url: string, options: MigrateOptions): Promise<SchemaState> {
  const files = readMigrations(options.sqlDir ?? defaultSqlDir);
  const chunkS = options.chunkS ?? historyChunkS(options.intervalS ?? 30);
  try {
    await withConnection(url, options, createExtension);
    return await withConnection(url, options, async (sql) => {
      const edition = await settleEdition(sql, await detectEdition(sql));
      let applied = 0;
      for (const file of files) if (await apply(sql, file, edition, chunkS)) applied++;
      await refuseNewer(sql, files.length);
      await settleChunk(sql, edition, chunkS);
      if (edition === 'plain') await ensurePartitions(sessionOf(sql), (options.now ?? (() => new Date()))());
      await renewReader(sql, options.log);
      options.log.info({ edition, version: files.length, applied }, 'schema is current');
      return { edition, version: files.length, chunkS };
    });
  } catch (error) {
    if (error instanceof AppError) throw error;
    const kind = classifyFailure(error);
    throw kind === 'connection' || kind === 'busy' ? unavailable('the database is away', error) : error;
  }
}

/** What the database is, for a role that does not migrate. Throws `DATABASE_VERSION` or `DATABASE_EDITION`. */
export async function checkSchema(db: Database, options: { sqlDir?: string } = {}): Promise<SchemaState> {
  const files = readMigrations(options.sqlDir ?? defaultSqlDir);
  const [exists] = await db.run(
    'schema',
    (sql) => sql<{ is_there: boolean }[]>`select
    to_regclass('headframe_migrations') is not null as is_there`,
  );
  if (exists?.is_there !== true) throw new AppError('DATABASE_VERSION', 'the database has no schema yet');
  const applied = await db.run(
    'schema',
    (sql) => sql<AppliedRow[]>`select version, checksum from headframe_migrations`,
  );
  for (const file of files)
    checkApplied(
      file,
      applied.find((row) => row.version === file.version),
    );
  if (applied.length > files.length) throw tooNew(applied.length, files.length);
  const meta = await db.run('schema', (sql) => readMeta(sql));
  const edition = await db.run('schema', (sql) => detectEdition(sql));
  if (meta.edition !== edition) throw otherEdition(meta.edition, edition);
  return { edition, version: files.length, chunkS: meta.chunkS };
}

interface AppliedRow {
  readonly version: number;
  readonly checksum: string;
}

async function withConnection<T>(
  url: string,
  options: MigrateOptions,
  use: (sql: Sql) => Promise<T>,
): Promise<T> {
  const timeoutMs = options.statementTimeoutMs ?? 120_000;
  const sql = postgres(url, {
    max: 1,
    connect_timeout: 10,
    fetch_types: false,
    onnotice: () => undefined,
    connection: { application_name: 'headframe migrate', statement_timeout: timeoutMs, TimeZone: 'UTC' },
  });
  // Ending the connection fails what waits on it.
  const deadline = setTimeout(() => void sql.end({ timeout: 0 }), options.deadlineMs ?? 600_000);
  try {
    return await use(sql);
  } finally {
    clearTimeout(deadline);
    await sql.end({ timeout: 5 });
  }
}

/** Creates the two tables of the runner and keeps the edition found first. */
async function settleEdition(sql: Sql, found: Edition): Promise<Edition> {
  await sql.begin(async (tx) => {
    await tx`select pg_advisory_xact_lock(${migrationLock})`;
    await tx`create table if not exists headframe_migrations (version int primary key, name text not null,
      checksum text not null, applied_at timestamptz not null default now())`;
    await tx`create table if not exists headframe_meta (name text primary key, value text not null)`;
    await tx`insert into headframe_meta values ('edition', ${found}) on conflict do nothing`;
  });
  const [row] = await sql<{ value: string }[]>`select value from headframe_meta where name = 'edition'`;
  if (row?.value !== found) throw otherEdition(row?.value ?? 'none', found);
  return found;
}

/** True when this call applied the file. */
async function apply(sql: Sql, file: MigrationFile, edition: Edition, chunkS: number): Promise<boolean> {
  return await sql.begin(async (tx) => {
    await tx`select pg_advisory_xact_lock(${migrationLock})`;
    const [applied] = await tx<AppliedRow[]>`select version, checksum from headframe_migrations
      where version = ${file.version}`;
    if (applied !== undefined) {
      checkApplied(file, applied);
      return false;
    }
    await tx`insert into headframe_migrations (version, name, checksum)
      values (${file.version}, ${file.name}, ${file.checksum})`;
    await tx.unsafe(renderMigration(file.text, edition, chunkS));
    return true;
  });
}

async function settleChunk(sql: Sql, edition: Edition, chunkS: number): Promise<void> {
  await sql.begin(async (tx) => {
    await tx`select pg_advisory_xact_lock(${migrationLock})`;
    const [old] = await tx<
      { value: string }[]
    >`select value from headframe_meta where name = 'history_chunk_s'`;
    if (old?.value === String(chunkS)) return;
    await tx`insert into headframe_meta values ('history_chunk_s', ${String(chunkS)})
      on conflict (name) do update set value = excluded.value`;
    if (old !== undefined)
      for (const statement of chunkStatements(edition, chunkS)) await tx.unsafe(statement);
  });
}

/** Lets the reader of `headframe db reader` read what came since. No reason to stop: without it dashboards have gaps. */
async function renewReader(sql: Sql, log: Logger): Promise<void> {
  try {
    await sql.begin(async (tx) => {
      await tx`select pg_advisory_xact_lock(${migrationLock})`;
      const [due] = await tx<{ role: string }[]>`select r.value as role from headframe_meta r
        join pg_roles on rolname = r.value
        where r.name = ${readerMeta.role} and (
          not exists (select from headframe_meta g where g.name = ${readerMeta.grants} and g.value = ${readableChecksum})
          -- After a restore without rights.
          or not has_table_privilege(r.value, 'sites', 'select'))`;
      if (due !== undefined) await tx.unsafe(grantStatements(due.role).join(';\n'));
    });
  } catch (err) {
    if (errorCode(err) !== '42501') throw err;
    log.warn(
      { err },
      'the reader keeps its old rights: run `headframe db reader` as the owner of the tables',
    );
  }
}

async function refuseNewer(sql: Sql, known: number): Promise<void> {
  const [row] = await sql<{ version: number }[]>`select max(version) as version from headframe_migrations`;
  if ((row?.version ?? 0) > known) throw tooNew(row?.version ?? 0, known);
}

function checkApplied(file: MigrationFile, applied: AppliedRow | undefined): void {
  if (applied === undefined)
    throw new AppError('DATABASE_VERSION', `migration ${file.name} is not applied yet`);
  if (applied.checksum === file.checksum) return;
  throw new AppError('DATABASE_VERSION', `migration ${file.name} is not the file that was applied`);
}

function tooNew(found: number, known: number): AppError {
  return new AppError('DATABASE_VERSION', `the schema is at ${found}, this program knows ${known}`);
}

function otherEdition(stored: string, found: string): AppError {
  return new AppError('DATABASE_EDITION', `the database was migrated as ${stored} and now runs as ${found}`);
}

/** The runner's own connection, as far as `ensurePartitions` needs a database. */
function sessionOf(sql: Sql): Pick<Database, 'run' | 'transaction'> {
  return {
    run: async (_name, query) => await query(sql),
    transaction: async (_name, statements) => await sql.unsafe(statements.join(';\n')),
  };
}
