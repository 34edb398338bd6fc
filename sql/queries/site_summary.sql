-- Counts and sums of one site. $1 site, $2 oldest time that is not stale.
-- Efficiency is of miners that hash: a quotient by less than 1 MH/s would not fit a number.
-- The miners are read once, into some groups by all that sums tell apart, for a condition on each sum would be held
-- against each miner again; everything else is made of those. A group is one number: what `sum_group` says, less than 0
-- where the sample is old.
with sums as materialized (
  select case when l.time >= (select $2::text::timestamptz) then l.sum_group else -l.sum_group end as sum_group,
    count(*) as miners, sum(l.hashrate_ghs) as hashrate_ghs, sum(l.hashrate_expected_ghs) as expected_ghs,
    sum(l.power_w::float8) as power_w, sum(l.temperature_avg::float8) as temperature_sum,
    count(l.temperature_avg) as temperature_count,
    max(coalesce(l.temperature_max, l.temperature_avg)) as max_temperature, max(l.time) as newest
  from miner_telemetry_live l
  -- An address that its miner has left is no miner unless something answers there.
  where l.site_id = $1::int and (l.online or l.miner_id not in
    (select miner_id from miners where site_id = $1::int and vacated_at is not null))
  group by 1
),
groups as materialized (
  select g.*, abs(sum_group) & 65536 <> 0 as online, abs(sum_group) & 131072 <> 0 as is_powered,
    sum_group > 0 and sum_group & 65536 <> 0 as is_fresh, coalesce(s.name, 'unknown') as state,
    coalesce(h.name, 'unknown') as health
  from sums g
  left join miner_states s on s.code::text = chr(abs(sum_group) / 256 % 256)
  left join health_levels h on h.code::text = chr(abs(sum_group) % 256)
),
totals as (
  select coalesce(sum(miners), 0)::int as total_miners,
    coalesce(sum(miners) filter (where online), 0)::int as online_miners,
    coalesce(sum(miners) filter (where not online), 0)::int as offline_miners,
    coalesce(sum(miners) filter (where online and not is_fresh), 0)::int as stale_miners,
    coalesce(sum(miners) filter (where is_fresh and health in ('warning', 'critical')), 0)::int as degraded_miners,
    coalesce(sum(hashrate_ghs) filter (where is_fresh), 0) / 1000 as total_hashrate_ths,
    coalesce(sum(expected_ghs), 0) / 1000 as nominal_hashrate_ths,
    coalesce(sum(power_w) filter (where is_fresh), 0) as total_power_w,
    sum(power_w) filter (where is_fresh and is_powered)
      / (sum(hashrate_ghs) filter (where is_fresh and is_powered) / 1000) as efficiency,
    sum(temperature_sum) filter (where is_fresh)
      / nullif(sum(temperature_count) filter (where is_fresh), 0)::float8 as avg_temperature,
    max(max_temperature) filter (where is_fresh) as max_temperature,
    max(newest) as newest
  from groups
)
select s.site_id, s.name as site_name, t.*,
  (select coalesce(json_object_agg(state, n), '{}') from (select state, sum(miners)::int as n from groups group by state) c)
    as by_state,
  (select coalesce(json_object_agg(health, n), '{}') from (select health, sum(miners)::int as n from groups group by health) c)
    as by_health,
  (select max(received_at) from collector_upload_logs u where u.site_id = s.site_id) as last_upload
from sites s cross join totals t
where s.site_id = $1::int
