import { AppError } from '../domain/errors.js';
import { isCountedByPage } from '../domain/live-filter.js';
import type {
  LiveChange,
  LiveChanges,
  LiveFilter,
  LiveMiner,
  LiveOrder,
  LivePosition,
  LiveQuery,
  LiveRows,
  MinerDetail,
  TopMiners,
} from '../domain/ingest.js';
import { classifyFailure } from './database-error.js';
import type { Database, Sql } from './database.js';
import {
  isAfter,
  isMiner,
  isStale,
  liveSource,
  orderBy,
  orderKeys,
  positionOf,
  ratioExpression,
  type Fragment,
  type ReadMoment,
} from './live-filter.js';

export type { ReadMoment } from './live-filter.js';

/** Columns of a live row beside the contract's; `time` is a `Date`. */
type LiveRow = Omit<LiveMiner, 'last_seen' | 'fan_speeds'> & {
  readonly last_seen: Date;
  readonly fan_speeds: readonly (number | null)[] | null;
};

/** Of a page that counts and has no miner, all but the total is null. */
type PageRow = (LiveRow | { readonly [column in keyof LiveRow]: null }) & {
  readonly position: LivePosition;
  readonly total?: number;
};

type DetailRow = LiveRow &
  Omit<MinerDetail, keyof LiveMiner | 'temperature_chips' | 'boards' | 'raw_time'> & {
    readonly temperature_chips: readonly number[] | null;
    readonly boards: MinerDetail['boards'] | null;
    readonly raw_time: Date | null;
  };

