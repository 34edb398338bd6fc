import type { SiteSummary } from '../domain/ingest.js';
import type { Database } from './database.js';
import type { ReadMoment } from './live.repo.js';
import { siteIn } from './site-scope.js';
import { readQuery } from './sql-files.js';

export interface Site {
  readonly site_id: number;
  readonly site_name: string;
}

/** Totals over all sites, in the contract's words. */
export interface FleetStats {
  readonly total_sites: number;
  /** Keys used within the last ten minutes. */
  readonly active_collectors: number;
  readonly total_miners: number;
  readonly total_online: number;
  readonly active_alerts: number;
  readonly sites: Readonly<Record<string, SiteStats>>;
}

export interface SiteStats {
  readonly site_name: string;
  readonly total_miners: number;
  readonly online_miners: number;
  readonly last_upload: string | null;
}

/** How much of what is known of a site is of its last two slots. */
export interface SiteFreshness {
  readonly site_id: number;
  /** Seconds between slots. */
  readonly interval_s: number;
  /** Since the last upload, s; null without any, or without a key. */
  readonly upload_age_s: number | null;
  /** Miners. */
  readonly known: number;
  /** Of those, with a sample in the last two slots. */
  readonly fresh: number;
  /** Miners that answered when last asked. */
  readonly online: number;
  readonly online_fresh: number;
}

type SummaryRow = Omit<SiteSummary, 'last_upload' | 'online_rate' | 'lag_seconds'> & {
  readonly last_upload: Date | null;
  readonly newest: Date | null;
};

/** Sites and their totals. */
export class SiteRepo {
  readonly #db: Database;
  readonly #summary: string;
  readonly #freshness: string;

  constructor(db: Database, options: { sqlDir?: string } = {}) {
    this.#db = db;
    this.#summary = readQuery('site_summary', options.sqlDir);
    this.#freshness = readQuery('site_freshness', options.sqlDir);
  }

  /** The id of the site of this name, made when it is new. */
  async ensureSite(name: string): Promise<number> {
    const find = (): Promise<{ site_id: number }[]> =>
      this.#db.run(
        'site',
        (sql) => sql<{ site_id: number }[]>`select site_id from sites where name = ${name}::text`,
      );
    let [site] = await find();
    if (site === undefined) {
      await this.#db.run(
        'site',
        (sql) => sql`insert into sites (name) values (${name}::text) on conflict do nothing`,
      );
      [site] = await find();
    }
    if (site === undefined) throw new Error('a site that was just made is gone');
    return site.site_id;
  }

  /** Sites by name: those of a list, or all. */
  async sites(siteIds: readonly number[] | null = null): Promise<Site[]> {
    const rows = await this.#db.run(
      'sites',
      (sql) => sql<Site[]>`
      select site_id, name as site_name from sites where ${siteIn(sql, 'site_id', siteIds)} order by name`,
    );
    return rows.map((row) => ({ ...row }));
  }

  /**
   * Counts and sums of one site; null when there is no such site. Stale miners count as online, but
   * their old readings are in no sum.
   */
  async summary(siteId: number, moment: ReadMoment): Promise<SiteSummary | null> {
    const oldest = new Date(moment.now.getTime() - moment.staleAfterS * 1_000).toISOString();
    const [row] = await this.#db.run('summary', (sql) =>
      sql.unsafe<SummaryRow[]>(this.#summary, [siteId, oldest], { prepare: true }),
    );
    if (row === undefined) return null;
    const { newest, ...rest } = row;
    return {
      ...rest,
      online_rate: row.total_miners === 0 ? 0 : (100 * row.online_miners) / row.total_miners,
      last_upload: row.last_upload?.toISOString() ?? null,
      lag_seconds: newest === null ? null : Math.max(0, (moment.now.getTime() - newest.getTime()) / 1_000),
    };
  }

  /** How fresh what is known of each site is; `intervalS` is of sites that told none. */
  async freshness(now: Date, intervalS: number): Promise<SiteFreshness[]> {
    const rows = await this.#db.run('freshness', (sql) =>
      sql.unsafe<SiteFreshness[]>(this.#freshness, [now.toISOString(), String(intervalS)], { prepare: true }),
    );
    return rows.map((row) => ({ ...row }));
  }

  /** Totals over the sites of a list, or all. */
  async stats(now: Date, siteIds: readonly number[] | null = null): Promise<FleetStats> {
    const recent = new Date(now.getTime() - 600_000).toISOString();
    const [[keys], rows] = await Promise.all([
      this.#db.run(
        'stats',
        (sql) => sql<{ active: number; alerts: number }[]>`
        select count(*)::int as active,
          (select count(*)::int from alerts where resolved_at is null and ${siteIn(sql, 'site_id', siteIds)}) as alerts
        from collector_keys
        where revoked_at is null and last_used_at >= ${recent}::text::timestamptz and ${siteIn(sql, 'site_id', siteIds)}`,
      ),
      this.#db.run(
        'stats',
        (sql) => sql<(Site & { total: number; online: number; last_upload: Date | null })[]>`
        select s.site_id, s.name as site_name, coalesce(c.total, 0) as total, coalesce(c.online, 0) as online,
          (select max(received_at) from collector_upload_logs u where u.site_id = s.site_id) as last_upload
        from sites s
        left join (
          select l.site_id, count(*)::int as total, (count(*) filter (where l.online))::int as online
          from miner_telemetry_live l
          where l.online or l.miner_id not in (select miner_id from miners where vacated_at is not null)
          group by l.site_id) c using (site_id)
        where ${siteIn(sql, 's.site_id', siteIds)}
        order by s.site_id`,
      ),
    ]);
    const sites = rows.map(({ site_id, site_name, total, online, last_upload }) => [
      String(site_id),
      {
        site_name,
        total_miners: total,
        online_miners: online,
        last_upload: last_upload?.toISOString() ?? null,
      },
    ]);
    return {
      total_sites: rows.length,
      active_collectors: keys?.active ?? 0,
      total_miners: rows.reduce((sum, row) => sum + row.total, 0),
      total_online: rows.reduce((sum, row) => sum + row.online, 0),
      active_alerts: keys?.alerts ?? 0,
      sites: Object.fromEntries(sites) as Record<string, SiteStats>,
    };
  }
}
