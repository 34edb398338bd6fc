-- Samples of a miner: whole hours from the rollup, edges and what no rollup has seen yet from the samples.
-- $1 miner, $2 from, $3 start of the first whole hour, $4 end of the last, $5 to; without a whole hour $3 = $4 = $5.
with rolled as materialized (
  select coalesce(max(time) + interval '1 hour', $3::text::timestamptz) as until
  from miner_telemetry_1h
  where miner_id = $1::int and time >= $3::text::timestamptz and time < $4::text::timestamptz
),
parts as (
  select samples, online_samples, hashing_samples, expected_samples, interval_s
  from miner_telemetry_1h
  where miner_id = $1::int and time >= $3::text::timestamptz and time < $4::text::timestamptz
  union all
  select count(*), count(*) filter (where state <> 'u'), count(*) filter (where state = 'm'), null, null
  from miner_telemetry_history
  where miner_id = $1::int and time >= $2::text::timestamptz and time < $3::text::timestamptz
  union all
  select count(*), count(*) filter (where state <> 'u'), count(*) filter (where state = 'm'), null, null
  from miner_telemetry_history
  where miner_id = $1::int and time >= $3::text::timestamptz and time >= (select until from rolled)
    and time < $5::text::timestamptz
),
-- Since when the site tells how far apart its slots are; null: it does not.
known as (
  select m.site_id, (select min(since) from site_intervals i where i.site_id = m.site_id) as since
  from miners m where m.miner_id = $1::int
),
-- For what is before: the interval of the last hour that has one.
pace as (
  select interval_s from miner_telemetry_1h
  where miner_id = $1::int and time >= $2::text::timestamptz - interval '1 day'
    and time < least($5::text::timestamptz, (select since from known)) and interval_s is not null
  order by time desc limit 1
)
select coalesce(sum(samples), 0)::float8 as samples, (
    select case when k.since <= $2::text::timestamptz
        then headframe_expected_slots(k.site_id, $2::text::timestamptz, $5::text::timestamptz)
      when k.since < $5::text::timestamptz
        then extract(epoch from k.since - $2::text::timestamptz)::float8 / (select interval_s from pace)
          + headframe_expected_slots(k.site_id, k.since, $5::text::timestamptz)
      else extract(epoch from $5::text::timestamptz - $2::text::timestamptz)::float8 / (select interval_s from pace) end
    from known k) as expected,
  sum(samples)::float8 as due, sum(online_samples)::float8 as online, sum(hashing_samples)::float8 as hashing
from parts
