import type { AlertFact } from '../alerts/transitions.js';
import type { LooseAlert } from '../alerts/incidents.js';
import { alertKindNames, defaultRules, kindSpec, type AlertTarget } from '../domain/alert-kinds.js';
import type { AlertChanges, EvaluationMoment, IncidentState, SilencedAlert } from '../alerts/changes.js';
import type { Database, Row } from './database.js';
import { workLocks } from './election.js';
import { readQuery } from './sql-files.js';
import { withValues } from './sql-values.js';

interface FactRow {
  readonly rule_id: number;
  readonly site_id: number;
  readonly site_name: string | null;
  readonly miner_id: number | null;
  readonly key: string | null;
  readonly model: string | null;
  readonly ip: string | null;
  readonly pool_url: string | null;
  readonly rack: string | null;
  readonly kind: AlertFact['kind'];
  readonly severity: AlertFact['severity'];
  readonly status: AlertFact['status'];
  readonly value: number | null;
  readonly threshold: number | null;
  readonly duration_s: number;
  readonly cooldown_s: number;
  readonly since: Date | null;
  readonly due_at: Date | null;
  readonly alert_id: number | null;
  readonly incident_id: number | null;
  readonly triggered_at: Date | null;
  readonly last_resolved: Date | null;
}

/** Rules look back so far for rates, s. */
const counterWindowS = 600;
const maxCounterRows = 20_000;
/** No share for less than this is no matter, whatever a rule says, s. */
const leastDryS = 60;

const kindsJson = (target: AlertTarget): string =>
  JSON.stringify(
    alertKindNames
      .filter((kind) => kindSpec(kind).target === target)
      .map((kind) => ({ kind, is_below: kindSpec(kind).direction === 'below' })),
  );

/** What the evaluation of rules reads and writes. */
export class AlertEngineRepo {
  readonly #db: Database;
  readonly #minerFacts: string;
  readonly #siteFacts: string;
  readonly #apply: string;
  readonly #rotate: string;
  readonly #deadline: { readonly deadlineMs: number };

  constructor(db: Database, options: { deadlineMs?: number; sqlDir?: string } = {}) {
    this.#db = db;
    this.#minerFacts = readQuery('alert_miner_facts', options.sqlDir);
    this.#siteFacts = readQuery('alert_site_facts', options.sqlDir);
    this.#apply = readQuery('apply_alert_changes', options.sqlDir);
    this.#rotate = readQuery('rotate_alert_counters', options.sqlDir);
    this.#deadline = { deadlineMs: options.deadlineMs ?? 10_000 };
  }

