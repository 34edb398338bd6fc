import type { LiveMiner, LivePage, LiveQuery, LiveSort, MinerDetail } from '../domain/ingest.js';
import type { Database, Sql } from './database.js';

/** When reads happen, and how old an online miner's last sample may be before it is stale, s. */
export interface ReadMoment {
  readonly now: Date;
  readonly staleAfterS: number;
}

export interface TopMiners {
  /** Highest temperature first. */
  readonly hottest: readonly LiveMiner[];
  /** Lowest share of the nominal hashrate first. */
  readonly worst: readonly LiveMiner[];
}

/** Columns of a live row beside the contract's; `time` is a `Date`. */
type LiveRow = Omit<LiveMiner, 'last_seen' | 'fan_speeds'> & {
  readonly last_seen: Date;
  readonly fan_speeds: readonly (number | null)[] | null;
};

type DetailRow = LiveRow &
  Omit<MinerDetail, keyof LiveMiner | 'temperature_chips' | 'boards' | 'raw_time'> & {
    readonly temperature_chips: readonly number[] | null;
    readonly boards: MinerDetail['boards'] | null;
    readonly raw_time: Date | null;
  };

/** Sort orders; unknown values (and miners not named by an address) come last either way, ties by miner. Trusted text: it goes into the query. */
const orders: Readonly<Record<LiveSort, string>> = {
  miner_id: 'm.address',
  hashrate: 'l.hashrate_ghs',
  temperature: 'l.temperature_max',
  rejected: 'l.rejected_shares',
  last_seen: 'coalesce(l.last_online_at, l.time)',
  ratio: 'l.hashrate_ghs / nullif(l.hashrate_expected_ghs, 0)',
  state: 'l.state',
};

/** Reads the newest sample of each miner. A site or miner that does not exist is null. */
export class LiveRepo {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  /** One page of a site's miners, `query.perPage` at most. `state` may also be `stale`. */
  async livePage(siteId: number, query: LiveQuery, moment: ReadMoment): Promise<LivePage | null> {
    const counted = await this.#db.run(
      'live_count',
      (sql) => sql<{ total: number }[]>`
      select (select count(*) from miners m join miner_telemetry_live l using (miner_id)
        where ${filter(sql, siteId, query, moment)})::int as total
      from sites where site_id = ${siteId}::int`,
    );
    const total = counted[0]?.total;
    if (total === undefined) return null;
    const offset = (query.page - 1) * query.perPage;
    const rows = await this.#db.run(
      'live_page',
      (sql) => sql<LiveRow[]>`
      select ${liveColumns(sql, moment)}
      from miners m join miner_telemetry_live l using (miner_id)
      where ${filter(sql, siteId, query, moment)}
      order by ${sql.unsafe(`${orders[query.sort]} ${query.descending ? 'desc' : 'asc'} nulls last`)}, ${sql.unsafe(query.sort === 'miner_id' && query.descending ? 'm.key desc' : 'm.address, m.key')}
      limit ${query.perPage}::int offset ${offset}::int8`,
    );
    return {
      miners: rows.map(toLiveMiner),
      pagination: {
        page: query.page,
        per_page: query.perPage,
        total,
        pages: Math.ceil(total / query.perPage),
      },
    };
  }

  /** One miner in full, with its last raw replies. */
  async minerDetail(siteId: number, key: string, moment: ReadMoment): Promise<MinerDetail | null> {
    const [row] = await this.#db.run(
      'miner_detail',
      (sql) => sql<DetailRow[]>`
      select ${liveColumns(sql, moment)}, m.site_id, m.mac, m.family, l.reported_health,
        l.hardware_errors::float8, l.frequency_avg, l.efficiency, l.pool_latency_ms, l.temperature_min,
        to_json(l.temperature_chips) as temperature_chips, l.boards, l.details, r.raw, r.raw_time
      from miners m join miner_telemetry_live l using (miner_id)
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
        select ${liveColumns(sql, moment)}
        from miners m join miner_telemetry_live l using (miner_id)
        where m.site_id = ${siteId}::int and l.online and not ${isStale(sql, moment)} and ${sql.unsafe(condition)}
        order by ${sql.unsafe(order)}, m.key
        limit ${limit}::int`,
      );
    const [hottest, worst, sites] = await Promise.all([
      pick('top_hottest', 'l.temperature_max desc', 'l.temperature_max is not null'),
      pick('top_worst', `${orders.ratio} asc`, 'l.hashrate_expected_ghs > 0 and l.hashrate_ghs is not null'),
      this.#db.run('site', (sql) => sql`select from sites where site_id = ${siteId}::int`),
    ]);
    return sites.length === 0 ? null : { hottest: hottest.map(toLiveMiner), worst: worst.map(toLiveMiner) };
  }
}

type Fragment = ReturnType<Sql>;

function isStale(sql: Sql, { now, staleAfterS }: ReadMoment): Fragment {
  const oldest = new Date(now.getTime() - staleAfterS * 1_000).toISOString();
  return sql`(l.online and l.time < ${oldest}::text::timestamptz)` as unknown as Fragment;
}

/** An address that its miner has left is polled on for a while; it is no miner unless something answers there. */
function isMiner(sql: Sql): Fragment {
  return sql`(m.vacated_at is null or l.online)` as unknown as Fragment;
}

function filter(sql: Sql, siteId: number, query: LiveQuery, moment: ReadMoment): Fragment {
  const { state, search } = query;
  return sql`m.site_id = ${siteId}::int and ${isMiner(sql)}
    ${query.onlineOnly ? sql`and l.online` : sql``}
    ${state === 'stale' ? sql`and ${isStale(sql, moment)}` : state === null ? sql`` : sql`and l.state = ${state}::text`}
    ${
      search === null
        ? sql``
        : sql`and strpos(lower(concat_ws(' ', m.key, m.ip, m.mac, m.model, m.firmware, l.worker_name, l.pool_url)),
            lower(${search}::text)) > 0`
    }` as unknown as Fragment;
}

function liveColumns(sql: Sql, moment: ReadMoment): Fragment {
  return sql`m.key as miner_id, m.ip as ip_address, l.online, l.state, l.health, ${isStale(sql, moment)} as is_stale,
    coalesce(l.last_online_at, l.time) as last_seen, l.hashrate_ghs / 1000 as hashrate_ths,
    l.hashrate_5s_ghs / 1000 as hashrate_5s_ths, l.hashrate_expected_ghs / 1000 as hashrate_expected_ths,
    l.temperature_avg, l.temperature_max, to_json(l.fan_speeds) as fan_speeds,
    l.accepted_shares::float8, l.rejected_shares::float8, l.uptime_seconds / 3600.0::float8 as uptime_hours,
    l.power_w, l.pool_url, l.worker_name, m.model, m.firmware, l.boards_total, l.boards_healthy, l.error_class,
    l.error_message, l.latency_ms` as unknown as Fragment;
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
