import { sumFields } from './fleet.js';
import { pathTo, siteOnlyVariable, type Board } from './kit/board.js';
import { limits, only, units } from './kit/fields.js';
import { series, table, values } from './kit/panels.js';
import { sqlRows, sqlSeries } from './kit/queries.js';
import { chosenSite, fleet, fleetSums, named, poolOf, step } from './kit/sql.js';

const minerLink = {
  title: 'Miner',
  url: pathTo('miner', '${site:queryparam}&var-miner=${__value.raw}'),
};

/** One row per step of the site's five minutes; `columns` are aggregates over `r`. */
const overTime = (columns: string): string => `select ${step} as time, ${columns}
from site_telemetry_5m r where r.site_id = ${chosenSite} and $__timeFilter(r.time)
group by 1 order by 1`;

export const siteBoard: Board = {
  name: 'site',
  title: 'Headframe · Site',
  description: 'One site: what it hashes, which miners hold it back, and what changed.',
  variables: [siteOnlyVariable],
  from: 'now-24h',
  refresh: '1m',
  rows: [
    {
      title: 'Now',
      panels: [
        values({
          title: 'The site now',
          description:
            'From the newest sample of each miner. Stale: it answered, but not within three intervals. Hashrate, power and temperature are of fresh miners alone.',
          queries: [sqlRows(`with ${fleet} select ${fleetSums} from fleet`)],
          span: 24,
          fields: sumFields,
        }),
      ],
    },
    {
      title: 'Over time',
      panels: [
        series({
          title: 'Hashrate',
          description: 'Sum over the miners of their average, and what it would be at nominal rate.',
          queries: [
            sqlSeries(
              overTime('avg(r.hashrate_ghs) / 1000 as "hashrate", avg(r.nominal_ghs) / 1000 as "nominal"'),
            ),
          ],
          span: 12,
          unit: units.hashrate,
          min: 0,
          interval: '5m',
          fields: { nominal: { colour: 'text' } },
        }),
        series({
          title: 'Miners',
          description:
            'With a sample, online, and hashing: each counts with the share of its samples that is.',
          queries: [
            sqlSeries(
              overTime(
                'max(r.miners) as "miners", avg(r.online_avg) as "online", avg(r.hashing_avg) as "hashing"',
              ),
            ),
          ],
          span: 12,
          min: 0,
          interval: '5m',
          fields: { miners: { colour: 'text' } },
        }),
        series({
          title: 'Power and efficiency',
          description: 'Of the miners that tell their power.',
          queries: [
            sqlSeries(
              overTime(`avg(r.power_w) as "power",
  sum(r.power_w_sum) / nullif(sum(r.power_samples), 0)
    / nullif(sum(r.hashrate_ghs_sum) / nullif(sum(r.hashrate_samples), 0) / 1000, 0) as "efficiency"`),
            ),
          ],
          span: 8,
          unit: units.power,
          min: 0,
          interval: '5m',
          fields: { efficiency: { unit: units.efficiency, isRight: true } },
        }),
        series({
          title: 'Temperature',
          description:
            'Average over all samples, and the hottest sensor. Alert rules begin at 75 °C and 85 °C.',
          queries: [
            sqlSeries(
              overTime(`sum(r.temperature_avg_sum) / nullif(sum(r.temperature_samples), 0) as "average",
  max(r.temperature_max) as "hottest"`),
            ),
          ],
          span: 8,
          unit: units.temperature,
          interval: '5m',
          steps: limits.temperature,
        }),
        series({
          title: 'Shares that pools reject',
          description: 'Rejected of all shares. Over 1 % look at pool and network, over 3 % money is lost.',
          queries: [
            sqlSeries(
              overTime(
                'sum(r.rejected_delta)::float8 / nullif(sum(r.accepted_delta) + sum(r.rejected_delta), 0) as "rejected"',
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
          title: 'Miners by state',
          description: 'By the state of their last sample in each step.',
          queries: [
            sqlSeries(`select ${step} as time, t.key as metric, avg(t.value::float8) as value
from site_telemetry_5m r cross join lateral json_each_text(r.last_states) t
where r.site_id = ${chosenSite} and $__timeFilter(r.time)
group by 1, 2 order by 1`),
          ],
          span: 8,
          min: 0,
          interval: '5m',
          isStacked: true,
        }),
        series({
          title: 'Slots stored',
          description:
            'Samples in the database of those that were due. Under 97 %: the collector is late, away, or still has them in its spool.',
          queries: [sqlSeries(overTime('sum(r.samples) / nullif(sum(r.expected_samples), 0) as "stored"'))],
          span: 8,
          unit: units.share,
          min: 0,
          interval: '5m',
          steps: limits.online,
        }),
        series({
          title: 'Energy by day',
          description: 'kWh of the miners that tell their power, by day in UTC.',
          queries: [
            sqlSeries(`select $__timeGroupAlias(r.time, 1d), sum(r.energy_kwh) as "energy"
from site_telemetry_5m r where r.site_id = ${chosenSite} and $__timeFilter(r.time)
group by 1 order by 1`),
          ],
          span: 8,
          unit: units.energy,
          min: 0,
          interval: '1d',
          isBars: true,
        }),
      ],
    },
    {
      title: 'Which miners',
      panels: [
        table({
          title: 'What is missing most',
          description:
            'Miners that answer and hash furthest below their nominal rate. Click one for its dashboard.',
          queries: [
            sqlRows(`with ${named} select key as "miner", model as "model", state as "state",
  hashrate_ghs / 1000 as "hashrate", hashrate_expected_ghs / 1000 as "nominal",
  hashrate_ghs / hashrate_expected_ghs as "of nominal", temperature_max as "hottest"
from named where is_fresh and hashrate_expected_ghs > 0
order by hashrate_expected_ghs - coalesce(hashrate_ghs, 0) desc limit 50`),
          ],
          span: 12,
          fields: {
            ...only(sumFields, 'hashrate', 'of nominal', 'hottest'),
            miner: { link: minerLink },
            nominal: { unit: units.hashrate, decimals: 2 },
          },
        }),
        table({
          title: 'Hottest',
          description: 'Miners by their hottest sensor. Alert rules begin at 75 °C and 85 °C.',
          queries: [
            sqlRows(`with ${named} select key as "miner", model as "model", temperature_max as "hottest",
  temperature_avg as "average", power_w as "power", hashrate_ghs / 1000 as "hashrate"
from named where is_fresh and temperature_max is not null order by temperature_max desc limit 50`),
          ],
          span: 12,
          fields: {
            ...only(sumFields, 'hashrate', 'power', 'hottest'),
            miner: { link: minerLink },
            average: { unit: units.temperature, decimals: 1 },
          },
        }),
        table({
          title: 'Not answering',
          description: 'Miners that do not answer or are stale, the longest first.',
          queries: [
            sqlRows(`with ${named} select key as "miner", model as "model", state as "state", error_class as "error",
  extract(epoch from now() - last_online_at) as "for", last_online_at as "last seen"
from named where not is_fresh order by last_online_at nulls first limit 200`),
          ],
          span: 12,
          fields: { miner: { link: minerLink }, for: { unit: units.seconds, decimals: 0 } },
        }),
        table({
          title: 'Models',
          description: 'Miners by model and firmware, the most frequent first.',
          queries: [
            sqlRows(`with ${named} select coalesce(model, 'not known') as "model", coalesce(firmware, 'not known') as "firmware",
  ${fleetSums} from named group by 1, 2 order by 3 desc limit 200`),
          ],
          span: 12,
          fields: sumFields,
        }),
      ],
    },
    {
      title: 'What changed',
      panels: [
        table({
          title: 'Events',
          description:
            'What samples told to be different from before, the newest first, within the time chosen.',
          queries: [
            sqlRows(`select e.time as "time", m.key as "miner", e.kind as "kind",
  case e.kind when 'pool' then ${poolOf('e.from_value')} else e.from_value end as "from",
  case e.kind when 'pool' then ${poolOf('e.to_value')} else e.to_value end as "to"
from miner_events e left join miners m using (miner_id)
where e.site_id = ${chosenSite} and $__timeFilter(e.time) order by e.time desc limit 500`),
          ],
          span: 12,
          fields: { miner: { link: minerLink } },
        }),
        table({
          title: 'Damaged replies',
          description: 'Firmware whose replies had to be repaired or could not be read in the last day.',
          queries: [
            sqlRows(`select q.family as "family", q.firmware as "firmware", q.command as "command", q.damage as "damage",
  (select count(*) from quirk_miners x where x.quirk_id = q.quirk_id) as "miners", q.reply_count as "replies",
  q.last_seen as "last seen"
from reply_quirks q
where q.site_id = ${chosenSite} and q.last_seen > now() - interval '1 day' order by q.reply_count desc limit 100`),
          ],
          span: 12,
        }),
      ],
    },
  ],
};
