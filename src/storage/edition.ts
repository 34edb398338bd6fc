import { AppError } from '../domain/errors.js';
import { errorCode } from './database-error.js';
import type { Sql } from './pool.js';

/** What the server offers: TimescaleDB under its Community licence, its Apache edition, or PostgreSQL alone. */
export const editions = ['community', 'apache', 'plain'] as const;
export type Edition = (typeof editions)[number];

const extensionLock = 4_801_000;
const minChunkS = 3 * 3_600;
const maxChunkS = 7 * 86_400;
/** Past the age at which samples are refused, s. */
const compressAfterS = 4 * 86_400;

/** Seconds of history in one chunk or partition: about 1,000 slots, within 3 hours and 7 days. */
export function historyChunkS(intervalS: number): number {
  return Math.min(maxChunkS, Math.max(minChunkS, Math.round(1_000 * intervalS)));
}

/** A table split by its column `time`. */
export interface SpreadTable {
  readonly name: string;
  /** Seconds per chunk or partition. */
  readonly chunkS: (historyChunkS: number) => number;
}

/** Every table that is a hypertable, or partitioned on plain PostgreSQL. */
export const spreadTables: readonly SpreadTable[] = [
  { name: 'miner_telemetry_history', chunkS: (chunkS) => chunkS },
  { name: 'miner_events', chunkS: () => maxChunkS },
  { name: 'miner_telemetry_1h', chunkS: () => maxChunkS },
  { name: 'site_telemetry_5m', chunkS: () => maxChunkS },
];

/**
 * Tells the edition of the connected database. The licence setting exists once the extension is loaded
 * in the session; functions cannot be probed, because the Apache edition has them all and they raise.
 */
export async function detectEdition(sql: Sql): Promise<Edition> {
  const rows = await sql<
    { license: string | null }[]
  >`select current_setting('timescaledb.license', true) as license
    from (select from pg_extension where extname = 'timescaledb') extension`;
  const license = rows[0]?.license;
  if (license === undefined) return 'plain';
  return license === 'apache' ? 'apache' : 'community';
}

/** Creates the extension where the server has it; a session opened afterwards sees its licence. */
export async function createExtension(sql: Sql): Promise<void> {
  try {
    await sql.begin(async (tx) => {
      await tx`select pg_advisory_xact_lock(${extensionLock})`;
      const [missing] = await tx`select from pg_available_extensions a
        where a.name = 'timescaledb' and current_setting('timescaledb.disable_load', true) is not null
          and not exists (select from pg_extension e where e.extname = a.name)`;
      if (missing !== undefined) await tx`create extension if not exists timescaledb`;
    });
  } catch (error) {
    if (errorCode(error) !== '42501') throw error;
    throw new AppError(
      'DATABASE_EDITION',
      'the server has TimescaleDB, but this role may not create the extension: ' +
        'have an administrator run "create extension timescaledb" in this database',
      { cause: error },
    );
  }
}

/** Fills the places of a migration that differ between editions. */
export function renderMigration(text: string, edition: Edition, chunkS: number): string {
  return text
    .replaceAll('{{partitioned_by_time}}', edition === 'plain' ? 'partition by range (time)' : '')
    .replaceAll(/\{\{spread (\w+)\}\}/g, (_, name: string) => {
      const table = spreadTables.find((spread) => spread.name === name);
      if (table === undefined) throw new Error(`${name} is not in the list of spread tables`);
      return edition === 'plain' ? '' : createHypertable(name, table.chunkS(chunkS));
    });
}

function createHypertable(name: string, chunkS: number): string {
  return `select create_hypertable('${name}', 'time', chunk_time_interval => interval '${chunkS} seconds',
    create_default_indexes => false);`;
}

/** Statements that bring chunks made from now on to another length; none on plain PostgreSQL. */
export function chunkStatements(edition: Edition, chunkS: number): string[] {
  if (edition === 'plain') return [];
  return spreadTables.map(
    ({ name, chunkS: of }) => `select set_chunk_time_interval('${name}', interval '${of(chunkS)} seconds')`,
  );
}

/** The Community edition's own retention: a background job, replaced when its length changed. */
export function nativeRetentionStatements(table: string, keepS: number): string[] {
  return policyStatements(table, 'retention', 'drop_after', keepS);
}

/**
 * The Community edition's compression of the history, once no sample of a chunk can still be on its way. Segments are
 * miners, so that one miner's history is read without unpacking the others'.
 */
export function nativeCompressionStatements(): string[] {
  const table = 'miner_telemetry_history';
  return [
    `do $$ begin
      -- Hypertables that are not compressed are listed too, with nulls.
      if not exists (select from timescaledb_information.hypertable_columnstore_settings
          where hypertable = '${table}'::regclass and segmentby = 'miner_id') then
        alter table ${table} set (timescaledb.compress, timescaledb.compress_segmentby = 'miner_id',
          timescaledb.compress_orderby = 'time');
      end if;
    end $$`,
    ...policyStatements(table, 'compression', 'compress_after', compressAfterS),
  ];
}

function policyStatements(table: string, policy: string, setting: string, lengthS: number): string[] {
  return [
    `select remove_${policy}_policy('${table}', if_exists => true)
      where not exists (select from timescaledb_information.jobs where proc_name = 'policy_${policy}'
        and hypertable_name = '${table}' and (config->>'${setting}')::interval = interval '${lengthS} seconds')`,
    `select add_${policy}_policy('${table}', interval '${lengthS} seconds', if_not_exists => true)`,
  ];
}
