import type { BatchRecord, NewBatch, TargetGroup } from '../domain/command-batches.js';
import { maskParams } from '../domain/command-queue.js';
import type { CommandKind } from '../domain/commands.js';
import { AppError } from '../domain/errors.js';
import type { Author } from '../domain/people.js';
import { listOf, pastDailyCap } from './commands.repo.js';
import type { Database, Sql } from './database.js';
import { readQuery } from './sql-files.js';

type Fragment = ReturnType<Sql>;
const times = ['created_at', 'approved_at', 'ended_at'] as const;
type TimeColumn = (typeof times)[number];
type BatchRow = Omit<BatchRecord, TimeColumn> & Readonly<Record<TimeColumn, Date | null>>;

/** Miners found by their names. */
export interface Resolved {
  readonly ids: Int32Array;
  readonly unknown: readonly string[];
}

/** Batches of commands: how they are made, read and called off. */
export class CommandBatchesRepo {
  readonly #db: Database;
  readonly #inspect: string;
  readonly #create: string;
  readonly #cancel: string;
  readonly #approve: string;

  constructor(db: Database, options: { sqlDir?: string } = {}) {
    this.#db = db;
    this.#inspect = readQuery('inspect_command_targets', options.sqlDir);
    this.#create = readQuery('create_command_batch', options.sqlDir);
    this.#cancel = readQuery('cancel_command_batch', options.sqlDir);
    this.#approve = readQuery('approve_command_batch', options.sqlDir);
  }

