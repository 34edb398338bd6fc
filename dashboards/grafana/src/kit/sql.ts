// Parts of SQL. The variable `site` holds numbers of sites; compared as text, so that none at all is no error.

/** Numbers of the sites chosen. */
export const chosenSites = 'select site_id from sites where site_id::text in (${site:sqlstring})';

/** Number of the one site chosen. */
export const chosenSite = '(select site_id from sites where site_id::text = ${site:sqlstring})';

/** Number of the one miner chosen. */
export const chosenMiner = `(select miner_id from miners where site_id = ${chosenSite} and key = \${miner:sqlstring})`;

/**
 * Live rows of the sites chosen as `fleet`, each with `is_fresh`: online, and its sample at most three intervals of its
 * site old, as the page has it. An address that its miner has left is no miner unless something answers there. Materialized:
 * else the interval of a site is looked up for each miner, and again for each sum.
 */
export const fleet = `paces as materialized (
  select s.site_id, s.name, coalesce((select i.interval_s from site_intervals i where i.site_id = s.site_id
    order by i.since desc limit 1), 60) as interval_s
  from sites s where s.site_id in (${chosenSites})
),
fleet as (
  select l.miner_id, l.site_id, p.name as site, l.online, l.state, l.health, l.error_class, l.last_online_at, l.hashrate_ghs,
    l.hashrate_expected_ghs, l.temperature_max, l.temperature_avg, l.power_w, l.pool_url, l.worker_name,
    l.accepted_shares, l.rejected_shares, l.pool_latency_ms,
    l.online and l.time >= now() - 3 * p.interval_s * interval '1 second' as is_fresh
  from paces p join miner_telemetry_live l using (site_id)
  where l.online or l.miner_id not in (select miner_id from miners where vacated_at is not null)
)`;

/** The same with what each miner is, as `named`. */
export const named = `${fleet},
named as (
  select f.*, m.key, m.model, m.firmware from fleet f join miners m using (miner_id)
)`;

/** The same with the pool of each as `pooled`: addresses are read once each, for there are few. */
export const pooled = `${fleet},
pools as materialized (
  select pool_url, ${poolOf('pool_url')} as pool from (select distinct pool_url from fleet) u
),
pooled as (
  select f.*, p.pool from fleet f left join pools p on p.pool_url = f.pool_url
)`;

/** Sums of `fleet`, with the names that panels give their units by. Efficiency is of miners that hash and tell power. */
export const fleetSums = `count(*) as "miners",
  count(*) filter (where is_fresh) as "online",
  count(*) filter (where not online) as "not answering",
  count(*) filter (where online and not is_fresh) as "stale",
  sum(hashrate_ghs) filter (where is_fresh) / 1000 as "hashrate",
  sum(hashrate_ghs) filter (where is_fresh and hashrate_expected_ghs > 0)
    / nullif(sum(hashrate_expected_ghs), 0) as "of nominal",
  sum(power_w::float8) filter (where is_fresh) as "power",
  sum(power_w::float8) filter (where is_fresh and hashrate_ghs >= 0.001 and power_w > 0)
    / (sum(hashrate_ghs) filter (where is_fresh and hashrate_ghs >= 0.001 and power_w > 0) / 1000) as "efficiency",
  max(coalesce(temperature_max, temperature_avg)) filter (where is_fresh) as "hottest"`;

/** The step of points of a panel over `site_telemetry_5m` with gaps filled with null; such panels have `interval: '5m'`. */
export const step = '$__timeGroup(r.time, $__interval, NULL)';

/**
 * A site's five minutes by the panel's step, one row per step and site as `steps`: `columns` are aggregates over `r`.
 * Grouped by site first, so that a site that lacks a bucket does not halve the sum of the others.
 */
export function siteSteps(columns: string): string {
  return `steps as (
  select ${step} as time, r.site_id, ${columns}
  from site_telemetry_5m r
  where r.site_id in (${chosenSites}) and $__timeFilter(r.time)
  group by 1, 2
)`;
}

/** An aggregate over a site's five minutes, one series a site. */
export function bySite(aggregate: string): string {
  return `with ${siteSteps(`${aggregate} as value`)}
select t.time, s.name as metric, t.value from steps t join sites s using (site_id) order by t.time`;
}

/** The pool of an address without scheme and login: what may be shown. */
export function poolOf(url: string): string {
  return `regexp_replace(headframe_pool_host(${url}), '^[^/@]*@', '')`;
}
