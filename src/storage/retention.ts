import type { Logger } from '../telemetry/logger.js';
import type { Metrics } from '../telemetry/metrics.js';
import { errorCode } from './database-error.js';
import type { Database, Row } from './database.js';
import { nativeRetentionStatements, type Edition } from './edition.js';
import { elected } from './election.js';
import { readMeta } from './meta.js';
import { coveredPastS, ensurePartitions, listPartitions } from './partitions.js';

export interface RetentionOptions {
  /** At least as long as a sample may be on its way (73 h), or late ones would be dropped as they come. */
  readonly historyDays: number;
  readonly eventDays: number;
  readonly rollup1hDays: number;
  readonly rollup5mDays: number;
  /** Never shorter than the spool's greatest age: the log tells a late batch from a new one. */
  readonly logDays: number;
  readonly now: Date;
  readonly log: Logger;
  readonly metrics?: Metrics;
  /** Log rows deleted by one statement. Default 5,000. */
  readonly logBatch?: number;
  /** Such statements in one run; the rest waits for the next. Default 100. */
  readonly maxLogBatches?: number;
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
  readonly logsDeleted: number;
  /** Steps left for the next run, because another instance or a long query was in the way. */
  readonly skipped: number;
}

const daySeconds = 86_400;

/**
 * Makes the partitions that are due, drops what is older than its retention, and prunes the upload log.
 * Each step is one short transaction that elects itself with a transaction-scoped advisory lock, so any
 * number of instances may run at once. Throws `DATABASE_UNAVAILABLE` when the database is away.
 */
export async function runRetention(db: Database, options: RetentionOptions): Promise<RetentionOutcome> {
  const { edition } = await db.run('retention_meta', (sql) => readMeta(sql));
  const partitionsMade = await ensurePartitions(db, options.now);
  let partitionsDropped = 0;
  let skipped = 0;
  const tables = [
    { table: 'miner_telemetry_history', keepS: Math.max(coveredPastS, options.historyDays * daySeconds) },
    { table: 'miner_events', keepS: Math.max(coveredPastS, options.eventDays * daySeconds) },
    { table: 'miner_telemetry_1h', keepS: Math.max(coveredPastS, options.rollup1hDays * daySeconds) },
    { table: 'site_telemetry_5m', keepS: Math.max(coveredPastS, options.rollup5mDays * daySeconds) },
  ];
  for (const { table, keepS } of tables) {
    for (const step of await dropSteps(db, edition, table, keepS, options)) {
      const dropped = await takeStep(db, step, options);
      if (dropped === null) skipped++;
      else partitionsDropped += dropped;
    }
  }
  options.metrics?.add('headframe_partitions_dropped_total', partitionsDropped);
  const logsDeleted = await pruneLogs(db, options);
  return { partitionsMade, partitionsDropped, logsDeleted, skipped };
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
  options: RetentionOptions,
): Promise<Step[]> {
  const cutoffS = Math.floor(options.now.getTime() / 1_000 - keepS);
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

/** Deletes old log rows, a few thousand at a time; two instances skip each other's rows. */
async function pruneLogs(db: Database, options: RetentionOptions): Promise<number> {
  const cutoff = new Date(options.now.getTime() - options.logDays * daySeconds * 1_000).toISOString();
  const batch = options.logBatch ?? 5_000;
  let deleted = 0;
  for (let round = 0; round < (options.maxLogBatches ?? 100); round++) {
    const rows = await db.run(
      'prune_logs',
      (sql) => sql`
      with old as (
        select u.site_id, u.batch_id from sites s
        cross join lateral (
          select site_id, batch_id from collector_upload_logs
          where site_id = s.site_id and received_at < ${cutoff}::text::timestamptz
          order by received_at limit ${batch}::int for update skip locked
        ) u
        limit ${batch}::int
      )
      delete from collector_upload_logs u using old
      where u.site_id = old.site_id and u.batch_id = old.batch_id`,
    );
    deleted += rows.count;
    if (rows.count < batch) break;
  }
  return deleted;
}
