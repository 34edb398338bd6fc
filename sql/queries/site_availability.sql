-- Samples of a site over five-minute buckets. $1 site, $2 from, $3 to. Each miner of a bucket counts alike, however
-- often it is asked.
select coalesce(sum(samples), 0)::float8 as samples, sum(expected_samples) as expected,
  sum(miners)::float8 as due, sum(online_avg) as online, sum(hashing_avg) as hashing
from site_telemetry_5m
where site_id = $1::int and time >= $2::text::timestamptz and time < $3::text::timestamptz
