-- A site over time. $1 site, $2 from, $3 to, $4 seconds per point: a multiple of 300.
-- Averages weigh each five minutes alike; those without a reading count nowhere.
select date_bin($4::int * interval '1 second', time, 'epoch') as time,
  max(miners)::int as miners, avg(online_avg) as online, avg(hashing_avg) as hashing,
  avg(hashrate_ghs) / 1000 as hashrate_ths, avg(nominal_ghs) / 1000 as nominal_ths, avg(power_w) as power_w,
  sum(energy_kwh) as energy_kwh,
  sum(temperature_avg_sum) / nullif(sum(temperature_samples), 0) as temperature_avg,
  max(temperature_max) as temperature_max, sum(accepted_delta)::float8 as accepted_delta,
  sum(rejected_delta)::float8 as rejected_delta
from site_telemetry_5m
where site_id = $1::int and time >= $2::text::timestamptz and time < $3::text::timestamptz
group by 1 order by 1
