import type {
  CommandCount,
  CommandEvent,
  CommandRecord,
  NewCommand,
  ReadReport,
} from '../domain/command-queue.js';
import { maskParams } from '../domain/command-queue.js';
import type { CommandKind, CommandStatus, PendingCommand } from '../domain/commands.js';
import { AppError } from '../domain/errors.js';
import type { Author } from '../domain/people.js';
import type { Database, Sql } from './database.js';
import { errorCode } from './database-error.js';
import { readQuery } from './sql-files.js';
import { withValues } from './sql-values.js';

type Fragment = ReturnType<Sql>;
const times = ['created_at', 'expires_at', 'sent_at', 'ended_at', 'confirmed_at'] as const;
type TimeColumn = (typeof times)[number];
type RecordRow = Omit<CommandRecord, TimeColumn> & Readonly<Record<TimeColumn, Date | null>>;
type ClaimRow = Omit<PendingCommand, 'created_at' | 'expires_at' | 'lease_s'> & {
  readonly created_at: Date;
  readonly expires_at: Date;
  readonly status: CommandStatus;
};

/** What a claim gave, and what it found overdue. */
export interface Claim {
  readonly commands: readonly PendingCommand[];
  readonly expired: readonly CommandKind[];
}

/** What became of a report. */
export interface Settled {
  readonly kind: CommandKind | null;
  readonly status: CommandStatus | null;
  /** False: it had ended before, and the report is kept beside. */
  readonly isMoved: boolean;
  /** From handing out to this, s. */
  readonly tookS: number | null;
}

/** Which commands to list. */
export interface CommandQuery {
  /** Null: all. */
  readonly siteIds: readonly number[] | null;
  readonly miner: string | null;
  readonly status: CommandStatus | null;
  readonly batchId: number | null;
  readonly limit: number;
}

/** How many commands there are of each status, of a site or all. */
export interface CommandStats {
  readonly stats: Readonly<Partial<Record<CommandStatus, number>>>;
  /** Pending and sent. */
  readonly active_pending: number;
  readonly total: number;
}

/**
 * However many wait, a claim reads those it hands out and no more. The planner does not know that from its statistics,
 * which lag behind a batch of thousands; so nothing is prepared either.
 */
const byIndex = ['set local enable_seqscan = off', 'set local enable_sort = off'];
/** Tries of a claim that met another one for the same miner. */
const claimTries = 3;

/**
 * The queue of commands. Each transition is one statement that names the statuses it leaves, and a trigger writes
 * its event; what people change has its line of the audit log in the same statement. See `domain/commands.ts` for the states.
 */
export class CommandsRepo {
  readonly #db: Database;
  readonly #claim: string;
  readonly #ready: string;
  readonly #settle: string;
  readonly #cancel: string;
  readonly #create: string;

  constructor(db: Database, options: { sqlDir?: string } = {}) {
    this.#db = db;
    this.#claim = readQuery('claim_commands', options.sqlDir);
    this.#ready = readQuery('commands_ready', options.sqlDir);
    this.#settle = readQuery('settle_command', options.sqlDir);
    this.#cancel = readQuery('cancel_command', options.sqlDir);
    this.#create = readQuery('create_command', options.sqlDir);
  }

  /** Answers its number. Throws `NOT_FOUND` for a site that is none, `COMMAND_REFUSED` past the cap of a day. */
  async create(command: NewCommand, dailyCap: number): Promise<number> {
    const { siteId, miner, ip, kind, params, priority, ttlS, by } = command;
    const author = JSON.stringify(by);
    const values = [
      siteId,
      miner,
      ip,
      kind,
      JSON.stringify(params),
      priority,
      ttlS,
      by.actor,
      dailyCap,
      author,
    ];
    const [row] = await this.#db.run('command_create', (sql) =>
      sql.unsafe<{ command_id: number | null; is_site: boolean }[]>(this.#create, values),
    );
    if (row?.is_site !== true) throw new AppError('NOT_FOUND', 'No such site');
    if (row.command_id === null) throw pastDailyCap(dailyCap);
    return row.command_id;
  }

