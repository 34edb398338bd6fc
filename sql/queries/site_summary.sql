-- Counts and sums of one site. $1 site, $2 oldest time that is not stale.
-- Efficiency is of miners that hash: a quotient by less than 1 MH/s would not fit a number.
-- The miners are read once, into a few groups; everything else is made of those.
with groups as materialized (
  select l.state, l.health,
    count(*) as miners,
    count(*) filter (where l.online) as online,
    count(*) filter (where f.is_fresh) as fresh,
    count(*) filter (where not l.online) as offline,
    coalesce(sum(l.hashrate_ghs) filter (where f.is_fresh), 0) as hashrate_ghs,
    coalesce(sum(l.hashrate_expected_ghs), 0) as expected_ghs,
    coalesce(sum(l.power_w::float8) filter (where f.is_fresh), 0) as power_w,
    sum(l.power_w::float8) filter (where f.is_fresh and l.hashrate_ghs >= 0.001 and l.power_w > 0) as known_power_w,
    sum(l.hashrate_ghs) filter (where f.is_fresh and l.hashrate_ghs >= 0.001 and l.power_w > 0) as powered_ghs,
    sum(l.temperature_avg::float8) filter (where f.is_fresh) as temperature_sum,
    count(l.temperature_avg) filter (where f.is_fresh) as temperature_count,
    max(coalesce(l.temperature_max, l.temperature_avg)) filter (where f.is_fresh) as max_temperature,
    max(l.time) as newest
  from miner_telemetry_live l
  cross join lateral (select l.online and l.time >= (select $2::text::timestamptz) as is_fresh) f
  -- An address that its miner has left is no miner unless something answers there.
  where l.site_id = $1::int and (l.online or l.miner_id not in
    (select miner_id from miners where site_id = $1::int and vacated_at is not null))
  group by l.state, l.health
),
totals as (
  select coalesce(sum(miners), 0)::int as total_miners,
    coalesce(sum(online), 0)::int as online_miners,
    coalesce(sum(offline), 0)::int as offline_miners,
    coalesce(sum(online - fresh), 0)::int as stale_miners,
    coalesce(sum(fresh) filter (where health in ('warning', 'critical')), 0)::int as degraded_miners,
    coalesce(sum(hashrate_ghs), 0) / 1000 as total_hashrate_ths,
    coalesce(sum(expected_ghs), 0) / 1000 as nominal_hashrate_ths,
    coalesce(sum(power_w), 0) as total_power_w,
    sum(known_power_w) / (sum(powered_ghs) / 1000) as efficiency,
    sum(temperature_sum) / nullif(sum(temperature_count), 0)::float8 as avg_temperature,
    max(max_temperature) as max_temperature,
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
