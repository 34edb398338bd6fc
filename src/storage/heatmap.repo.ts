import type { RackPlace } from '../domain/rack-map.js';
import type { Database, Sql } from './database.js';
import { isMiner, isStale, ratioExpression, type Fragment, type ReadMoment } from './live-filter.js';

/** Miners that lie together: a /24 or a rack. °C; `ratio` is hashrate by nominal hashrate. */
export interface HeatGroup {
  readonly name: string;
  readonly miners: number;
  readonly online: number;
  readonly hashing: number;
  readonly critical: number;
  readonly hashrate_ths: number;
  readonly temperature_avg: number | null;
  readonly temperature_max: number | null;
  readonly ratio: number | null;
}

/** One miner of a group; `row` and `column` of a rack, of a network null and the address's last number. */
export interface HeatCell {
  readonly miner_id: string;
  readonly ip_address: string | null;
  readonly row: number | null;
  readonly column: number | null;
  readonly state: string;
  readonly health: string;
  readonly is_stale: boolean;
  readonly temperature_max: number | null;
  readonly hashrate_ths: number | null;
  readonly ratio: number | null;
}

export type HeatmapBy = 'subnet' | 'rack';

const maxGroups = 5_000;
const maxCells = 10_000;

/** Live readings by place, and the places. */
export class HeatmapRepo {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  /** Groups of a site's miners by name, 5,000 at most; miners without a place are in none. */
  async groups(siteId: number, by: HeatmapBy): Promise<HeatGroup[]> {
    const rows = await this.#db.run('heatmap', (sql) => {
      const group = by === 'rack' ? sql`p.rack` : sql`network(set_masklen(m.place, 24))`;
      return sql<HeatGroup[]>`
      select ${by === 'rack' ? group : sql`host(${group}) || '/24'`} as name,
        count(*)::int as miners, (count(*) filter (where l.online))::int as online,
        (count(*) filter (where l.state = 'mining'))::int as hashing,
        (count(*) filter (where l.health = 'critical'))::int as critical,
        coalesce(sum(l.hashrate_ghs) filter (where l.online), 0) / 1000 as hashrate_ths,
        avg(l.temperature_avg) filter (where l.online) as temperature_avg,
        max(l.temperature_max) filter (where l.online) as temperature_max,
        sum(l.hashrate_ghs) filter (where l.hashrate_expected_ghs > 0)
          / nullif(sum(l.hashrate_expected_ghs), 0) as ratio
      from ${source(sql, siteId, by)}
      group by ${group} order by ${group}
      limit ${maxGroups}::int`;
    });
    return rows.map((row) => ({ ...row }));
  }

  /** The miners of one group, 10,000 at most. */
  async cells(siteId: number, by: HeatmapBy, name: string, moment: ReadMoment): Promise<HeatCell[]> {
    const rows = await this.#db.run(
      'heatmap_cells',
      (sql) => sql<HeatCell[]>`
      select m.key as miner_id, m.ip as ip_address,
        ${by === 'rack' ? sql`p."row", p."column"` : sql`null::int as "row", (m.place - network(set_masklen(m.place, 24)))::int as "column"`},
        l.state, l.health, ${isStale(sql, moment)} as is_stale, l.temperature_max,
        l.hashrate_ghs / 1000 as hashrate_ths, ${sql.unsafe(ratioExpression)} as ratio
      from ${source(sql, siteId, by)}
        and ${by === 'rack' ? sql`p.rack = ${name}::text` : sql`m.place <<= (select network(${name}::text::inet))`}
      order by 3 nulls first, 4, 1 limit ${maxCells}::int`,
    );
    return rows.map((row) => ({ ...row }));
  }

  /** Puts a rack map in the place of the one before, whole. Answers how many of its miners are known. */
  async replaceRacks(siteId: number, places: readonly RackPlace[]): Promise<number> {
    const [row] = await this.#db.run(
      'replace_racks',
      (sql) => sql<{ known: number }[]>`
      with given as materialized (
        select * from json_to_recordset(${JSON.stringify(places)}::text::json)
          as g (miner text, rack text, "row" int, "column" int)
      ),
      gone as (
        delete from rack_places r where site_id = ${siteId}::int
          and not exists (select from given g where g.miner = r.miner)
      ),
      kept as (
        insert into rack_places (site_id, miner, rack, "row", "column")
        select ${siteId}::int, miner, rack, "row", "column" from given order by miner
        on conflict (site_id, miner) do update
          set rack = excluded.rack, "row" = excluded."row", "column" = excluded."column"
      )
      select count(distinct g.miner)::int as known from given g
      join miners m on m.site_id = ${siteId}::int and g.miner in (lower(m.key), m.ip, m.mac)`,
    );
    return row?.known ?? 0;
  }
}

/** `from` and `where`; a miner is looked for in the rack map by name, then address, then MAC. */
function source(sql: Sql, siteId: number, by: HeatmapBy): Fragment {
  const places =
    by === 'subnet'
      ? sql``
      : sql`
        left join rack_places k on k.site_id = ${siteId}::int and k.miner = lower(m.key)
        left join rack_places i on i.site_id = ${siteId}::int and i.miner = m.ip
        left join rack_places a on a.site_id = ${siteId}::int and a.miner = m.mac
        cross join lateral (select coalesce(k.rack, i.rack, a.rack) as rack,
          coalesce(k."row", i."row", a."row") as "row", coalesce(k."column", i."column", a."column") as "column") p`;
  return sql`miner_telemetry_live l join miners m using (miner_id) ${places}
    where l.site_id = ${siteId}::int and ${isMiner(sql)} and ${by === 'subnet' ? sql`m.place` : sql`p.rack`} is not null` as unknown as Fragment;
}
