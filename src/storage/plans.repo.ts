import { AppError } from '../domain/errors.js';
import type { ChangeNote } from '../domain/people.js';
import type { SitePlan, StoredPlan } from '../domain/site-plan.js';
import { withNote } from './change-note.js';
import type { Database, Sql } from './database.js';

type Fragment = ReturnType<Sql>;
type PlanRow = Omit<StoredPlan, 'updated_at'> & { readonly updated_at: Date };

/** Plans of sites: what collectors with `plan: api` poll. */
export class PlansRepo {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  /** The plan of a site; null when none was given yet. */
  async find(siteId: number): Promise<StoredPlan | null> {
    const [row] = await this.#db.run(
      'site_plan',
      (sql) => sql<PlanRow[]>`select ${columns(sql)} from site_plans where site_id = ${siteId}::int`,
    );
    return row === undefined ? null : toPlan(row);
  }

  /** Versions of the plans of some sites; one without a plan is not among them. */
  async versions(siteIds: readonly number[]): Promise<Map<number, number>> {
    const rows = await this.#db.run(
      'site_plan_versions',
      (sql) => sql<{ site_id: number; version: number }[]>`
      select site_id, version from site_plans
      where site_id = any(array(select json_array_elements_text(${JSON.stringify(siteIds)}::text::json)::int))`,
    );
    return new Map(rows.map(({ site_id, version }) => [site_id, version]));
  }

  /** Plans of the other sites that are polled from a zone. */
  async others(
    siteId: number,
    zone: string,
  ): Promise<(Pick<StoredPlan, 'site_id' | 'ranges'> & { readonly site_name: string })[]> {
    const rows = await this.#db.run(
      'site_plans_of_zone',
      (sql) => sql<(Pick<StoredPlan, 'site_id' | 'ranges'> & { readonly site_name: string })[]>`
      select p.site_id, s.name as site_name, p.ranges from site_plans p join sites s using (site_id)
      where p.zone = ${zone}::text and p.site_id <> ${siteId}::int order by p.site_id limit 10000`,
    );
    return rows.map((row) => ({ ...row }));
  }

  /**
   * Puts a plan in the place of the one at `version` (0: there is none), writes its line of the audit log and wakes
   * collectors that wait, all of it or nothing.
   *
   * @throws AppError CONFLICT when it is at another version.
   */
  async put(siteId: number, version: number, plan: SitePlan, note: ChangeNote): Promise<StoredPlan> {
    const [row] = await this.#db.run('site_plan_put', (sql) => {
      const values = sql`${JSON.stringify(plan.ranges)}::text::jsonb, ${plan.zone}::text, ${plan.interval_s}::int,
        ${plan.port}::int, ${plan.http_port}::int, ${note.actor}::text`;
      const change =
        version === 0
          ? sql`
        insert into site_plans (site_id, version, ranges, zone, interval_s, port, http_port, updated_by)
        select ${siteId}::int, 1, ${values} on conflict do nothing returning ${columns(sql)}`
          : sql`
        update site_plans set (version, updated_at, ranges, zone, interval_s, port, http_port, updated_by)
          = (select version + 1, now(), ${values})
        where site_id = ${siteId}::int and version = ${version}::int returning ${columns(sql)}`;
      return sql<PlanRow[]>`${withNote(sql, note, { change, id: 'site_id' })}
        select changed.*, pg_notify('headframe_plans', changed.site_id::text)::text as told from changed`;
    });
    if (row !== undefined) return toPlan(row);
    throw new AppError('CONFLICT', 'The plan has changed meanwhile: read it again');
  }
}

function columns(sql: Sql): Fragment {
  return sql`site_id, version, ranges, zone, interval_s, port, http_port, updated_at, updated_by` as unknown as Fragment;
}

function toPlan(row: PlanRow): StoredPlan {
  const { site_id, version, ranges, zone, interval_s, port, http_port, updated_at, updated_by } = row;
  return {
    ...{ site_id, version, ranges, zone, interval_s, port, http_port, updated_by },
    updated_at: updated_at.toISOString(),
  };
}
