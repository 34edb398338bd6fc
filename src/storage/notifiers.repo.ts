import type { ClaimedNotice, Settlement } from '../alerts/deliver.js';
import type { Notice, Notifier, NotifierInput, NotifierTarget } from '../domain/alerts.js';
import { AppError } from '../domain/errors.js';
import type { ChangeNote } from '../domain/people.js';
import { refuseUnknownSite } from './alerts.repo.js';
import { withNote } from './change-note.js';
import type { Database, Sql } from './database.js';
import { siteIn } from './site-scope.js';
import { errorCode } from './database-error.js';
import { readQuery } from './sql-files.js';

type Fragment = ReturnType<Sql>;
type NotifierRow = Omit<Notifier, 'target'> & {
  readonly kind: NotifierTarget['kind'];
  /** The target's other fields. */
  readonly target: Record<string, unknown>;
};
type ClaimRow = NotifierRow & {
  readonly notification_id: string;
  readonly payload: Notice;
  readonly rounds: number;
  readonly lapsed: number;
  /** Alerts of the incident by now. */
  readonly alerts: number;
};

/** A notice in the outbox as it can be read. */
export interface OutboxRow {
  readonly notification_id: string;
  readonly notifier_id: number;
  readonly event: string;
  readonly message: string;
  readonly state: string;
  readonly rounds: number;
  readonly created_at: string;
  readonly settled_at: string | null;
  readonly last_error: string | null;
}

const hourMs = 3_600_000;
const maxSummaries = 100;

/** Notifiers, and the outbox of what they are to be told. */
export class NotifiersRepo {
  readonly #db: Database;
  readonly #claim: string;
  readonly #summarise: string;

  constructor(db: Database, options: { sqlDir?: string } = {}) {
    this.#db = db;
    this.#claim = readQuery('claim_notifications', options.sqlDir);
    this.#summarise = readQuery('summarise_held_notifications', options.sqlDir);
  }

