import type {
  Alert,
  AlertQuery,
  Incident,
  MaintenanceWindow,
  MaintenanceWindowInput,
} from '../domain/alerts.js';
import { AppError } from '../domain/errors.js';
import type { ChangeNote } from '../domain/people.js';
import { withNote } from './change-note.js';
import type { Database, Sql } from './database.js';
import { siteIn } from './site-scope.js';
import { errorCode } from './database-error.js';

type Fragment = ReturnType<Sql>;
type AlertRow = Omit<Alert, 'triggered_at' | 'acknowledged_at' | 'resolved_at'> & {
  readonly triggered_at: Date;
  readonly acknowledged_at: Date | null;
  readonly resolved_at: Date | null;
};
type IncidentRow = Omit<Incident, 'opened_at' | 'resolved_at'> & {
  readonly opened_at: Date;
  readonly resolved_at: Date | null;
};
type WindowRow = Omit<MaintenanceWindow, 'starts_at' | 'ends_at'> & {
  readonly starts_at: Date;
  readonly ends_at: Date;
};

/** How many unresolved alerts there are of a state and severity. */
export interface AlertCount {
  readonly state: 'open' | 'acknowledged';
  readonly severity: string;
  readonly n: number;
}

/** Alerts, incidents and maintenance windows, as people read and write them. */
export class AlertsRepo {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  /** Unresolved ones first, newest first. */
  async list(query: AlertQuery): Promise<Alert[]> {
    const { siteIds, state, incidentId, limit } = query;
    const rows = await this.#db.run(
      'alerts',
      (sql) => sql<AlertRow[]>`
      select ${alertColumns(sql)}
      from alerts a join sites s using (site_id) left join miners m on m.miner_id = a.miner_id
      where ${siteIn(sql, 'a.site_id', siteIds)}
        ${incidentId === null ? sql`` : sql`and a.incident_id = ${incidentId}::int`}
        ${state === null ? sql`` : stateIs(sql, state)}
      order by a.resolved_at is not null, a.triggered_at desc, a.alert_id desc
      limit ${limit}::int`,
    );
    return rows.map(toAlert);
  }

  /** The alert, acknowledged; null when there is none. Acknowledging twice changes nothing. */
  async acknowledge(
    alertId: number,
    by: string,
    note: string | null,
    now: Date,
    line: ChangeNote | null = null,
  ): Promise<Alert | null> {
    await this.#db.run('alert_acknowledge', (sql) => {
      const change = sql`
        update alerts set acknowledged_at = ${now.toISOString()}::text::timestamptz, acknowledged_by = ${by}::text,
          note = ${note}::text
        where alert_id = ${alertId}::int and acknowledged_at is null
        returning alert_id, acknowledged_at, acknowledged_by, note`;
      return sql`${withNote(sql, line, { change, id: 'alert_id' })} select 1 from changed`;
    });
    return this.find(alertId);
  }

  async find(alertId: number): Promise<Alert | null> {
    const [row] = await this.#db.run(
      'alert',
      (sql) => sql<AlertRow[]>`
      select ${alertColumns(sql)}
      from alerts a join sites s using (site_id) left join miners m on m.miner_id = a.miner_id
      where a.alert_id = ${alertId}::int`,
    );
    return row === undefined ? null : toAlert(row);
  }

  async counts(): Promise<AlertCount[]> {
    const rows = await this.#db.run(
      'alert_counts',
      (sql) => sql<AlertCount[]>`
      select case when acknowledged_at is null then 'open' else 'acknowledged' end as state, severity, count(*)::int as n
      from alerts where resolved_at is null group by 1, 2`,
    );
    return rows.map((row) => ({ ...row }));
  }

  /** Unresolved ones first, newest first. */
  async incidents(siteIds: readonly number[] | null, limit: number): Promise<Incident[]> {
    const rows = await this.#db.run(
      'incidents',
      (sql) => sql<IncidentRow[]>`
      select i.incident_id, i.site_id, s.name as site_name, i.kind, i.scope,
        case when i.scope = 'site' then s.name else i.place end as place, i.severity, i.opened_at, i.resolved_at,
        c.alerts, c.open_alerts
      from incidents i join sites s using (site_id)
      cross join lateral (
        select count(*)::int as alerts, (count(*) filter (where resolved_at is null))::int as open_alerts
        from alerts a where a.incident_id = i.incident_id) c
      where ${siteIn(sql, 'i.site_id', siteIds)}
      order by i.resolved_at is not null, i.opened_at desc, i.incident_id desc
      limit ${limit}::int`,
    );
    return rows.map((row) => ({
      ...row,
      opened_at: row.opened_at.toISOString(),
      resolved_at: row.resolved_at?.toISOString() ?? null,
    }));
  }

  /** Those not over yet, the next first; with `at` only those that last then; of some sites, and of all. */
  async windows(
    now: Date,
    at: Date | null = null,
    siteIds: readonly number[] | null = null,
  ): Promise<MaintenanceWindow[]> {
    const rows = await this.#db.run(
      'maintenance_windows',
      (sql) => sql<WindowRow[]>`
      select window_id, site_id, model, subnet::text, miner, starts_at, ends_at, reason from maintenance_windows
      where ends_at > ${now.toISOString()}::text::timestamptz and (site_id is null or ${siteIn(sql, 'site_id', siteIds)})
        ${at === null ? sql`` : sql`and starts_at <= ${at.toISOString()}::text::timestamptz`}
      order by starts_at, window_id limit 1000`,
    );
    return rows.map(toWindow);
  }

  /** Throws `NOT_FOUND` for a site that is none. */
  async addWindow(input: MaintenanceWindowInput, note: ChangeNote | null = null): Promise<MaintenanceWindow> {
    const [row] = await refuseUnknownSite(
      this.#db.run('maintenance_window', (sql) => {
        const change = sql`
        insert into maintenance_windows (site_id, model, subnet, miner, starts_at, ends_at, reason)
        values (${input.site_id}::int, ${input.model}::text, ${input.subnet}::text::cidr, ${input.miner}::text,
          ${input.starts_at}::text::timestamptz, ${input.ends_at}::text::timestamptz, ${input.reason}::text)
        returning window_id, site_id, model, subnet::text, miner, starts_at, ends_at, reason`;
        return sql<WindowRow[]>`${withNote(sql, note, { change, id: 'window_id' })} select * from changed`;
      }),
    );
    if (row === undefined) throw new Error('the insert answered no row');
    return toWindow(row);
  }

  async findWindow(windowId: number): Promise<MaintenanceWindow | null> {
    const [row] = await this.#db.run(
      'maintenance_window',
      (sql) => sql<WindowRow[]>`
      select window_id, site_id, model, subnet::text, miner, starts_at, ends_at, reason from maintenance_windows
      where window_id = ${windowId}::int`,
    );
    return row === undefined ? null : toWindow(row);
  }

  /** False when there is no such window. */
  async deleteWindow(windowId: number, note: ChangeNote | null = null): Promise<boolean> {
    const rows = await this.#db.run('maintenance_window', (sql) => {
      const change = sql`delete from maintenance_windows where window_id = ${windowId}::int returning window_id`;
      return sql`${withNote(sql, note, { change, id: 'window_id' })} select 1 from changed`;
    });
    return rows.length > 0;
  }
}

