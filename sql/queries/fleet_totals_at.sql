-- What the miners of a site were together at a time. $1 site, $2 the time, $3 how old a sample may be, s.
-- Most have a sample in the last slot before the time: those are read first, by key and in one pass of the index, and
-- only what is left is looked for in all the time that counts.
with known as materialized (
  select m.miner_id, m.vacated_at from miners m
  where m.site_id = $1::int and m.first_seen <= $2::text::timestamptz
),
slot as materialized (
  select least($3::text::float8, (select i.interval_s from site_intervals i
    where i.site_id = $1::int and i.since <= $2::text::timestamptz order by i.since desc limit 1)) as length_s
),
current as materialized (
  select distinct on (h.miner_id) h.miner_id, h.state, h.hashrate_ghs, h.hashrate_expected_ghs, h.power_w, h.temperature_max
  from miner_telemetry_history h
  where h.miner_id = any ((select array_agg(miner_id) from known)::int[]) and h.time <= $2::text::timestamptz
    and h.time > (select $2::text::timestamptz - length_s * interval '1 second' from slot)
  order by h.miner_id desc, h.time desc
),
earlier as materialized (
  select distinct on (h.miner_id) h.miner_id, h.state, h.hashrate_ghs, h.hashrate_expected_ghs, h.power_w, h.temperature_max
  from miner_telemetry_history h
  where h.miner_id = any ((
      select array_agg(miner_id) from known where miner_id not in (select miner_id from current))::int[])
    and h.time <= (select $2::text::timestamptz - length_s * interval '1 second' from slot)
    and h.time > (select $2::text::timestamptz - $3::text::float8 * interval '1 second')
  order by h.miner_id desc, h.time desc
),
fleet as materialized (
  select h.* from known k
  left join (select * from current union all select * from earlier) h using (miner_id)
  where k.vacated_at is null or k.vacated_at > $2::text::timestamptz or h.state <> 'u'
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
