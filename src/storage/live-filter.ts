import type { LiveFilter, LiveOrder, LivePosition, LiveSort } from '../domain/ingest.js';
import type { Sql } from './database.js';

/** When reads happen, and how old an online miner's last sample may be before it is stale, s. */
export interface ReadMoment {
  readonly now: Date;
  readonly staleAfterS: number;
}

/** Part of a query, over `m` (miners) and `l` (miner_telemetry_live). */
export type Fragment = ReturnType<Sql>;

interface OrderColumn {
  /** Trusted text: it goes into the query. */
  readonly expression: string;
  readonly type: 'float8' | 'inet' | 'text' | 'timestamptz';
  readonly descending: boolean;
}

type Expression = Pick<OrderColumn, 'expression' | 'type'>;

const expressions: Readonly<Record<Exclude<LiveSort, 'miner_id'>, Expression>> = {
  hashrate: { expression: 'l.hashrate_ghs', type: 'float8' },
  temperature: { expression: 'l.temperature_max::float8', type: 'float8' },
  rejected: { expression: 'l.rejected_shares::float8', type: 'float8' },
  last_seen: { expression: 'coalesce(l.last_online_at, l.time)', type: 'timestamptz' },
  ratio: { expression: 'l.hashrate_ghs / nullif(l.hashrate_expected_ghs, 0)', type: 'float8' },
  state: { expression: 'l.state', type: 'text' },
};

/** Share of the nominal hashrate. */
export const ratioExpression = expressions.ratio.expression;

/** The columns of an order. Ties go by address (as a number), then by name, so that no two miners are equal. */
function orderColumns({ sort, descending }: LiveOrder): readonly OrderColumn[] {
  const name = (down: boolean): OrderColumn[] => [
    { expression: 'm.address', type: 'inet', descending: down },
    { expression: 'm.key', type: 'text', descending: down },
  ];
  return sort === 'miner_id' ? name(descending) : [{ ...expressions[sort], descending }, ...name(false)];
}

/** `order by`'s list; unknown values (and miners not named by an address) come last either way. */
export function orderBy(sql: Sql, order: LiveOrder): Fragment {
  const columns = orderColumns(order).map(
    ({ expression, descending }) => `${expression} ${descending ? 'desc' : 'asc'} nulls last`,
  );
  return sql.unsafe(columns.join(', ')) as unknown as Fragment;
}

/** The position of a row in an order, as a JSON array of texts. */
export function positionOf(sql: Sql, order: LiveOrder): Fragment {
  const texts = orderColumns(order).map(({ expression }) => `(${expression})::text`);
  return sql.unsafe(`json_build_array(${texts.join(', ')})`) as unknown as Fragment;
}

/** Rows after a position of the order. */
export function isAfter(sql: Sql, order: LiveOrder, position: LivePosition): Fragment {
  let condition = sql`false`;
  let isEqual = sql`true`;
  for (const [index, { expression, type, descending }] of orderColumns(order).entries()) {
    const value = position[index] ?? null;
    const column = sql.unsafe(`(${expression})`);
    const cast = sql.unsafe(type);
    // Evaluated once, not per row.
    const bound = sql`(select ${value}::text::${cast})`;
    if (value !== null) {
      const beyond = descending ? sql`${column} < ${bound}` : sql`${column} > ${bound}`;
      condition = sql`${condition} or (${isEqual} and (${beyond} or ${column} is null))`;
    }
    isEqual =
      value === null ? sql`${isEqual} and ${column} is null` : sql`${isEqual} and ${column} = ${bound}`;
  }
  return sql`(${condition})` as unknown as Fragment;
}

/** An online miner whose last sample is old. */
export function isStale(sql: Sql, { now, staleAfterS }: ReadMoment): Fragment {
  const oldest = new Date(now.getTime() - staleAfterS * 1_000).toISOString();
  return sql`(l.online and l.time < (select ${oldest}::text::timestamptz))` as unknown as Fragment;
}

/** An address that its miner has left is polled on for a while; it is no miner unless something answers there. */
export function isMiner(sql: Sql): Fragment {
  return sql`(m.vacated_at is null or l.online)` as unknown as Fragment;
}

/** Whether a filter looks at columns of `miners`; without them counting needs the live rows alone. */
export function needsMiners(filter: LiveFilter): boolean {
  const { model, firmware, subnet } = filter;
  return model !== null || firmware !== null || subnet !== null;
}

/** Live rows of a site that are miners, without looking at `m`. */
export function isSiteMiner(sql: Sql, siteId: number): Fragment {
  return sql`l.site_id = ${siteId}::int and (l.online or l.miner_id not in
    (select miner_id from miners where site_id = ${siteId}::int and vacated_at is not null))` as unknown as Fragment;
}

/** What the filter asks of a live row, and of its miner where `needsMiners` says so. */
export function matches(sql: Sql, siteId: number, filter: LiveFilter, moment: ReadMoment): Fragment {
  const { state, health, model, firmware, pool, subnet, search } = filter;
  const nothing = sql``;
  return sql`
    ${filter.onlineOnly ? sql`and l.online` : nothing}
    ${state === 'stale' ? sql`and ${isStale(sql, moment)}` : state === null ? nothing : sql`and l.state = ${state}::text`}
    ${health === null ? nothing : sql`and l.health = ${health}::text`}
    ${model === null ? nothing : sql`and lower(m.model) = (select lower(${model}::text))`}
    ${firmware === null ? nothing : sql`and lower(m.firmware) = (select lower(${firmware}::text))`}
    ${pool === null ? nothing : sql`and strpos(lower(l.pool_url), (select lower(${pool}::text))) > 0`}
    ${subnet === null ? nothing : sql`and coalesce(m.place, m.address) <<= (select network(${subnet}::text::inet))`}
    ${search === null ? nothing : sql`and ${isFound(sql, siteId, search)}`}` as unknown as Fragment;
}

/**
 * Whether a text is in what a miner or its live row says. Of the miners the ids are looked up first, so that
 * rows which do not match are not joined to be found out; materialized, for else each parallel worker does it.
 */
function isFound(sql: Sql, siteId: number, search: string): Fragment {
  const text = sql`(select lower(${search}::text))`;
  return sql`(
      l.miner_id in (
        with found as materialized (
          select miner_id from miners where site_id = ${siteId}::int and strpos(search_text, ${text}) > 0)
        select miner_id from found)
      or strpos(lower(l.worker_name), ${text}) > 0 or strpos(lower(l.pool_url), ${text}) > 0)` as unknown as Fragment;
}
