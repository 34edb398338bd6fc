-- Counts and sums of one site. $1 site, $2 oldest time that is not stale.
with live as materialized (
  select l.*, l.online and l.time >= $2::text::timestamptz as is_fresh
  from miners m join miner_telemetry_live l using (miner_id)
  -- An address that its miner has left is no miner unless something answers there.
  where m.site_id = $1::int and (m.vacated_at is null or l.online)
),
totals as (
  select count(*)::int as total_miners,
    (count(*) filter (where online))::int as online_miners,
    (count(*) filter (where not online))::int as offline_miners,
    (count(*) filter (where online and not is_fresh))::int as stale_miners,
    (count(*) filter (where is_fresh and health in ('warning', 'critical')))::int as degraded_miners,
    coalesce(sum(hashrate_ghs) filter (where is_fresh), 0) / 1000 as total_hashrate_ths,
    coalesce(sum(hashrate_expected_ghs), 0) / 1000 as nominal_hashrate_ths,
    coalesce(sum(power_w::float8) filter (where is_fresh), 0) as total_power_w,
    sum(power_w::float8) filter (where is_fresh and hashrate_ghs > 0 and power_w > 0)
      / (sum(hashrate_ghs) filter (where is_fresh and hashrate_ghs > 0 and power_w > 0) / 1000) as efficiency,
    avg(temperature_avg) filter (where is_fresh) as avg_temperature,
    max(coalesce(temperature_max, temperature_avg)) filter (where is_fresh) as max_temperature,
    max(time) as newest
  from live
)
select s.site_id, s.name as site_name, t.*,
  (select coalesce(json_object_agg(state, n), '{}') from (select state, count(*) as n from live group by state) c)
    as by_state,
  (select coalesce(json_object_agg(health, n), '{}') from (select health, count(*) as n from live group by health) c)
    as by_health,
  (select max(received_at) from collector_upload_logs u where u.site_id = s.site_id) as last_upload
from sites s cross join totals t
where s.site_id = $1::int
