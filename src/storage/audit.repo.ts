import type { AuditEntry, AuditQuery, AuditRow } from '../domain/people.js';
import type { Database } from './database.js';
import { siteIn } from './site-scope.js';

/** The audit log: lines are added and read; the database refuses everything else. */
export class AuditRepo {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  async append(entry: AuditEntry): Promise<void> {
    const json = (value: object | null): string | null => (value === null ? null : JSON.stringify(value));
    await this.#db.run(
      'audit_append',
      (sql) => sql`
      insert into audit_log (actor_kind, actor, user_id, action, target, site_id, address, request_id, before, after)
      values (${entry.actor_kind}::text, ${entry.actor}::text, ${entry.user_id}::int, ${entry.action}::text,
        ${entry.target}::text, ${entry.site_id}::int, ${entry.address}::text, ${entry.request_id}::text,
        ${json(entry.before)}::text::json, ${json(entry.after)}::text::json)`,
    );
  }

  /** The newest first. */
  async page(query: AuditQuery): Promise<AuditRow[]> {
    const iso = (ms: number | null): string | null => (ms === null ? null : new Date(ms).toISOString());
    const rows = await this.#db.run(
      'audit_page',
      (sql) => sql<(Omit<AuditRow, 'time'> & { readonly time: Date })[]>`
      select audit_id::text, time, actor_kind, actor, user_id, action, target, site_id, address, request_id, before,
        after
      from audit_log
      where ${siteIn(sql, 'site_id', query.siteIds)}
        and (${query.actor}::text is null or actor = ${query.actor}::text)
        and (${query.action}::text is null or starts_with(action, ${query.action}::text))
        and (${iso(query.fromMs)}::text is null or time >= ${iso(query.fromMs)}::text::timestamptz)
        and (${iso(query.toMs)}::text is null or time < ${iso(query.toMs)}::text::timestamptz)
        and (${query.before}::text is null or audit_id < ${query.before}::text::int8)
      order by audit_log.audit_id desc limit ${query.limit}::int`,
    );
    return rows.map((row) => ({ ...row, time: row.time.toISOString() }));
  }
}
