-- Five minutes of a site from before there are samples. $1 site, $2 and $3 first and last of them, $4 seconds between slots.
insert into site_telemetry_5m (
  time, accepted_delta, rejected_delta, hardware_errors_delta, hashrate_ghs_sum, nominal_ghs_sum,
  temperature_avg_sum, power_w_sum, energy_kwh, expected_samples, online_avg, hashing_avg, hashrate_ghs,
  nominal_ghs, power_w, site_id, miners, online_miners, hashing_miners, samples, online_samples, hashing_samples,
  hashrate_samples, nominal_samples, temperature_samples, power_samples, interval_s, hashrate_ghs_min,
  hashrate_ghs_max, temperature_max, last_states)
select b.time, s.miners * 27, s.miners / 10, s.miners / 6, k.up * k.n * s.nominal / s.miners * x.share,
  k.up * k.n * s.nominal / s.miners, k.up * k.n * (b.warmth + 3), k.up * k.n * s.power_w / s.miners,
  k.up * s.power_w / s.miners / 12000, s.miners * k.n, k.up, k.up - 2, k.up * s.nominal / s.miners * x.share,
  s.nominal, k.up * s.power_w / s.miners, $1::int, s.miners, k.up, k.up - 2, s.miners * k.n, k.up * k.n,
  (k.up - 2) * k.n, k.up * k.n, k.up * k.n, k.up * k.n, k.up * k.n, $4::int, 0, s.greatest_ghs, b.warmth + 19,
  json_build_object('mining', k.up - 2, 'starting', 2, 'unreachable', s.miners - k.up)
from (
  select count(*)::int as miners, sum(hashrate_expected_ghs) as nominal, sum(power_w::float8) as power_w,
    max(hashrate_expected_ghs) as greatest_ghs
  from miner_telemetry_live where site_id = $1::int
) s
cross join (
  select time, 54 + 5 * sin(extract(epoch from time) / 86400 * 2 * pi()) as warmth
  from generate_series($2::text::timestamptz, $3::text::timestamptz, interval '5 minutes') time
) b
cross join lateral (select 0.97 + 0.02 * random() as share where b.time is not null) x
cross join lateral (select 300 / $4::int as n, (s.miners * (0.98 + 0.01 * x.share))::int as up) k
order by b.time