/** Reads the newest sample of each miner. A site or miner that does not exist is null. */
export class LiveRepo {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  /** Miners of a site that match; null for an unknown site. */
  async count(siteId: number, filter: LiveFilter, moment: ReadMoment): Promise<number | null> {
    const counted = await this.#db.run(
      'live_count',
      (sql) => sql<{ total: number }[]>`
      select (select count(*) from ${liveSource(sql, siteId, filter, moment, null)})::int as total
      from sites where site_id = ${siteId}::int`,
    );
    return counted[0]?.total ?? null;
  }

  /** One page of a site's miners, `query.perPage` at most; an unknown site has none. Throws `REQUEST_INVALID` for a position that is no such order's. */
  async page(siteId: number, query: LiveQuery, moment: ReadMoment): Promise<LiveRows> {
    const { perPage, after } = query;
    const rows = await this.#db
      .run('live_page', (sql) => sql<PageRow[]>`${pageQuery(sql, siteId, query, moment)}`)
      .catch((error: unknown) => {
        if (after === null || classifyFailure(error) !== 'data') throw error;
        throw new AppError('REQUEST_INVALID', 'Invalid cursor: it is not of this order', { cause: error });
      });
    const found = rows.filter((row): row is LiveRow & PageRow => row.miner_id !== null);
    const shown = found.slice(0, perPage);
    return {
      miners: shown.map(toLiveMiner),
      next: found.length > perPage ? (shown.at(-1)?.position ?? null) : null,
      ...(isCountedByPage(query) ? { total: rows[0]?.total ?? null } : {}),
    };
  }

  /** Surrogate ids of every miner that matches, in order: what a reader of them all follows. */
  async ids(siteId: number, query: LiveFilter & LiveOrder, moment: ReadMoment): Promise<Int32Array> {
    const [row] = await this.#db.run(
      'live_ids',
      (sql) => sql<{ ids: string | null }[]>`
      select string_agg(l.miner_id::text, ',' order by ${orderBy(sql, query)}) as ids
      from ${liveSource(sql, siteId, query, moment, query)}`,
    );
    return row?.ids == null ? new Int32Array() : Int32Array.from(row.ids.split(','), Number);
  }

  /** Miners by their surrogate ids, in that order; those that are gone are left out. */
  async byIds(ids: Int32Array, moment: ReadMoment): Promise<LiveMiner[]> {
    const rows = await this.#db.run(
      'live_by_ids',
      (sql) => sql<LiveRow[]>`
      select ${liveColumns(sql, moment)}
      from unnest(${`{${ids.join(',')}}`}::text::int[]) with ordinality as wanted (miner_id, n)
      ${ofMiner(sql)}
      order by wanted.n`,
    );
    return rows.map(toLiveMiner);
  }

  /** Miners whose state or health became another after `sinceMs` of the database's clock. */
  async changes(siteId: number, sinceMs: number, limit: number): Promise<LiveChanges> {
    const since = new Date(sinceMs).toISOString();
    const [row] = await this.#db.run(
      'live_changes',
      (sql) => sql<{ at: Date; marks: string | null; changes: Omit<LiveChange, 'changed_at'>[] | null }[]>`
      with found as materialized (
        select l.miner_id as id, m.key as miner_id, m.ip as ip_address, l.online, l.state, l.health,
          (extract(epoch from l.changed_at) * 1000000)::int8 as changed_us,
          row_number() over (order by l.changed_at desc, m.key) as n
        from miner_telemetry_live l join miners m using (miner_id)
        where l.site_id = ${siteId}::int and l.changed_at >= (select ${since}::text::timestamptz) and ${isMiner(sql)}
      )
      select statement_timestamp() as at,
        (select string_agg(id || '@' || changed_us, ',' order by n) from found) as marks,
        (select json_agg(json_build_object('miner_id', miner_id, 'ip_address', ip_address, 'online', online,
          'state', state, 'health', health) order by n) from found where n <= ${limit}::int) as changes`,
    );
    const marks = row?.marks?.split(',') ?? [];
    const changes = (row?.changes ?? []).map((change, n): LiveChange => ({
      ...change,
      changed_at: new Date(Number(marks[n]?.split('@')[1]) / 1_000).toISOString(),
    }));
    return { changes, marks, atMs: row?.at.getTime() ?? sinceMs };
  }

  /** One miner in full, with its last raw replies. */
  async minerDetail(siteId: number, key: string, moment: ReadMoment): Promise<MinerDetail | null> {
    const [row] = await this.#db.run(
      'miner_detail',
      (sql) => sql<DetailRow[]>`
      select ${liveColumns(sql, moment)}, m.site_id, m.mac, m.family, d.reported_health,
        l.hardware_errors::float8, l.frequency_avg, l.efficiency, l.pool_latency_ms, l.temperature_min,
        to_json(d.temperature_chips) as temperature_chips, d.boards, d.details, r.raw, r.raw_time
      from miners m join miner_telemetry_live l using (miner_id) left join miner_live_details d using (miner_id)
      cross join lateral (
        select json_object_agg(command, body) as raw, max(time) as raw_time
        from miner_raw_replies where miner_id = m.miner_id) r
      where m.site_id = ${siteId}::int and m.key = ${key}::text and ${isMiner(sql)}`,
    );
    if (row === undefined) return null;
    return {
      ...row,
      ...toLiveMiner(row),
      temperature_chips: row.temperature_chips ?? [],
      boards: row.boards ?? [],
      raw_time: row.raw_time?.toISOString() ?? null,
    };
  }

  /** The hottest and the weakest miners with a fresh sample, at most `limit` each. */
  async top(siteId: number, moment: ReadMoment, limit = 10): Promise<TopMiners | null> {
    const pick = (name: string, order: string, condition: string): Promise<LiveRow[]> =>
      this.#db.run(
        name,
        (sql) => sql<LiveRow[]>`
        with picked as materialized (
          select l.miner_id from miner_telemetry_live l
          where l.site_id = ${siteId}::int and l.online and not ${isStale(sql, moment)} and ${sql.unsafe(condition)}
          order by ${sql.unsafe(order)}, l.miner_id
          limit ${limit}::int
        )
        select ${liveColumns(sql, moment)}
        from picked ${ofMiner(sql)}
        order by ${sql.unsafe(order)}, m.key`,
      );
    const [hottest, worst, rejects, sites] = await Promise.all([
      pick('top_hottest', 'l.temperature_max desc', 'l.temperature_max is not null'),
      pick(
        'top_worst',
        `${ratioExpression} asc`,
        'l.hashrate_expected_ghs > 0 and l.hashrate_ghs is not null',
      ),
      // A few shares say nothing about a miner.
      pick(
        'top_rejects',
        'l.rejected_shares::float8 / (l.accepted_shares + l.rejected_shares) desc',
        `l.rejected_shares > 0 and l.accepted_shares + l.rejected_shares >= ${minShares}`,
      ),
      this.#db.run('site', (sql) => sql`select from sites where site_id = ${siteId}::int`),
    ]);
    if (sites.length === 0) return null;
    return {
      hottest: hottest.map(toLiveMiner),
      worst: worst.map(toLiveMiner),
      most_rejects: rejects.map(toLiveMiner),
    };
  }
}

