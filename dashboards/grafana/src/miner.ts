import { minerVariable, siteOnlyVariable, type Board } from './kit/board.js';
import { limits, units, type Field } from './kit/fields.js';
import { series, table, timeline, values } from './kit/panels.js';
import { sqlRows, sqlSeries, type Query } from './kit/queries.js';
import { chosenMiner, chosenSite, poolOf } from './kit/sql.js';

/** Spans up to this one are drawn from samples, longer ones from hours: a month of samples is 43,200 and more. */
const samplesUpTo = "interval '2 days'";
const isShort = `$__timeTo()::timestamptz - $__timeFrom()::timestamptz <= ${samplesUpTo}`;

/**
 * Samples by the panel's step, at least the interval of the site, with null where there is none; `columns` are aggregates
 * over `h`.
 */
const samples = (columns: string, names: readonly string[]): Query =>
  sqlSeries(`with slot as (
  select greatest($__interval_ms, 1000 * coalesce((select i.interval_s from site_intervals i
    where i.site_id = ${chosenSite} order by i.since desc limit 1), 60)) * interval '1 millisecond' as step
),
steps as (
  select generate_series(date_bin(step, $__timeFrom()::timestamptz, 'epoch'), $__timeTo()::timestamptz, step) as time
  from slot where ${isShort}
),
found as (
  select date_bin((select step from slot), h.time, 'epoch') as time, ${columns}
  from miner_telemetry_history h
  where h.miner_id = ${chosenMiner} and $__timeFilter(h.time) and ${isShort}
  group by 1
)
select s.time, ${names.map((name) => `f."${name}"`).join(', ')} from steps s left join found f using (time)
where exists (select from found) order by 1`);

/** Hours, where the span is long; `columns` are expressions over one row `h` of them. */
const hours = (columns: string): Query =>
  sqlSeries(`select h.time, ${columns} from miner_telemetry_1h h
where h.miner_id = ${chosenMiner} and $__timeFilter(h.time) and not ${isShort} order by 1`);

const spans = 'Samples for up to two days, hours for longer.';
const fields: Readonly<Record<string, Field>> = { nominal: { colour: 'text' } };

/** What each of several fans or boards read; `readings` joins them to `h` as `t(number, value)`. */
const several = (name: string, readings: string): Query =>
  sqlSeries(`select $__timeGroupAlias(h.time, $__interval), '${name} ' || t.number as metric, avg(t.value) as value
from miner_telemetry_history h cross join lateral ${readings}
where h.miner_id = ${chosenMiner} and $__timeFilter(h.time) and ${isShort}
group by 1, 2 order by 1`);

