import type { LiveFilter, LiveOrder, LivePosition, LiveSort } from '../domain/ingest.js';
import { isOfMiners } from '../domain/live-filter.js';
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
  readonly type: 'float8' | 'inet' | 'int4' | 'text' | 'timestamptz';
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

/**
 * The columns of an order; no two miners are equal in it. Names go by address (as a number), then as text. Ties of
 * readings go by surrogate id, which stands in the live row: by name all miners would have to be joined to order some.
 */
function orderColumns({ sort, descending }: LiveOrder): readonly OrderColumn[] {
  if (sort !== 'miner_id')
    return [
      { ...expressions[sort], descending },
      { expression: 'l.miner_id', type: 'int4', descending: false },
    ];
  return [
    { expression: 'm.address', type: 'inet', descending },
    { expression: 'm.key', type: 'text', descending },
  ];
}

/** The same order over what `orderKeys` has selected. */
function keyColumns(order: LiveOrder): readonly OrderColumn[] {
  return orderColumns(order).map((column, index) => ({ ...column, expression: `k${index}` }));
}

/** Select list of what an order compares, for `'keys'`. */
export function orderKeys(sql: Sql, order: LiveOrder): Fragment {
  const columns = orderColumns(order).map(({ expression }, index) => `${expression} as k${index}`);
  return sql.unsafe(columns.join(', ')) as unknown as Fragment;
}

/** `order by`'s list; unknown values (and miners not named by an address) come last either way. */
export function orderBy(sql: Sql, order: LiveOrder, over: 'rows' | 'keys' = 'rows'): Fragment {
  const columns = (over === 'keys' ? keyColumns : orderColumns)(order).map(
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
export function isAfter(
  sql: Sql,
  order: LiveOrder,
  position: LivePosition,
  over: 'rows' | 'keys' = 'rows',
): Fragment {
  let condition = sql`false`;
  let isEqual = sql`true`;
  const columns = (over === 'keys' ? keyColumns : orderColumns)(order);
  for (const [index, { expression, type, descending }] of columns.entries()) {
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

/** `from` and `where` of a site's live rows that match, as `l`; `m` is joined where the filter or `order` looks at it. */
export function liveSource(
  sql: Sql,
  siteId: number,
  filter: LiveFilter,
  moment: ReadMoment,
  order: LiveOrder | null,
): Fragment {
  const site = sql`l.site_id = ${siteId}::int`;
  const matching = matches(sql, siteId, filter, moment);
  if (order?.sort === 'miner_id' || isOfMiners(filter))
    return sql`miner_telemetry_live l join miners m using (miner_id)
      where ${site} and ${isMiner(sql)} ${matching}` as unknown as Fragment;
  return sql`miner_telemetry_live l
    where ${site} and (l.online or l.miner_id not in
      (select miner_id from miners where site_id = ${siteId}::int and vacated_at is not null))
      ${matching}` as unknown as Fragment;
}

/** What the filter asks of a live row, and of its miner where `isOfMiners` says so. */
function matches(sql: Sql, siteId: number, filter: LiveFilter, moment: ReadMoment): Fragment {
  const { state, health, model, firmware, pool, subnet, search } = filter;
  const nothing = sql``;
  return sql`
    ${filter.onlineOnly ? sql`and l.online` : nothing}
    ${state === 'stale' ? sql`and ${isStale(sql, moment)}` : state === null ? nothing : sql`and l.state = ${state}::text`}
    ${health === null ? nothing : sql`and l.health = ${health}::text`}
    ${model === null ? nothing : sql`and lower(m.model) = (select lower(${model}::text))`}
    ${firmware === null ? nothing : sql`and lower(m.firmware) = (select lower(${firmware}::text))`}
    ${pool === null ? nothing : sql`and lower(l.pool_url) like ${containing(sql, pool)}`}
    ${subnet === null ? nothing : sql`and coalesce(m.place, m.address) <<= (select network(${subnet}::text::inet))`}
    ${search === null ? nothing : sql`and ${isFound(sql, siteId, search)}`}` as unknown as Fragment;
}

/**
 * Whether a text is in what a miner or its live row says. Of the miners the ids are looked up first, so that
 * rows which do not match are not joined to be found out; materialized, for else each parallel worker does it.
 */
function isFound(sql: Sql, siteId: number, search: string): Fragment {
  const pattern = containing(sql, search);
  return sql`(
      l.miner_id in (
        with found as materialized (
          select miner_id from miners where site_id = ${siteId}::int and search_text like ${pattern})
        select miner_id from found)
      or lower(l.worker_name) like ${pattern} or lower(l.pool_url) like ${pattern})` as unknown as Fragment;
}

/** A pattern for what holds the text literally, in lower case. `like` takes half the time of `strpos`. */
function containing(sql: Sql, text: string): Fragment {
  return sql`(select lower(${`%${text.replaceAll(/[\\%_]/g, '\\$&')}%`}::text))` as unknown as Fragment;
}