  /** Those of some sites alone, or all with null. */
  async list(siteIds: readonly number[] | null = null): Promise<Notifier[]> {
    const rows = await this.#db.run(
      'notifiers',
      (sql) => sql<NotifierRow[]>`
      select ${columns(sql)} from notifiers where ${siteIn(sql, 'site_id', siteIds)} order by notifier_id`,
    );
    return rows.map(toNotifier);
  }

  async find(notifierId: number): Promise<Notifier | null> {
    const [row] = await this.#db.run(
      'notifier',
      (sql) =>
        sql<NotifierRow[]>`select ${columns(sql)} from notifiers where notifier_id = ${notifierId}::int`,
    );
    return row === undefined ? null : toNotifier(row);
  }

  /** Throws `CONFLICT` for a name that is taken, or past `maxNotifiers`; `NOT_FOUND` for a site that is none. */
  async create(
    input: NotifierInput,
    maxNotifiers: number,
    note: ChangeNote | null = null,
  ): Promise<Notifier> {
    const { kind, ...target } = input.target;
    const [row] = await refuseTakenName(
      this.#db.run('notifier', (sql) => {
        const change = sql`
        insert into notifiers (site_id, name, kind, target, secret, min_severity, max_per_hour, enabled)
        select ${input.site_id}::int, ${input.name}::text, ${kind}::text, ${JSON.stringify(target)}::text::json,
          ${input.secret}::text, ${input.min_severity}::text, ${input.max_per_hour}::int,
          ${String(input.enabled)}::text::boolean
        where (select count(*) from notifiers) < ${maxNotifiers}::int
        returning ${columns(sql)}`;
        return sql<
          NotifierRow[]
        >`${withNote(sql, note, { change, id: 'notifier_id' })} select * from changed`;
      }),
    );
    if (row === undefined) throw new AppError('CONFLICT', `There are ${maxNotifiers} notifiers already`);
    return toNotifier(row);
  }

  /** Null when there is none; throws `CONFLICT` when it is at another version or the name is taken. */
  async update(
    notifierId: number,
    version: number,
    input: NotifierInput,
    note: ChangeNote | null = null,
  ): Promise<Notifier | null> {
    const { kind, ...target } = input.target;
    const [row] = await refuseTakenName(
      this.#db.run('notifier', (sql) => {
        const change = sql`
        update notifiers set site_id = ${input.site_id}::int, name = ${input.name}::text, kind = ${kind}::text,
          target = ${JSON.stringify(target)}::text::json, secret = ${input.secret}::text,
          min_severity = ${input.min_severity}::text, max_per_hour = ${input.max_per_hour}::int,
          enabled = ${String(input.enabled)}::text::boolean, version = version + 1
        where notifier_id = ${notifierId}::int and version = ${version}::int
        returning ${columns(sql)}`;
        return sql<
          NotifierRow[]
        >`${withNote(sql, note, { change, id: 'notifier_id' })} select * from changed`;
      }),
    );
    if (row !== undefined) return toNotifier(row);
    const found = await this.find(notifierId);
    if (found === null) return null;
    throw new AppError('CONFLICT', `The notifier is at version ${found.version}`);
  }

  /** What waits for it goes with it. False when there is none. */
  async delete(notifierId: number, note: ChangeNote | null = null): Promise<boolean> {
    const rows = await this.#db.run('notifier', (sql) => {
      const change = sql`delete from notifiers where notifier_id = ${notifierId}::int returning notifier_id`;
      return sql`${withNote(sql, note, { change, id: 'notifier_id' })} select 1 from changed`;
    });
    return rows.length > 0;
  }

  /** Takes due notices for `leaseMs`, at most `limit`; holds back what is over a notifier's cap. */
  async claim(now: Date, leaseMs: number, limit: number): Promise<ClaimedNotice[]> {
    const parameters = [
      now.toISOString(),
      new Date(now.getTime() + leaseMs).toISOString(),
      limit,
      new Date(now.getTime() - hourMs).toISOString(),
    ];
    const rows = await this.#db.run('notice_claim', (sql) =>
      sql.unsafe<ClaimRow[]>(this.#claim, parameters, { prepare: true }),
    );
    return rows.map(({ notification_id, payload, rounds, lapsed, alerts, ...notifier }) => ({
      notificationId: notification_id,
      // An incident grows while its notice waits.
      notice:
        payload.incident === undefined ? payload : { ...payload, incident: { ...payload.incident, alerts } },
      notifier: toNotifier(notifier),
      rounds,
      lapsed,
    }));
  }

  /** Writes down what became of a claimed notice; false when its lease has passed to another. */
  async settle(notificationId: string, rounds: number, settlement: Settlement, now: Date): Promise<boolean> {
    const isQueued = settlement.state === 'queued';
    const rows = await this.#db.run(
      'notice_settle',
      (sql) => sql`
      update notification_outbox set state = ${settlement.state}::text, claimed_until = null,
        settled_at = ${isQueued ? null : now.toISOString()}::text::timestamptz,
        not_before = coalesce(${isQueued ? settlement.notBefore.toISOString() : null}::text::timestamptz, not_before),
        last_error = ${settlement.state === 'sent' ? null : settlement.error}::text
      where notification_id = ${notificationId}::text::uuid and rounds = ${rounds}::int and state = 'queued'`,
    );
    return rows.count > 0;
  }

  /** One notice of all that was held back, for each notifier that may send again; answers how many. */
  async summariseHeld(now: Date): Promise<number> {
    const parameters = [now.toISOString(), new Date(now.getTime() - hourMs).toISOString(), maxSummaries];
    const rows = await this.#db.run('notice_summary', (sql) =>
      sql.unsafe(this.#summarise, parameters, { prepare: true }),
    );
    return rows.length;
  }

  /** The outbox, newest first; of one state, or all; of some sites, or all. */
  async outbox(
    state: string | null,
    limit: number,
    siteIds: readonly number[] | null = null,
  ): Promise<OutboxRow[]> {
    const rows = await this.#db.run(
      'notices',
      (sql) => sql<(OutboxRow & { created_at: Date; settled_at: Date | null })[]>`
      select notification_id, notifier_id, event, payload->>'message' as message, state, rounds, created_at, settled_at,
        last_error
      from notification_outbox
      where ${siteIn(sql, "(payload->>'site_id')::int", siteIds)}
        ${state === null ? sql`` : sql`and state = ${state}::text`}
      order by created_at desc limit ${limit}::int`,
    );
    return rows.map((row) => ({
      ...row,
      created_at: new Date(row.created_at).toISOString(),
      settled_at: row.settled_at === null ? null : new Date(row.settled_at).toISOString(),
    }));
  }

  /** The site that a notice is about, null for none or all, and its state; null when there is no such notice. */
  async findNotice(
    notificationId: string,
  ): Promise<{ readonly site_id: number | null; readonly state: string } | null> {
    const [row] = await this.#db.run(
      'notice',
      (sql) => sql<{ site_id: number | null; state: string }[]>`
      select (payload->>'site_id')::int as site_id, state from notification_outbox
      where notification_id = ${notificationId}::text::uuid`,
    );
    return row === undefined ? null : { ...row };
  }

  /** Puts a dead letter back; false when it is not one. */
  async revive(notificationId: string, now: Date, note: ChangeNote | null = null): Promise<boolean> {
    const rows = await this.#db.run('notice_revive', (sql) => {
      const change = sql`
        update notification_outbox set state = 'queued', rounds = 0, lapsed = 0, settled_at = null,
          claimed_until = null, not_before = ${now.toISOString()}::text::timestamptz
        where notification_id = ${notificationId}::text::uuid and state = 'dead' returning notification_id`;
      return sql`${withNote(sql, note, { change, id: 'notification_id' })} select 1 from changed`;
    });
    return rows.length > 0;
  }

  /** Notices that wait. */
  async waiting(): Promise<number> {
    const [row] = await this.#db.run(
      'notices_waiting',
      (sql) => sql<{ n: number }[]>`
      select count(*)::int as n from notification_outbox where state in ('queued', 'held')`,
    );
    return row?.n ?? 0;
  }
}

function columns(sql: Sql): Fragment {
  return sql`notifier_id, site_id, name, kind, target, secret, min_severity, max_per_hour, enabled,
    version` as unknown as Fragment;
}

/** Rows were written from a target that was checked. */
function toNotifier({ kind, target, ...row }: NotifierRow): Notifier {
  return { ...row, target: { kind, ...target } as NotifierTarget };
}

async function refuseTakenName<T>(result: Promise<T>): Promise<T> {
  try {
    return await refuseUnknownSite(result);
  } catch (error) {
    if (errorCode(error) === '23505') throw new AppError('CONFLICT', 'There is a notifier of this name');
    throw error;
  }
}