/** The result, or `NOT_FOUND` where a row names a site that does not exist. */
export async function refuseUnknownSite<T>(result: Promise<T>): Promise<T> {
  try {
    return await result;
  } catch (error) {
    if (errorCode(error) === '23503') throw new AppError('NOT_FOUND', 'No such site');
    throw error;
  }
}

function stateIs(sql: Sql, state: NonNullable<AlertQuery['state']>): Fragment {
  const conditions = {
    open: sql`and a.resolved_at is null and a.acknowledged_at is null`,
    acknowledged: sql`and a.resolved_at is null and a.acknowledged_at is not null`,
    resolved: sql`and a.resolved_at is not null`,
    unresolved: sql`and a.resolved_at is null`,
  };
  return conditions[state] as unknown as Fragment;
}

function alertColumns(sql: Sql): Fragment {
  return sql`a.alert_id as id, a.site_id, s.name as site_name, m.key as miner_id, m.ip as ip_address,
    a.kind as alert_type, a.severity as level, a.message, a.value, a.threshold, a.triggered_at,
    a.acknowledged_at is not null as acknowledged,
    case when a.resolved_at is not null then 'resolved' when a.acknowledged_at is not null then 'acknowledged'
      else 'open' end as state,
    a.acknowledged_at, a.acknowledged_by, a.note, a.resolved_at, a.resolved_because, a.is_silenced, a.rule_id,
    a.incident_id` as unknown as Fragment;
}

function toAlert(row: AlertRow): Alert {
  return {
    ...row,
    triggered_at: row.triggered_at.toISOString(),
    acknowledged_at: row.acknowledged_at?.toISOString() ?? null,
    resolved_at: row.resolved_at?.toISOString() ?? null,
  };
}

function toWindow(row: WindowRow): MaintenanceWindow {
  return { ...row, starts_at: row.starts_at.toISOString(), ends_at: row.ends_at.toISOString() };
}
