-- What the miners of a site were together at a time. $1 site, $2 the time, $3 how old a sample may be, s.
-- Read of the history by key, one look a miner.
with fleet as materialized (
  select h.state, h.hashrate_ghs, h.hashrate_expected_ghs, h.power_w, h.temperature_max
  from miners m
  left join lateral (
    select h.state, h.hashrate_ghs, h.hashrate_expected_ghs, h.power_w, h.temperature_max
    from miner_telemetry_history h
    where h.miner_id = m.miner_id and h.time <= $2::text::timestamptz
      and h.time > $2::text::timestamptz - $3::text::float8 * interval '1 second'
    order by h.time desc limit 1
  ) h on true
  where m.site_id = $1::int and m.first_seen <= $2::text::timestamptz
    and (m.vacated_at is null or m.vacated_at > $2::text::timestamptz or h.state <> 'u')
)
select count(*)::int as total_miners,
  (count(*) filter (where state is null))::int as unknown_miners,
  (count(*) filter (where state <> 'u'))::int as online_miners,
  (count(*) filter (where state = 'u'))::int as offline_miners,
  coalesce(sum(hashrate_ghs::float8), 0) / 1000 as total_hashrate_ths,
  coalesce(sum(hashrate_expected_ghs::float8), 0) / 1000 as nominal_hashrate_ths,
  coalesce(sum(power_w::float8), 0) as total_power_w,
  max(temperature_max) as max_temperature,
  (select coalesce(json_object_agg(s.name, c.n order by s.name), '{}')
    from (select state, count(*) as n from fleet where state is not null group by state) c
    join miner_states s on s.code::text = c.state::text) as by_state
from fleet