  /** Hands out what is due at a site under a lease, by priority, then age. */
  async claim(siteId: number, limit: number, leaseS: number, by: string): Promise<Claim> {
    const claim = withValues(this.#claim, [siteId, limit, leaseS, by]);
    for (let tries = 1; ; tries++) {
      try {
        const rows = (await this.#db.transaction('command_claim', [
          ...byIndex,
          claim,
        ])) as unknown as ClaimRow[];
        return {
          commands: rows.filter((row) => row.status === 'sent').map((row) => toPending(row, leaseS)),
          expired: rows.filter((row) => row.status === 'expired').map((row) => row.command),
        };
      } catch (error) {
        // Another claim took a command for the same miner: all of this one was undone, and is tried anew.
        if (errorCode(error) !== '23505' || tries === claimTries) throw error;
      }
    }
  }

  /** Gives back what was claimed and certainly not delivered. */
  async release(commandIds: readonly number[], by: string): Promise<void> {
    await this.#db.run(
      'command_release',
      (sql) => sql`
      update miner_commands set status = 'pending', lease_until = null, attempts = attempts - 1,
        changed_by = ${by}::text, changed_because = 'it was not delivered'
      where command_id = any (${`{${commandIds.join(',')}}`}::text::int[]) and status = 'sent'
        and claimed_by = ${by}::text`,
    );
  }

  /** Those of the sites that have something to hand out now. */
  async ready(siteIds: readonly number[]): Promise<number[]> {
    const ready = withValues(this.#ready, [listOf(siteIds) ?? '{}']);
    const rows = await this.#db.transaction('commands_ready', [...byIndex, ready]);
    return rows.map((row) => Number(row['site_id']));
  }

  /** Null when the site has no such command. Reporting again changes nothing. */
  async settle(
    commandId: number,
    siteId: number,
    report: ReadReport,
    by: string,
    confirmS: Readonly<Record<CommandKind, number>>,
  ): Promise<Settled | null> {
    const { status, code, message, rest, createdAt } = report;
    const values = [
      commandId,
      siteId,
      status,
      code,
      message,
      JSON.stringify(rest),
      by,
      JSON.stringify(confirmS),
      createdAt,
    ];
    const [row] = await this.#db.run('command_settle', (sql) =>
      sql.unsafe<
        { kind: CommandKind | null; status: CommandStatus | null; is_moved: boolean; took_s: number | null }[]
      >(this.#settle, values),
    );
    if (row === undefined) return null;
    return { kind: row.kind, status: row.status, isMoved: row.is_moved, tookS: row.took_s };
  }

  /** The kind of the command that is cancelled now; null when there is none. Throws `COMMAND_ENDED` for one that has ended. */
  async cancel(
    commandId: number,
    siteIds: readonly number[] | null,
    by: Author,
  ): Promise<CommandKind | null> {
    const values = [commandId, listOf(siteIds), by.actor, JSON.stringify(by)];
    const [row] = await this.#db.run('command_cancel', (sql) =>
      sql.unsafe<{ was: CommandStatus; is_moved: boolean; kind: CommandKind | null }[]>(this.#cancel, values),
    );
    if (row === undefined) return null;
    if (!row.is_moved) throw new AppError('COMMAND_ENDED', `Cannot cancel command with status: ${row.was}`);
    return row.kind;
  }

  /** The newest first. */
  async list(query: CommandQuery): Promise<CommandRecord[]> {
    const { siteIds, miner, status, batchId, limit } = query;
    const rows = await this.#db.run(
      'commands',
      (sql) => sql<RecordRow[]>`
      select ${recordColumns(sql)} from miner_commands c
      where true
        ${siteIds === null ? sql`` : sql`and c.site_id = any (${listOf(siteIds)}::text::int[])`}
        ${miner === null ? sql`` : sql`and c.miner_key = ${miner}::text`}
        ${status === null ? sql`` : sql`and c.status = ${status}::text`}
        ${batchId === null ? sql`` : sql`and c.batch_id = ${batchId}::int`}
      order by c.command_id desc limit ${limit}::int`,
    );
    return rows.map(toRecord);
  }

  /** One command with all that happened to it, the oldest first; null when there is none. */
  async find(
    commandId: number,
    siteIds: readonly number[] | null,
  ): Promise<{ readonly command: CommandRecord; readonly events: readonly CommandEvent[] } | null> {
    const [row] = await this.#db.run(
      'command',
      (sql) => sql<RecordRow[]>`
      select ${recordColumns(sql)} from miner_commands c
      where c.command_id = ${commandId}::int
        ${siteIds === null ? sql`` : sql`and c.site_id = any (${listOf(siteIds)}::text::int[])`}`,
    );
    if (row === undefined) return null;
    const events = await this.#db.run(
      'command_events',
      (sql) => sql<(Omit<CommandEvent, 'at'> & { at: Date })[]>`
      select at, from_status, to_status, by, note from command_events
      where command_id = ${commandId}::int order by event_id limit 1000`,
    );
    return {
      command: toRecord(row),
      events: events.map((event) => ({ ...event, at: event.at.toISOString() })),
    };
  }

  /** Counts by status. */
  async stats(siteIds: readonly number[] | null): Promise<CommandStats> {
    const rows = await this.#db.run(
      'command_stats',
      (sql) => sql<{ status: CommandStatus; n: number }[]>`
      select status, count(*)::int as n from miner_commands
      ${siteIds === null ? sql`` : sql`where site_id = any (${listOf(siteIds)}::text::int[])`}
      group by status order by status`,
    );
    const stats = Object.fromEntries(rows.map(({ status, n }) => [status, n]));
    return {
      stats,
      active_pending: (stats['pending'] ?? 0) + (stats['sent'] ?? 0),
      total: rows.reduce((sum, { n }) => sum + n, 0),
    };
  }

  /** How many commands there are by kind and status that have not ended. */
  async open(): Promise<CommandCount[]> {
    const rows = await this.#db.run(
      'commands_open',
      (sql) => sql<CommandCount[]>`
      select kind, status, count(*)::int as n from miner_commands where status = 'pending' group by kind, status
      union all
      select kind, status, count(*)::int as n from miner_commands where status = 'sent' group by kind, status`,
    );
    return rows.map((row) => ({ ...row }));
  }
}

