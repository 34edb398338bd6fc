import type { AlertRule, AlertRuleInput } from '../domain/alerts.js';
import { AppError } from '../domain/errors.js';
import type { ChangeNote } from '../domain/people.js';
import { refuseUnknownSite } from './alerts.repo.js';
import { withNote } from './change-note.js';
import type { Database, Sql } from './database.js';
import { siteIn } from './site-scope.js';

type Fragment = ReturnType<Sql>;
type RuleRow = Omit<AlertRule, 'updated_at'> & { readonly updated_at: Date };

/** Rules as people read and write them; the evaluation reads the table itself. */
export class AlertRulesRepo {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  /** Those of some sites, rules for all sites among them; of every site with null. */
  async list(siteIds: readonly number[] | null): Promise<AlertRule[]> {
    const rows = await this.#db.run(
      'alert_rules',
      (sql) => sql<RuleRow[]>`
      select ${ruleColumns(sql)} from alert_rules
      where site_id is null or ${siteIn(sql, 'site_id', siteIds)}
      order by site_id nulls first, rule_id limit 20000`,
    );
    return rows.map(toRule);
  }

  /** Throws `NOT_FOUND` for a site that is none. */
  async create(input: AlertRuleInput, note: ChangeNote | null = null): Promise<AlertRule> {
    const [row] = await refuseUnknownSite(
      this.#db.run('alert_rule', (sql) => {
        const change = sql`
        insert into alert_rules (site_id, kind, severity, threshold, clear_threshold, duration_s, cooldown_s, model,
          subnet, miner, pools, enabled)
        select ${input.site_id}::int, ${input.kind}::text, ${valueColumns(sql, input)}
        returning ${ruleColumns(sql)}`;
        return sql<RuleRow[]>`${withNote(sql, note, { change, id: 'rule_id' })} select * from changed`;
      }),
    );
    if (row === undefined) throw new Error('the insert answered no row');
    return toRule(row);
  }

  /**
   * Changes a rule that is at `version`; its kind stays. Breaches that wait begin to wait anew. Null when
   * there is no such rule; throws `CONFLICT` when it is at another version.
   */
  async update(
    ruleId: number,
    version: number,
    input: AlertRuleInput,
    note: ChangeNote | null = null,
  ): Promise<AlertRule | null> {
    const [row] = await refuseUnknownSite(
      this.#db.run('alert_rule', (sql) => {
        const beside = sql`waiting as (
          delete from alert_pending where rule_id = ${ruleId}::int
            and exists (select from alert_rules where rule_id = ${ruleId}::int and version = ${version}::int)
        ),`;
        const change = sql`
        update alert_rules set (site_id, severity, threshold, clear_threshold, duration_s, cooldown_s, model, subnet,
          miner, pools, enabled, version, updated_at)
          = (select ${input.site_id}::int, ${valueColumns(sql, input)}, version + 1, now())
        where rule_id = ${ruleId}::int and version = ${version}::int and kind = ${input.kind}::text
        returning ${ruleColumns(sql)}`;
        const head = withNote(sql, note, { change, id: 'rule_id', beside });
        return sql<RuleRow[]>`${head} select * from changed`;
      }),
    );
    if (row !== undefined) return toRule(row);
    const found = await this.find(ruleId);
    if (found === null) return null;
    if (found.kind !== input.kind)
      throw new AppError('REQUEST_INVALID', 'Invalid kind: the kind of a rule stays; make another rule');
    throw new AppError('CONFLICT', `The rule is at version ${found.version}`);
  }

  /** Its alerts end with the next evaluation. False when there is no such rule. */
  async delete(ruleId: number, note: ChangeNote | null = null): Promise<boolean> {
    const rows = await this.#db.run('alert_rule', (sql) => {
      const change = sql`delete from alert_rules where rule_id = ${ruleId}::int returning rule_id`;
      return sql`${withNote(sql, note, { change, id: 'rule_id' })} select 1 from changed`;
    });
    return rows.length > 0;
  }

  async find(ruleId: number): Promise<AlertRule | null> {
    const [row] = await this.#db.run(
      'alert_rule',
      (sql) => sql<RuleRow[]>`select ${ruleColumns(sql)} from alert_rules where rule_id = ${ruleId}::int`,
    );
    return row === undefined ? null : toRule(row);
  }
}

function ruleColumns(sql: Sql): Fragment {
  return sql`rule_id, site_id, kind, severity, threshold, clear_threshold, duration_s, cooldown_s, model, subnet::text,
    miner, to_json(pools) as pools, enabled, version, updated_at` as unknown as Fragment;
}

/** From `severity` to `enabled`. */
function valueColumns(sql: Sql, input: AlertRuleInput): Fragment {
  return sql`${input.severity}::text, ${input.threshold}::float8, ${input.clear_threshold}::float8,
    ${input.duration_s}::int, ${input.cooldown_s}::int, ${input.model}::text, ${input.subnet}::text::cidr,
    ${input.miner}::text, array(select json_array_elements_text(${JSON.stringify(input.pools)}::text::json)),
    ${String(input.enabled)}::text::boolean` as unknown as Fragment;
}

function toRule(row: RuleRow): AlertRule {
  return { ...row, updated_at: row.updated_at.toISOString() };
}
