import { pathTo, sitesVariable, type Board } from './kit/board.js';
import { limits, units, type Field } from './kit/fields.js';
import { series, table, values } from './kit/panels.js';
import { sqlRows, sqlSeries } from './kit/queries.js';
import { bySite, chosenSites, fleet, fleetSums, named, siteSteps } from './kit/sql.js';

/** Units of the columns of `fleetSums`. */
export const sumFields: Readonly<Record<string, Field>> = {
  'not answering': { steps: limits.some },
  stale: { steps: limits.some },
  hashrate: { unit: units.hashrate, decimals: 2 },
  'of nominal': { unit: units.share, decimals: 1, steps: limits.nominal },
  power: { unit: units.power },
  efficiency: { unit: units.efficiency, decimals: 1 },
  hottest: { unit: units.temperature, decimals: 1, steps: limits.temperature },
};

const siteLink = { title: 'Site', url: pathTo('site', 'var-site=${__data.fields.number}') };

export const fleetBoard: Board = {
  name: 'fleet',
  title: 'Headframe · Fleet',
  description: 'All sites: what they hash, draw and lack now, and over time.',
  variables: [sitesVariable],
  from: 'now-24h',
  refresh: '1m',
  rows: [
    {
      title: 'Now',
      panels: [
        values({
          title: 'The fleet now',
          description:
            'From the newest sample of each miner. Stale: it answered, but not within three intervals. Hashrate, power and temperature are of fresh miners alone.',
          queries: [sqlRows(`with ${fleet} select ${fleetSums} from fleet`)],
          span: 24,
          fields: sumFields,
        }),
        table({
          title: 'Sites',
          description: 'The same by site. Click a name for its dashboard.',
          queries: [
            sqlRows(`with ${fleet}, sums as (select site_id, ${fleetSums} from fleet group by site_id)
select p.name as "site", s."miners", s."online", s."not answering", s."stale", s."hashrate", s."of nominal", s."power",
  s."efficiency", s."hottest",
  extract(epoch from now() - (select max(u.received_at) from collector_upload_logs u where u.site_id = p.site_id)) as "last upload",
  (select count(*) from alerts a where a.site_id = p.site_id and a.resolved_at is null) as "alerts",
  p.site_id as "number"
from paces p left join sums s using (site_id) order by p.name`),
          ],
          span: 24,
          fields: {
            ...sumFields,
            site: { link: siteLink },
            'last upload': { unit: units.seconds, decimals: 0, steps: limits.age },
            alerts: { steps: limits.some },
            number: { isHidden: true },
          },
        }),
      ],
    },
    {
      title: 'Over time',
      panels: [
        series({
          title: 'Hashrate',
          description:
            'Sum over the sites of what their miners hashed on average, and what they would at nominal rate. From five-minute rollups.',
          queries: [
            sqlSeries(`with ${siteSteps('avg(r.hashrate_ghs) / 1000 as hashrate, avg(r.nominal_ghs) / 1000 as nominal')}
select time, sum(hashrate) as "hashrate", sum(nominal) as "nominal" from steps group by time order by time`),
          ],
          span: 12,
          unit: units.hashrate,
          min: 0,
          interval: '5m',
          fields: { nominal: { colour: 'text' } },
        }),
        series({
          title: 'Hashrate by site',
          description: 'What the miners of each site hashed on average.',
          queries: [sqlSeries(bySite('avg(r.hashrate_ghs) / 1000'))],
          span: 12,
          unit: units.hashrate,
          min: 0,
          interval: '5m',
          isStacked: true,
        }),
        series({
          title: 'Share of miners that answer',
          description: 'By site: online miners of those that were asked. Under 97 % look, under 90 % act.',
          queries: [sqlSeries(bySite('sum(r.online_avg) / nullif(sum(r.miners), 0)'))],
          span: 8,
          unit: units.share,
          max: 1,
          interval: '5m',
          steps: limits.online,
        }),
        series({
          title: 'Power and efficiency',
          description: 'Of the miners that tell their power.',
          queries: [
            sqlSeries(`with ${siteSteps(`avg(r.power_w) as power,
    sum(r.power_w_sum) / nullif(sum(r.power_samples), 0) as miner_power,
    sum(r.hashrate_ghs_sum) / nullif(sum(r.hashrate_samples), 0) / 1000 as miner_ths`)}
select time, sum(power) as "power", avg(miner_power / nullif(miner_ths, 0)) as "efficiency" from steps group by time order by time`),
          ],
          span: 8,
          unit: units.power,
          min: 0,
          interval: '5m',
          fields: { efficiency: { unit: units.efficiency, isRight: true } },
        }),
        series({
          title: 'Hottest sensor by site',
          description: 'The highest temperature of any miner. Alert rules begin at 75 °C and 85 °C.',
          queries: [sqlSeries(bySite('max(r.temperature_max)'))],
          span: 8,
          unit: units.temperature,
          interval: '5m',
          steps: limits.temperature,
        }),
      ],
    },
    {
      title: 'What it is made of',
      panels: [
        table({
          title: 'Models',
          description: 'Miners by model, the most frequent first.',
          queries: [
            sqlRows(`with ${named} select coalesce(model, 'not known') as "model", ${fleetSums}
from named group by 1 order by 2 desc limit 100`),
          ],
          span: 14,
          fields: sumFields,
        }),
        table({
          title: 'States',
          description: 'What the newest samples say. A stale miner counts with its last state.',
          queries: [
            sqlRows(`with ${fleet} select state as "state", health as "health", count(*) as "miners",
  count(*)::float8 / sum(count(*)) over () as "share"
from fleet group by state, health order by 3 desc`),
          ],
          span: 10,
          fields: { share: { unit: units.share, decimals: 1 } },
        }),
        series({
          title: 'What changed',
          description: 'Events of miners by kind: offline and online, reboots, pools, firmware, boards.',
          queries: [
            sqlSeries(`select $__timeGroupAlias(e.time, $__interval, 0), e.kind as metric, count(*) as value
from miner_events e
where e.site_id in (${chosenSites}) and $__timeFilter(e.time)
group by 1, 2 order by 1`),
          ],
          span: 24,
          interval: '5m',
          min: 0,
          isBars: true,
          isStacked: true,
        }),
      ],
    },
  ],
};
