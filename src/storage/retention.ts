import type { Logger } from '../telemetry/logger.js';
import type { Metrics } from '../telemetry/metrics.js';
import { errorCode } from './database-error.js';
import type { Database, Row } from './database.js';
import { nativeCompressionStatements, nativeRetentionStatements, type Edition } from './edition.js';
import { elected } from './election.js';
import { keptRows, keptSpread, type KeepDays, type KeptRows } from './kept-tables.js';
import { noteRun, readClock } from './maintenance-runs.js';
import { readMeta } from './meta.js';
import { coveredPastS, ensurePartitions, listPartitions } from './partitions.js';

export interface RetentionOptions extends KeepDays {
  /** This process's clock: partitions are made around it, for it is what samples are measured by. */
  readonly now: Date;
  /** The database's clock; asked when absent. What is dropped is old by both clocks: a wrong one drops nothing. */
  readonly databaseNow?: Date;
  readonly log: Logger;
  readonly metrics?: Metrics;
  /** Rows deleted by one statement. Default 5,000. */
  readonly rowBatch?: number;
  /** Such statements in one run and table; the rest waits for the next. Default 100. */
  readonly maxRowBatches?: number;
  /** Partitions dropped in one run, per table. Default 100. */
  readonly maxDrops?: number;
  /** Bound of one statement, ms. Default 30 s. */
  readonly deadlineMs?: number;
  /** How long a drop may wait for readers and writers, who queue behind it, ms. Default 500. */
  readonly lockTimeoutMs?: number;
}

/** What one run did. Drops on the Community edition are the server's own and not counted. */
export interface RetentionOutcome {
  readonly partitionsMade: number;
  readonly partitionsDropped: number;
  /** Rows deleted of plain tables. */
  readonly rowsDeleted: number;
  /** Steps left for the next run, because another instance or a long query was in the way. */
  readonly skipped: number;
}

const daySeconds = 86_400;

/**
 * Makes the partitions that are due and drops what is older than its time (`kept-tables.ts`). Each step is one short
 * transaction that elects itself with a transaction-scoped advisory lock, so any number of instances may run at once.
 * Throws `DATABASE_UNAVAILABLE` when the database is away.
 */
export async function runRetention(db: Database, options: RetentionOptions): Promise<RetentionOutcome> {
  const startedMs = performance.now();
  const { edition } = await db.run('retention_meta', (sql) => readMeta(sql));
  const partitionsMade = await ensurePartitions(db, options.now);
  const databaseNow = options.databaseNow ?? (await readClock(db));
  const nowS = Math.floor(Math.min(options.now.getTime(), databaseNow.getTime()) / 1_000);
  let partitionsDropped = 0;
  let skipped = 0;
  const take = async (step: Step): Promise<void> => {
    const dropped = await takeStep(db, step, options);
    if (dropped === null) skipped++;
    else partitionsDropped += dropped;
  };
  for (const { table, days } of keptSpread) {
    const keepS = Math.max(coveredPastS, days(options) * daySeconds);
    for (const step of await dropSteps(db, edition, table, keepS, nowS, options)) await take(step);
  }
  if (edition === 'community') await take({ statements: nativeCompressionStatements(), dropped: () => 0 });
  options.metrics?.add('headframe_partitions_dropped_total', partitionsDropped);
  options.metrics?.set('headframe_retention_lag_seconds', await historyLagS(db, edition, nowS, options));
  let rowsDeleted = 0;
  for (const kept of keptRows) rowsDeleted += await pruneRows(db, kept, nowS, options);
  const outcome = { partitionsMade, partitionsDropped, rowsDeleted, skipped };
  await noteRun(db, 'retention', { tookMs: performance.now() - startedMs, outcome });
  return outcome;
}

/** Statements of one transaction, trusted text, and how to read what they dropped. */
interface Step {
  readonly statements: readonly string[];
  readonly dropped: (rows: readonly Row[]) => number;
}

async function dropSteps(
  db: Database,
  edition: Edition,
  table: string,
  keepS: number,
  nowS: number,
  options: RetentionOptions,
): Promise<Step[]> {
  const cutoffS = nowS - keepS;
  switch (edition) {
    case 'community':
      return [{ statements: nativeRetentionStatements(table, keepS), dropped: () => 0 }];
    case 'apache': {
      const drop = `select count(*)::int as dropped from drop_chunks('${table}', older_than => to_timestamp(${cutoffS}))`;
      return [{ statements: [drop], dropped: (rows) => Number(rows[0]?.['dropped'] ?? 0) }];
    }
    case 'plain': {
      const partitions = await listPartitions(db, table);
      const old = partitions
        .filter((partition) => partition.toS <= cutoffS)
        .slice(0, options.maxDrops ?? 100);
      return old.map(({ name }) => ({ statements: [`drop table ${name}`], dropped: () => 1 }));
    }
  }
}

/** How long the oldest part of the history could have been dropped and is still there, s. */
async function historyLagS(
  db: Database,
  edition: Edition,
  nowS: number,
  { historyDays }: KeepDays,
): Promise<number> {
  const table = 'miner_telemetry_history';
  const cutoffS = nowS - Math.max(coveredPastS, historyDays * daySeconds);
  let oldestS: number | null | undefined;
  if (edition === 'plain') oldestS = (await listPartitions(db, table))[0]?.toS;
  else {
    const [row] = await db.run(
      'retention_lag',
      (sql) => sql<{ to_s: number | null }[]>`select extract(epoch from min(range_end))::float8 as to_s
        from timescaledb_information.chunks where hypertable_name = ${table}::text`,
    );
    oldestS = row?.to_s;
  }
  return Math.max(0, cutoffS - (oldestS ?? cutoffS));
}

/** Null when another instance, or a query that holds its locks for long, was in the way. */
async function takeStep(db: Database, step: Step, options: RetentionOptions): Promise<number | null> {
  try {
    const rows = await elected(db, 'retention', step.statements, {
      deadlineMs: options.deadlineMs ?? 30_000,
      lockTimeoutMs: options.lockTimeoutMs ?? 500,
    });
    if (rows !== null) return step.dropped(rows);
    options.log.debug({ statements: step.statements }, 'retention step skipped');
    return null;
  } catch (error) {
    if (errorCode(error) === '42P01') return 0;
    throw error;
  }
}

/** Deletes old rows of one table, a few thousand at a time; two instances skip each other's rows. */
async function pruneRows(
  db: Database,
  kept: KeptRows,
  nowS: number,
  options: RetentionOptions,
): Promise<number> {
  const limit = options.rowBatch ?? 5_000;
  const old = kept.old
    .replaceAll('{{cutoff}}', `to_timestamp(${nowS - kept.days(options) * daySeconds})`)
    .replaceAll('{{limit}}', String(limit));
  let deleted = 0;
  for (let round = 0; round < (options.maxRowBatches ?? 100); round++) {
    const rows = await db.run('prune_rows', (sql) =>
      sql.unsafe(`delete from ${kept.table} where ctid = any (array(${old}))`),
    );
    deleted += rows.count;
    if (rows.count < limit) break;
  }
  return deleted;
}