  /**
   * Elects who evaluates now: the number of the evaluation, or null when the last one is younger than
   * `everyMs` or another instance is at it. A clock that stands in the future is not waited for.
   */
  async claim(now: Date, everyMs: number): Promise<string | null> {
    const [row] = await this.#db.run(
      'alert_claim',
      (sql) => sql<{ generation: string }[]>`
      update alert_clock set evaluated_at = ${now.toISOString()}::text::timestamptz, generation = generation + 1
      where (select pg_try_advisory_xact_lock(${workLocks.alerts}))
        and (evaluated_at is null or abs(extract(epoch from ${now.toISOString()}::text::timestamptz - evaluated_at))
          >= ${everyMs / 1000}::float8)
      returning generation::text`,
    );
    return row?.generation ?? null;
  }

  /** Gives sites that have none yet the rules that are shipped. */
  async seedDefaults(): Promise<void> {
    await this.#db.run(
      'alert_defaults',
      (sql) => sql`
      with fresh as (
        insert into alert_sites (site_id) select site_id from sites on conflict do nothing returning site_id
      )
      insert into alert_rules (site_id, kind, severity, threshold, clear_threshold, duration_s, cooldown_s)
      select f.site_id, d.kind, d.severity, d.threshold, d.clear_threshold, d.duration_s, d.cooldown_s
      from fresh f, json_to_recordset(${JSON.stringify(defaultRules)}::text::json) as d (
        kind text, severity text, threshold float8, clear_threshold float8, duration_s int, cooldown_s int)
      order by f.site_id`,
    );
  }

  /** Moves counters on that have stood long enough, some thousand at most. */
  async rotateCounters(): Promise<void> {
    await this.#scan('alert_counters', this.#rotate, [counterWindowS, maxCounterRows]);
  }

  /** Rules held against every miner and site: what would change something, at most `moment.maxChanges` of miners. */
  async facts(moment: EvaluationMoment): Promise<AlertFact[]> {
    const before = (seconds: number): string =>
      new Date(moment.now.getTime() - seconds * 1_000).toISOString();
    const now = moment.now.toISOString();
    const miners = [
      now,
      before(moment.staleAfterS),
      before(moment.offlineAfterS),
      before(moment.goneAfterS),
      before(moment.staleAfterS),
      before(leastDryS),
      moment.maxChanges,
      kindsJson('miner'),
    ];
    const sites = [
      now,
      before(moment.offlineAfterS),
      before(moment.staleAfterS),
      moment.intervalS,
      kindsJson('site'),
    ];
    const ofMiners = await this.#scan('alert_miner_facts', this.#minerFacts, miners);
    const ofSites = await this.#scan('alert_site_facts', this.#siteFacts, sites);
    return [...ofMiners, ...ofSites].map((row) => toFact(row as unknown as FactRow));
  }

  /** A statement that reads every live row: its bound is its own, and the server's guard is set by it. */
  #scan(name: string, text: string, values: readonly (string | number)[]): Promise<Row[]> {
    return this.#db.transaction(name, [withValues(text, values)], this.#deadline);
  }

  /** Open alerts since `since` that no incident holds, newest first, and all open incidents. */
  async groups(since: Date, limit: number): Promise<{ loose: LooseAlert[]; incidents: IncidentState[] }> {
    const loose = await this.#db.run(
      'alert_loose',
      (sql) => sql<LooseAlert[]>`
      select a.alert_id as "alertId", a.site_id as "siteId", s.name as "siteName", a.kind, a.severity, a.subnet,
        a.rack, a.pool
      from alerts a join sites s using (site_id)
      where a.resolved_at is null and a.incident_id is null and not a.is_silenced
        and a.triggered_at >= ${since.toISOString()}::text::timestamptz
      order by a.triggered_at desc limit ${limit}::int`,
    );
    const incidents = await this.#db.run(
      'alert_incidents',
      (sql) => sql<IncidentState[]>`
      select i.incident_id as "incidentId", i.site_id as "siteId", s.name as "siteName", i.kind, i.scope, i.place,
        case i.scope when 'subnet' then i.place when 'rack' then mode() within group (order by a.subnet) end as subnet,
        i.severity, count(a.alert_id)::int as alerts,
        (count(a.alert_id) filter (where a.resolved_at is null))::int as "openAlerts"
      from incidents i join sites s using (site_id) left join alerts a using (incident_id)
      where i.resolved_at is null
      group by i.incident_id, s.name`,
    );
    return { loose: loose.map((row) => ({ ...row })), incidents: incidents.map((row) => ({ ...row })) };
  }

  /** Open alerts that were recorded in a maintenance window and told to nobody yet. */
  async silenced(limit: number): Promise<SilencedAlert[]> {
    const rows = await this.#db.run(
      'alert_silenced',
      (sql) => sql<(FactRow & { subnet: string | null; pool: string | null })[]>`
      select a.rule_id, a.site_id, s.name as site_name, a.miner_id, m.key, m.model, m.ip, a.pool as pool_url, a.kind,
        a.severity, 'breach' as status, a.value, a.threshold, 0 as duration_s, 0 as cooldown_s, null as since,
        null as due_at, a.alert_id, a.incident_id, a.triggered_at, null as last_resolved, a.subnet, a.rack, a.pool
      from alerts a join sites s using (site_id) left join miners m on m.miner_id = a.miner_id
      where a.resolved_at is null and a.is_silenced
      order by a.alert_id limit ${limit}::int`,
    );
    return rows.map((row) => ({ fact: toFact(row), subnet: row.subnet, pool: row.pool }));
  }

  /** Numbers for rows that `apply` will write. */
  async reserveIds(alerts: number, incidents: number): Promise<{ alerts: number[]; incidents: number[] }> {
    const take = async (table: string, column: string, count: number): Promise<number[]> => {
      if (count === 0) return [];
      const rows = await this.#db.run(
        'alert_ids',
        (sql) => sql<{ id: number }[]>`
        select nextval(pg_get_serial_sequence(${table}::text, ${column}::text))::int as id
        from generate_series(1, ${count}::int)`,
      );
      return rows.map((row) => row.id);
    };
    return {
      alerts: await take('alerts', 'alert_id', alerts),
      incidents: await take('incidents', 'incident_id', incidents),
    };
  }

  /** Writes it all or nothing; false when a newer evaluation began since. */
  async apply(generation: string, now: Date, changes: AlertChanges): Promise<boolean> {
    const parameters = [generation, now.toISOString(), JSON.stringify(changes)];
    const [row] = await this.#db.run(
      'alert_apply',
      (sql) => sql.unsafe<{ is_written: boolean }[]>(this.#apply, parameters),
      this.#deadline,
    );
    return row?.is_written ?? false;
  }
}

function toFact(row: FactRow): AlertFact {
  return {
    ruleId: row.rule_id,
    siteId: row.site_id,
    siteName: row.site_name ?? '',
    minerId: row.miner_id,
    minerKey: row.key,
    model: row.model,
    ip: row.ip,
    pool: row.pool_url,
    rack: row.rack,
    kind: row.kind,
    severity: row.severity,
    status: row.status,
    value: row.value,
    threshold: row.threshold,
    durationS: row.duration_s,
    cooldownS: row.cooldown_s,
    pendingSinceMs: row.since?.getTime() ?? null,
    dueMs: row.due_at?.getTime() ?? null,
    alertId: row.alert_id,
    incidentId: row.incident_id,
    triggeredMs: row.triggered_at?.getTime() ?? null,
    lastResolvedMs: row.last_resolved?.getTime() ?? null,
  };
}