  async isSite(siteId: number): Promise<boolean> {
    const rows = await this.#db.run(
      'command_site',
      (sql) => sql`select 1 from sites where site_id = ${siteId}::int`,
    );
    return rows.length > 0;
  }

  /** Surrogate ids of named miners, each once, in the order of the names. */
  async resolve(siteId: number, names: readonly string[]): Promise<Resolved> {
    const rows = await this.#db.run(
      'command_resolve',
      (sql) => sql<{ key: string; miner_id: number | null }[]>`
      select t.key, m.miner_id
      from json_array_elements_text(${JSON.stringify([...new Set(names)])}::text::json) with ordinality t (key, n)
      left join miners m on m.site_id = ${siteId}::int and m.key = t.key
      order by t.n`,
    );
    return {
      ids: Int32Array.from(rows.flatMap((row) => row.miner_id ?? [])),
      unknown: rows.filter((row) => row.miner_id === null).map((row) => row.key),
    };
  }

  /** Miners by what decides whether they can do something. */
  async inspect(siteId: number, minerIds: Int32Array, kind: CommandKind): Promise<TargetGroup[]> {
    const values = [siteId, `{${minerIds.join(',')}}`, kind];
    const rows = await this.#db.run('command_inspect', (sql) =>
      sql.unsafe<TargetGroup[]>(this.#inspect, values),
    );
    return rows.map((row) => ({ ...row }));
  }

  /** One statement, all or none. Null when nobody is left to be told; throws `COMMAND_REFUSED` past the cap of a day. */
  async create(
    batch: NewBatch,
    dailyCap: number,
  ): Promise<{ readonly batchId: number; readonly commandIds: readonly number[] } | null> {
    const { siteId, minerIds, kind, params, priority, ttlS, by, refused, waveSize, pauseS } = batch;
    const values = [
      siteId,
      `{${minerIds.join(',')}}`,
      kind,
      JSON.stringify(params),
      priority,
      ttlS,
      by.actor,
      JSON.stringify(refused),
      waveSize,
      pauseS,
      batch.maxFailedPercent,
      String(batch.needsApproval),
      batch.holdS,
      dailyCap,
      by.user_id,
      JSON.stringify(by),
      batch.filter === null ? null : JSON.stringify(batch.filter),
    ];
    const [row] = await this.#db.run('command_batch_create', (sql) =>
      sql.unsafe<{ n: number; batch_id: number | null; command_ids: number[] | null }[]>(
        this.#create,
        values,
      ),
    );
    if (row === undefined || row.n === 0) return null;
    if (row.batch_id === null) throw pastDailyCap(dailyCap);
    return { batchId: row.batch_id, commandIds: row.command_ids ?? [] };
  }

  /** The newest first. */
  async list(siteIds: readonly number[] | null, limit: number): Promise<BatchRecord[]> {
    return this.#read(
      siteIds,
      (sql) => sql`order by b.batch_id desc limit ${limit}::int` as unknown as Fragment,
    );
  }

  /** Null when there is none. */
  async find(batchId: number, siteIds: readonly number[] | null): Promise<BatchRecord | null> {
    const [batch] = await this.#read(
      siteIds,
      (sql) => sql`and b.batch_id = ${batchId}::int` as unknown as Fragment,
    );
    return batch ?? null;
  }

  /** How many commands it ended, and their kind; null when there is no such batch. Throws `COMMAND_ENDED`. */
  async cancel(
    batchId: number,
    siteIds: readonly number[] | null,
    by: Author,
  ): Promise<{ readonly kind: CommandKind | null; readonly n: number } | null> {
    const [row] = await this.#db.run('command_batch_cancel', (sql) =>
      sql.unsafe<{ was: string; is_moved: boolean; n: number; kind: CommandKind | null }[]>(this.#cancel, [
        batchId,
        listOf(siteIds),
        by.actor,
        JSON.stringify(by),
      ]),
    );
    if (row === undefined) return null;
    if (!row.is_moved) throw new AppError('COMMAND_ENDED', `Cannot cancel batch with state: ${row.was}`);
    return { kind: row.kind, n: row.n };
  }

  /** False when there is none. Throws `FORBIDDEN` for who made it, `CONFLICT` when it does not wait for approval. */
  async approve(batchId: number, siteIds: readonly number[] | null, by: Author): Promise<boolean> {
    const [row] = await this.#db.run('command_batch_approve', (sql) =>
      sql.unsafe<{ was: string; created_by: string; is_moved: boolean }[]>(this.#approve, [
        batchId,
        listOf(siteIds),
        by.actor,
        by.user_id,
        JSON.stringify(by),
      ]),
    );
    if (row === undefined) return false;
    if (row.is_moved) return true;
    if (row.was !== 'waiting_approval') throw new AppError('CONFLICT', `The batch is ${row.was}`);
    throw new AppError('FORBIDDEN', `Somebody else than ${row.created_by} has to approve it`);
  }

  async #read(siteIds: readonly number[] | null, rest: (sql: Sql) => Fragment): Promise<BatchRecord[]> {
    const rows = await this.#db.run(
      'command_batches',
      (sql) => sql<BatchRow[]>`
      select b.batch_id, b.site_id, b.kind as command, b.params, b.state, b.total, b.priority, b.wave_size, b.pause_s,
        b.max_failed_percent, b.wave, b.created_at, b.created_by, b.approved_at, b.approved_by, b.ended_at, b.ended_by,
        b.ended_because,
        (select coalesce(json_object_agg(status, n), '{}') from (
          select status, count(*) as n from miner_commands c where c.batch_id = b.batch_id group by status) s) as by_status,
        (select coalesce(json_object_agg(confirmation, n), '{}') from (
          select confirmation, count(*) as n from miner_commands c
          where c.batch_id = b.batch_id and confirmation is not null group by confirmation) s) as by_confirmation
      from command_batches b
      where ${siteIds === null ? sql`true` : sql`b.site_id = any (${listOf(siteIds)}::text::int[])`} ${rest(sql)}`,
    );
    return rows.map((row) => {
      const written = Object.fromEntries(times.map((name) => [name, row[name]?.toISOString() ?? null]));
      return { ...row, params: maskParams(row.params), ...written } as unknown as BatchRecord;
    });
  }
}