/** A list of numbers as PostgreSQL writes it; null stays null. */
export const listOf = (ids: readonly number[] | null): string | null =>
  ids === null ? null : `{${ids.join(',')}}`;

/** The refusal past `commands.daily_cap`. */
export const pastDailyCap = (cap: number): AppError =>
  new AppError('COMMAND_REFUSED', `The site has had its ${cap} commands of a day (commands.daily_cap)`);

function recordColumns(sql: Sql): Fragment {
  return sql`c.command_id, c.site_id, c.miner_key as miner_id, c.ip as ip_address, c.kind as command, c.params,
    c.priority, c.status,
    case when c.status = 'pending' then (
      select w.waits_for from waiting_commands w where w.command_id = c.command_id) end as waits_for,
    c.batch_id, c.wave, c.created_at, c.created_by, c.expires_at, c.sent_at, c.claimed_by, c.attempts, c.ended_at,
    c.result_code, c.result_message, c.result, c.late_result, c.confirmation, c.confirmed_at, c.baseline,
    c.observed` as unknown as Fragment;
}

function toRecord(row: RecordRow): CommandRecord {
  const written = Object.fromEntries(times.map((name) => [name, row[name]?.toISOString() ?? null]));
  return { ...row, params: maskParams(row.params), ...written } as unknown as CommandRecord;
}

function toPending(
  { status: _status, created_at, expires_at, ...row }: ClaimRow,
  leaseS: number,
): PendingCommand {
  const times = { created_at: created_at.toISOString(), expires_at: expires_at.toISOString() };
  return { ...row, ...times, lease_s: leaseS };
}