/** Shares below which a miner is not judged by its rejects. */
const minShares = 100;

/**
 * One page, and one row more when there are others after it. All that match are sorted by what the order needs; the
 * wide columns are read of those picked alone. Where the page counts, it has a row for a known site at least.
 */
function pageQuery(sql: Sql, siteId: number, query: LiveQuery, moment: ReadMoment): Fragment {
  const { perPage, after } = query;
  const offset = after === null ? (query.page - 1) * perPage : 0;
  const limit = sql`limit ${perPage + 1}::int offset ${offset}::int8`;
  const source = liveSource(sql, siteId, query, moment, query);
  const columns = sql`${liveColumns(sql, moment)}, ${positionOf(sql, query)} as position`;
  const joined = ofMiner(sql);
  if (!isCountedByPage(query))
    return sql`
      with picked as materialized (
        select l.miner_id from ${source} ${after === null ? sql`` : sql`and ${isAfter(sql, query, after)}`}
        order by ${orderBy(sql, query)} ${limit}
      )
      select ${columns} from picked ${joined} order by ${orderBy(sql, query)}` as unknown as Fragment;
  return sql`
      with matching as materialized (
        select l.miner_id, ${orderKeys(sql, query)} from ${source}
      ),
      picked as materialized (
        select * from matching ${after === null ? sql`` : sql`where ${isAfter(sql, query, after, 'keys')}`}
        order by ${orderBy(sql, query, 'keys')} ${limit}
      )
      select t.total, c.* from (
        select (select count(*) from matching)::int as total from sites where site_id = ${siteId}::int) t
      left join (select picked.k0, picked.k1, ${columns} from picked ${joined}) c on true
      order by ${orderBy(sql, query, 'keys')}` as unknown as Fragment;
}

/** What `liveColumns` reads, of miners picked by their surrogate ids. */
function ofMiner(sql: Sql): Fragment {
  return sql`join miners m using (miner_id) join miner_telemetry_live l using (miner_id)
    left join miner_live_details d using (miner_id)` as unknown as Fragment;
}

function liveColumns(sql: Sql, moment: ReadMoment): Fragment {
  return sql`m.key as miner_id, m.ip as ip_address, l.online, l.state, l.health, ${isStale(sql, moment)} as is_stale,
    coalesce(l.last_online_at, l.time) as last_seen, l.hashrate_ghs / 1000 as hashrate_ths,
    l.hashrate_5s_ghs / 1000 as hashrate_5s_ths, l.hashrate_expected_ghs / 1000 as hashrate_expected_ths,
    l.temperature_avg, l.temperature_max, to_json(d.fan_speeds) as fan_speeds,
    l.accepted_shares::float8, l.rejected_shares::float8, l.uptime_seconds / 3600.0::float8 as uptime_hours,
    l.power_w, l.pool_url, l.worker_name, m.model, m.firmware, l.boards_total, l.boards_healthy, l.error_class,
    d.error_message, l.latency_ms` as unknown as Fragment;
}

function toLiveMiner(row: LiveRow): LiveMiner {
  return {
    miner_id: row.miner_id,
    ip_address: row.ip_address,
    online: row.online,
    state: row.state,
    health: row.health,
    is_stale: row.is_stale,
    last_seen: row.last_seen.toISOString(),
    hashrate_ths: row.hashrate_ths,
    hashrate_5s_ths: row.hashrate_5s_ths,
    hashrate_expected_ths: row.hashrate_expected_ths,
    temperature_avg: row.temperature_avg,
    temperature_max: row.temperature_max,
    fan_speeds: row.fan_speeds ?? [],
    accepted_shares: row.accepted_shares,
    rejected_shares: row.rejected_shares,
    uptime_hours: row.uptime_hours,
    power_w: row.power_w,
    pool_url: row.pool_url,
    worker_name: row.worker_name,
    model: row.model,
    firmware: row.firmware,
    boards_total: row.boards_total,
    boards_healthy: row.boards_healthy,
    error_class: row.error_class,
    error_message: row.error_message,
    latency_ms: row.latency_ms,
  };
}
