import { quirkNowS, type QuirkReport } from '../domain/quirks.js';
import type { Database } from './database.js';
import { siteIn } from './site-scope.js';

type QuirkRow = Omit<QuirkReport, 'first_seen' | 'since' | 'last_seen'> & {
  readonly first_seen: Date;
  readonly since: Date;
  readonly last_seen: Date;
};

/** Reads what damage the replies of miners show. */
export class QuirksRepo {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  /** Quirks of some sites, or of all with null; those of most miners now come first, `limit` at most. */
  async list(siteIds: readonly number[] | null, now: Date, limit = 500): Promise<QuirkReport[]> {
    const recent = new Date(now.getTime() - quirkNowS * 1_000).toISOString();
    const rows = await this.#db.run(
      'quirks',
      (sql) => sql<QuirkRow[]>`
      select q.site_id, s.name as site, q.fingerprint, q.family, q.firmware, q.command, q.damage, q.first_seen,
        q.since, q.last_seen, q.reply_count::float8 as replies, m.miners_now, m.miners, q.sample_reply
      from reply_quirks q
      join sites s using (site_id)
      cross join lateral (
        select (count(*) filter (where last_seen >= ${recent}::text::timestamptz))::int as miners_now,
          count(*)::int as miners
        from quirk_miners where quirk_id = q.quirk_id) m
      where ${siteIn(sql, 'q.site_id', siteIds)}
      order by m.miners_now desc, q.last_seen desc, q.fingerprint
      limit ${limit}::int`,
    );
    return rows.map((row) => ({
      ...row,
      first_seen: row.first_seen.toISOString(),
      since: row.since.toISOString(),
      last_seen: row.last_seen.toISOString(),
    }));
  }
}
