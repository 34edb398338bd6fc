-- Hours of the miners of a site from before there are samples. $1 site, $2 and $3 first and last hour, $4 seconds between slots.
insert into miner_telemetry_1h (
  time, accepted_delta, miner_id, rejected_delta, hardware_errors_delta, samples, online_samples, hashing_samples,
  expected_samples, interval_s, hashrate_samples, hashrate_ghs_sum, hashrate_ghs_min, hashrate_ghs_max,
  nominal_samples, nominal_ghs_sum, temperature_samples, temperature_avg_sum, temperature_max, power_samples,
  power_w_sum, energy_kwh)
with base as materialized (
  select miner_id, hashrate_expected_ghs as nominal, power_w from miner_telemetry_live
  where site_id = $1::int order by miner_id
)
select h.hour, 327, b.miner_id, 1, 2, k.n, k.up, k.hashing, k.n, $4::int, k.up, k.up * b.nominal * x.share,
  b.nominal * (x.share - 0.03), b.nominal * (x.share + 0.03), k.up, k.up * b.nominal, k.up, k.up * (h.warmth + 3),
  h.warmth + 18, k.up, k.up * b.power_w, b.power_w * k.up / k.n / 1000
from (
  select hour, extract(epoch from hour)::int8 / 3600 as hour_no, 54 + 5 * sin(extract(epoch from hour) / 86400 * 2 * pi()) as warmth
  from generate_series($2::text::timestamptz, $3::text::timestamptz, interval '1 hour') hour
) h
cross join lateral (select * from base where h.hour is not null) b
cross join lateral (select hashint8(b.miner_id * 1048576::int8 + h.hour_no) & 1048575 as luck, 0.96 + 0.04 * random() as share) x
cross join lateral (select 3600 / $4::int as n, (300 + x.luck % 1200) / $4::int as away) a
cross join lateral (
  select a.n, a.n - case when x.luck < 20972 then a.away else 0 end as up,
    a.n - case when x.luck < 31457 then a.away else 0 end as hashing
) k
