-- What the miners of a site were together at a time. $1 site, $2 the time, $3 and $4 how old a sample may be, s: one of
-- a miner that answered, and one that says it did not.
-- Most have a sample in the last slot before the time. Those that were not asked then, for they had not answered before
-- or their collector was away, have one some slots before: so slots are read in stretches that double, each by key, in
-- one pass of the index, and only for miners that no later one holds. Few samples are read but the last of each miner.
with moment as materialized (
  select $2::text::timestamptz as at, $3::text::float8 * interval '1 second' as fresh,
    greatest($3::text::float8, $4::text::float8) as reach_s, coalesce((select i.interval_s from site_intervals i
      where i.site_id = $1::int and i.since <= $2::text::timestamptz order by i.since desc limit 1), $3::text::float8) as slot_s
),
edge as materialized (
  select n, at - interval '1 second' * case when n = 5 then reach_s else least(reach_s, slot_s * (2 ^ n - 1)) end as time
  from moment cross join generate_series(0, 5) n
),
known as materialized (
  select m.miner_id, m.vacated_at <= (select at from moment) as is_vacant from miners m
  where m.site_id = $1::int and m.first_seen <= (select at from moment)
),
stretch1 as materialized (
  select distinct on (h.miner_id) h.miner_id, h.time, h.state, h.hashrate_ghs, h.hashrate_expected_ghs, h.power_w, h.temperature_max
  from miner_telemetry_history h
  where h.miner_id = any ((select array_agg(miner_id) from known)::int[])
    and h.time <= (select time from edge where n = 0) and h.time > (select time from edge where n = 1)
  order by h.miner_id desc, h.time desc
),
left1 as materialized (select miner_id from known where miner_id not in (select miner_id from stretch1)),
stretch2 as materialized (
  select distinct on (h.miner_id) h.miner_id, h.time, h.state, h.hashrate_ghs, h.hashrate_expected_ghs, h.power_w, h.temperature_max
  from miner_telemetry_history h
  where h.miner_id = any ((select array_agg(miner_id) from left1)::int[])
    and h.time <= (select time from edge where n = 1) and h.time > (select time from edge where n = 2)
  order by h.miner_id desc, h.time desc
),
left2 as materialized (select miner_id from left1 where miner_id not in (select miner_id from stretch2)),
stretch3 as materialized (
  select distinct on (h.miner_id) h.miner_id, h.time, h.state, h.hashrate_ghs, h.hashrate_expected_ghs, h.power_w, h.temperature_max
  from miner_telemetry_history h
  where h.miner_id = any ((select array_agg(miner_id) from left2)::int[])
    and h.time <= (select time from edge where n = 2) and h.time > (select time from edge where n = 3)
  order by h.miner_id desc, h.time desc
),
left3 as materialized (select miner_id from left2 where miner_id not in (select miner_id from stretch3)),
stretch4 as materialized (
  select distinct on (h.miner_id) h.miner_id, h.time, h.state, h.hashrate_ghs, h.hashrate_expected_ghs, h.power_w, h.temperature_max
  from miner_telemetry_history h
  where h.miner_id = any ((select array_agg(miner_id) from left3)::int[])
    and h.time <= (select time from edge where n = 3) and h.time > (select time from edge where n = 4)
  order by h.miner_id desc, h.time desc
),
left4 as materialized (select miner_id from left3 where miner_id not in (select miner_id from stretch4)),
stretch5 as materialized (
  select distinct on (h.miner_id) h.miner_id, h.time, h.state, h.hashrate_ghs, h.hashrate_expected_ghs, h.power_w, h.temperature_max
  from miner_telemetry_history h
  where h.miner_id = any ((select array_agg(miner_id) from left4)::int[])
    and h.time <= (select time from edge where n = 4) and h.time > (select time from edge where n = 5)
  order by h.miner_id desc, h.time desc
),
vacant as materialized (select miner_id from known where is_vacant),
groups as materialized (
  select f.state, count(*) as miners, count(*) filter (where f.miner_id not in (select miner_id from vacant)) as settled,
    sum(f.hashrate_ghs::float8) as hashrate_ghs, sum(f.hashrate_expected_ghs::float8) as expected_ghs,
    sum(f.power_w::float8) as power_w, max(f.temperature_max) as max_temperature
  from (
    select * from stretch1
    union all select * from stretch2
    union all select * from stretch3
    union all select * from stretch4
    union all select * from stretch5
  ) f
  -- An address that its miner has left is no miner unless something answers there.
  where case when f.state = 'u' then f.miner_id not in (select miner_id from vacant)
    else f.time > (select at - fresh from moment) end
  group by f.state
),
present as (select count(*) filter (where is_vacant is not true) as n from known)
select (p.n + coalesce(sum(g.miners - g.settled), 0))::int as total_miners,
  (p.n - coalesce(sum(g.settled), 0))::int as unknown_miners,
  coalesce(sum(g.miners) filter (where g.state <> 'u'), 0)::int as online_miners,
  coalesce(sum(g.miners) filter (where g.state = 'u'), 0)::int as offline_miners,
  coalesce(sum(g.hashrate_ghs), 0) / 1000 as total_hashrate_ths,
  coalesce(sum(g.expected_ghs), 0) / 1000 as nominal_hashrate_ths,
  coalesce(sum(g.power_w), 0) as total_power_w,
  max(g.max_temperature) as max_temperature,
  (select coalesce(json_object_agg(s.name, c.miners order by s.name), '{}')
    from groups c join miner_states s on s.code::text = c.state::text) as by_state
from present p left join groups g on true
group by p.n