export const minerBoard: Board = {
  name: 'miner',
  title: 'Headframe · Miner',
  description: 'One miner: what it is, how it runs, and what happened to it.',
  variables: [siteOnlyVariable, minerVariable],
  from: 'now-24h',
  refresh: '1m',
  rows: [
    {
      title: 'Now',
      panels: [
        values({
          title: 'The newest sample',
          description: 'As it was; its age is beside it. A miner that does not answer has no readings.',
          queries: [
            sqlRows(`select l.hashrate_ghs / 1000 as "hashrate", l.hashrate_ghs / nullif(l.hashrate_expected_ghs, 0) as "of nominal",
  l.temperature_max as "hottest", l.power_w as "power", l.efficiency as "efficiency",
  l.boards_healthy as "boards well", l.boards_total as "boards", l.uptime_seconds as "uptime",
  extract(epoch from now() - l.time) as "age"
from miner_telemetry_live l where l.miner_id = ${chosenMiner}`),
          ],
          span: 24,
          fields: {
            hashrate: { unit: units.hashrate, decimals: 2 },
            'of nominal': { unit: units.share, decimals: 1, steps: limits.nominal },
            hottest: { unit: units.temperature, decimals: 1, steps: limits.temperature },
            power: { unit: units.power },
            efficiency: { unit: units.efficiency, decimals: 1 },
            uptime: { unit: units.seconds, decimals: 0 },
            age: { unit: units.seconds, decimals: 0, steps: limits.age },
          },
        }),
        table({
          title: 'Identity',
          description: 'What it says of itself, and where it mines.',
          queries: [
            sqlRows(`select m.key as "miner", m.ip as "address", m.mac as "MAC", m.serial as "serial", m.model as "model",
  m.firmware as "firmware", l.state as "state", l.health as "health", ${poolOf('l.pool_url')} as "pool",
  l.worker_name as "worker", m.first_seen as "first seen", l.last_online_at as "last seen"
from miners m left join miner_telemetry_live l using (miner_id) where m.miner_id = ${chosenMiner}`),
          ],
          span: 24,
          height: 4,
        }),
      ],
    },
    {
      title: 'Over time',
      panels: [
        timeline({
          title: 'State',
          description:
            'From events: what it was until the next change. Without one in the time chosen, as it is now.',
          queries: [
            sqlSeries(`select greatest(e.valid_from, $__timeFrom()::timestamptz) as time, coalesce(e.to_value, e.kind) as "state"
from miner_event_spans e
where e.miner_id = ${chosenMiner} and e.kind in ('offline', 'online', 'state') and $__timeFilter(e.valid_from)
union all
select case when l.changed_at between $__timeFrom()::timestamptz and $__timeTo()::timestamptz
  then l.changed_at else $__timeTo()::timestamptz end, l.state
from miner_telemetry_live l where l.miner_id = ${chosenMiner}
order by 1`),
          ],
          span: 24,
        }),
        series({
          title: 'Hashrate',
          description: `Average in each step, and nominal. ${spans}`,
          queries: [
            samples(
              'avg(h.hashrate_ghs) / 1000 as "hashrate", avg(h.hashrate_expected_ghs) / 1000 as "nominal"',
              ['hashrate', 'nominal'],
            ),
            hours(`h.hashrate_ghs_sum / nullif(h.hashrate_samples, 0) / 1000 as "hashrate",
  h.nominal_ghs_sum / nullif(h.nominal_samples, 0) / 1000 as "nominal"`),
          ],
          span: 12,
          unit: units.hashrate,
          min: 0,
          fields,
        }),
        series({
          title: 'Temperature',
          description: `Average and hottest sensor. Alert rules begin at 75 °C and 85 °C. ${spans}`,
          queries: [
            samples('avg(h.temperature_avg) as "average", max(h.temperature_max) as "hottest"', [
              'average',
              'hottest',
            ]),
            hours(
              'h.temperature_avg_sum / nullif(h.temperature_samples, 0) as "average", h.temperature_max as "hottest"',
            ),
          ],
          span: 12,
          unit: units.temperature,
          steps: limits.temperature,
        }),
        series({
          title: 'Power and efficiency',
          description: `As the miner tells them. ${spans}`,
          queries: [
            samples(
              `avg(h.power_w) as "power",
    sum(h.power_w) filter (where h.hashrate_ghs >= 0.001)
      / nullif(sum(h.hashrate_ghs::float8) filter (where h.power_w > 0 and h.hashrate_ghs >= 0.001), 0) * 1000 as "efficiency"`,
              ['power', 'efficiency'],
            ),
            hours(`h.power_w_sum / nullif(h.power_samples, 0) as "power",
  (h.power_w_sum / nullif(h.power_samples, 0))
    / nullif(h.hashrate_ghs_sum::float8 / nullif(h.hashrate_samples, 0) / 1000, 0) as "efficiency"`),
          ],
          span: 8,
          unit: units.power,
          min: 0,
          fields: { efficiency: { unit: units.efficiency, isRight: true } },
        }),
        series({
          title: 'Shares in each step',
          description: `Accepted and rejected shares; a counter that falls begins anew. ${spans}`,
          queries: [
            samples(
              'greatest(max(h.accepted_shares) - min(h.accepted_shares), 0) as "accepted", greatest(max(h.rejected_shares) - min(h.rejected_shares), 0) as "rejected"',
              ['accepted', 'rejected'],
            ),
            hours('h.accepted_delta as "accepted", h.rejected_delta as "rejected"'),
          ],
          span: 8,
          min: 0,
          // Within a step there must be two samples.
          interval: '10m',
          fields: { rejected: { colour: 'red' } },
        }),
        series({
          title: 'Answer time',
          description:
            'From connecting to the last reply, and to the pool as the miner tells it. Samples for up to two days.',
          queries: [
            samples('avg(h.latency_ms) as "miner", avg(h.pool_latency_ms) as "pool"', ['miner', 'pool']),
          ],
          span: 8,
          unit: units.ms,
          min: 0,
        }),
        series({
          title: 'Fans',
          description: 'Each by itself. Samples for up to two days.',
          queries: [several('fan', 'unnest(h.fan_speeds) with ordinality t(value, number)')],
          span: 8,
          unit: units.fan,
          min: 0,
          interval: '1m',
          gapMs: 900_000,
        }),
        series({
          title: 'Boards: hashrate',
          description:
            'Each by itself. One that falls away is loose, hot or broken. Samples for up to two days.',
          queries: [
            several(
              'board',
              '(select n, h.boards[1][n] / 1000 from generate_series(1, array_length(h.boards, 2)) n) t(number, value)',
            ),
          ],
          span: 8,
          unit: units.hashrate,
          min: 0,
          interval: '1m',
          gapMs: 900_000,
        }),
        series({
          title: 'Boards: temperature',
          description: 'Each by itself. Samples for up to two days.',
          queries: [
            several(
              'board',
              '(select n, h.boards[2][n] from generate_series(1, array_length(h.boards, 2)) n) t(number, value)',
            ),
          ],
          span: 8,
          unit: units.temperature,
          interval: '1m',
          gapMs: 900_000,
          steps: limits.temperature,
        }),
      ],
    },
    {
      title: 'What happened',
      panels: [
        table({
          title: 'Events',
          description:
            'What samples told to be different from before, the newest first, within the time chosen.',
          queries: [
            sqlRows(`select e.time as "time", e.kind as "kind",
  case e.kind when 'pool' then ${poolOf('e.from_value')} else e.from_value end as "from",
  case e.kind when 'pool' then ${poolOf('e.to_value')} else e.to_value end as "to"
from miner_events e where e.miner_id = ${chosenMiner} and $__timeFilter(e.time) order by e.time desc limit 200`),
          ],
          span: 8,
        }),
        table({
          title: 'Alerts',
          description: 'Those of this miner, open ones first.',
          queries: [
            sqlRows(`select a.triggered_at as "since", a.kind as "kind", a.severity as "severity", a.message as "message",
  a.resolved_at as "over", a.acknowledged_by as "acknowledged by"
from alerts a where a.site_id = ${chosenSite} and a.miner_id = ${chosenMiner}
order by a.resolved_at is not null, a.triggered_at desc limit 100`),
          ],
          span: 8,
        }),
        table({
          title: 'Commands',
          description: 'What it was told to do, the newest first.',
          queries: [
            sqlRows(`select c.created_at as "time", c.kind as "command", c.status as "status", c.confirmation as "confirmed",
  c.created_by as "by", extract(epoch from c.ended_at - c.created_at) as "took"
from miner_commands c where c.site_id = ${chosenSite} and c.miner_key = \${miner:sqlstring}
order by c.command_id desc limit 100`),
          ],
          span: 8,
          fields: { took: { unit: units.seconds, decimals: 0 } },
        }),
      ],
    },
  ],
};
