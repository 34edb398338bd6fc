import { pathTo, sitesVariable, type Board } from './kit/board.js';
import { limits, only, units, type Field } from './kit/fields.js';
import { series, table, values } from './kit/panels.js';
import { sqlRows, sqlSeries } from './kit/queries.js';
import { bySite, chosenSites, pooled, poolOf } from './kit/sql.js';

const pool = "coalesce(nullif(pool, ''), 'none')";
const sums = `count(*) as "miners", count(*) filter (where is_fresh) as "online",
  sum(hashrate_ghs) filter (where is_fresh) / 1000 as "hashrate",
  sum(rejected_shares)::float8 / nullif(sum(accepted_shares) + sum(rejected_shares), 0) as "rejected",
  avg(pool_latency_ms) filter (where is_fresh) as "latency"`;
const fields: Readonly<Record<string, Field>> = {
  hashrate: { unit: units.hashrate, decimals: 2 },
  rejected: { unit: units.share, decimals: 2, steps: limits.rejected },
  latency: { unit: units.ms, decimals: 0, steps: limits.latencyMs },
  share: { unit: units.share, decimals: 1 },
};

export const poolsBoard: Board = {
  name: 'pools',
  title: 'Headframe · Pools',
  description: 'Where the hashrate goes: pools, workers, rejected shares and changes of pool.',
  variables: [sitesVariable],
  from: 'now-24h',
  refresh: '1m',
  rows: [
    {
      title: 'Now',
      panels: [
        values({
          title: 'Pools now',
          description: 'From the newest sample of each miner. Shares count since the miner started.',
          queries: [
            sqlRows(`with ${pooled} select (select count(distinct pool) from pools where pool <> '') as "pools", ${sums},
  count(*) filter (where is_fresh and coalesce(pool_url, '') = '') as "without a pool"
from pooled`),
          ],
          span: 24,
          fields: {
            ...only(fields, 'hashrate', 'rejected', 'latency'),
            'without a pool': { steps: limits.some },
          },
        }),
        table({
          title: 'Pools',
          description: 'By host and port, without scheme and login.',
          queries: [
            sqlRows(`with ${pooled} select ${pool} as "pool", ${sums},
  sum(hashrate_ghs) filter (where is_fresh) / nullif(sum(sum(hashrate_ghs) filter (where is_fresh)) over (), 0) as "share"
from pooled group by 1 order by 4 desc nulls last limit 100`),
          ],
          span: 12,
          fields,
        }),
        table({
          title: 'Workers',
          description: 'By the name before the first dot, as pools group them, and their pool.',
          queries: [
            sqlRows(`with ${pooled} select split_part(worker_name, '.', 1) as "account", ${pool} as "pool", ${sums}
from pooled where worker_name is not null group by 1, 2 order by 5 desc nulls last limit 100`),
          ],
          span: 12,
          fields: only(fields, 'hashrate', 'rejected', 'latency'),
        }),
      ],
    },
    {
      title: 'Over time',
      panels: [
        series({
          title: 'Shares that pools reject',
          description:
            'By site, rejected of all shares. Over 1 % look at pool and network, over 3 % money is lost.',
          queries: [
            sqlSeries(
              bySite(
                'sum(r.rejected_delta)::float8 / nullif(sum(r.accepted_delta) + sum(r.rejected_delta), 0)',
              ),
            ),
          ],
          span: 8,
          unit: units.share,
          min: 0,
          interval: '5m',
          steps: limits.rejected,
        }),
        series({
          title: 'Accepted shares',
          description: 'By site, in each step.',
          queries: [sqlSeries(bySite('sum(r.accepted_delta)::float8'))],
          span: 8,
          min: 0,
          interval: '5m',
          isStacked: true,
          isBars: true,
        }),
        series({
          title: 'Changes of pool',
          description:
            'Miners whose pool became another. A wave nobody planned is a pool that fails, or someone else at work.',
          queries: [
            sqlSeries(`select $__timeGroupAlias(e.time, $__interval, 0), s.name as metric, count(*) as value
from miner_events e join sites s using (site_id)
where e.site_id in (${chosenSites}) and e.kind = 'pool' and $__timeFilter(e.time)
group by 1, 2 order by 1`),
          ],
          span: 8,
          min: 0,
          interval: '5m',
          isBars: true,
          isStacked: true,
        }),
      ],
    },
    {
      title: 'What to look at',
      panels: [
        table({
          title: 'Miners with the most rejected shares',
          description: 'Of those with 1,000 shares and more since they started.',
          queries: [
            sqlRows(`with ${pooled} select f.site as "site", m.key as "miner", ${pool} as "pool", worker_name as "worker",
  accepted_shares as "accepted", rejected_shares::float8 / (accepted_shares + rejected_shares) as "rejected",
  pool_latency_ms as "latency", f.site_id as "number"
from pooled f join miners m using (miner_id)
where is_fresh and accepted_shares + rejected_shares >= 1000 and rejected_shares > 0
order by 6 desc limit 50`),
          ],
          span: 12,
          fields: {
            ...only(fields, 'rejected', 'latency'),
            miner: {
              link: {
                title: 'Miner',
                url: pathTo('miner', 'var-site=${__data.fields.number}&var-miner=${__value.raw}'),
              },
            },
            number: { isHidden: true },
          },
        }),
        table({
          title: 'Changes of pool, the newest first',
          description: 'Within the time chosen.',
          queries: [
            sqlRows(`select e.time as "time", s.name as "site", m.key as "miner", ${poolOf('e.from_value')} as "from", ${poolOf('e.to_value')} as "to"
from miner_events e join sites s using (site_id) left join miners m using (miner_id)
where e.site_id in (${chosenSites}) and e.kind = 'pool' and $__timeFilter(e.time) order by e.time desc limit 200`),
          ],
          span: 12,
        }),
      ],
    },
  ],
};
