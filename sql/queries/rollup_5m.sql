-- Computes five minutes of a site anew.
with per_miner as materialized ({{sums}})
insert into site_telemetry_5m as t (
  time, accepted_delta, rejected_delta, hardware_errors_delta, hashrate_ghs_sum, nominal_ghs_sum,
  temperature_avg_sum, power_w_sum, energy_kwh, expected_samples, online_avg, hashing_avg, hashrate_ghs,
  nominal_ghs, power_w, site_id, miners, online_miners, hashing_miners, samples, online_samples, hashing_samples,
  hashrate_samples, nominal_samples, temperature_samples, power_samples, interval_s, hashrate_ghs_min,
  hashrate_ghs_max, temperature_max, last_states)
select to_timestamp({{from_s}}), case when sum(accepted_delta) > 9e15 then 9e15 else sum(accepted_delta) end,
  case when sum(rejected_delta) > 9e15 then 9e15 else sum(rejected_delta) end,
  case when sum(hardware_errors_delta) > 9e15 then 9e15 else sum(hardware_errors_delta) end,
  sum(hashrate_ghs_sum), sum(nominal_ghs_sum), sum(temperature_avg_sum), sum(power_w_sum), sum(energy_kwh),
  sum({{width_s}} / interval_s::float8), sum(online_samples::float8 / samples),
  sum(hashing_samples::float8 / samples), sum(hashrate_ghs_sum / nullif(hashrate_samples, 0)),
  sum(nominal_ghs_sum / nullif(nominal_samples, 0)), sum(power_w_sum / nullif(power_samples, 0)), {{site}},
  count(*), count(*) filter (where online_samples > 0), count(*) filter (where hashing_samples > 0), sum(samples),
  sum(online_samples), sum(hashing_samples), sum(hashrate_samples), sum(nominal_samples),
  sum(temperature_samples), sum(power_samples), percentile_disc(0.5) within group (order by interval_s),
  min(hashrate_ghs_min), max(hashrate_ghs_max), max(temperature_max), (
    select json_object_agg(c.name, l.n order by c.name)
    from (select last_state, count(*) as n from per_miner group by 1) l join miner_states c on c.code::text = l.last_state)
from per_miner
having count(*) > 0
on conflict (site_id, time) do update set
  accepted_delta = excluded.accepted_delta, rejected_delta = excluded.rejected_delta,
  hardware_errors_delta = excluded.hardware_errors_delta, hashrate_ghs_sum = excluded.hashrate_ghs_sum,
  nominal_ghs_sum = excluded.nominal_ghs_sum, temperature_avg_sum = excluded.temperature_avg_sum,
  power_w_sum = excluded.power_w_sum, energy_kwh = excluded.energy_kwh,
  expected_samples = excluded.expected_samples, online_avg = excluded.online_avg,
  hashing_avg = excluded.hashing_avg, hashrate_ghs = excluded.hashrate_ghs, nominal_ghs = excluded.nominal_ghs,
  power_w = excluded.power_w, miners = excluded.miners, online_miners = excluded.online_miners,
  hashing_miners = excluded.hashing_miners, samples = excluded.samples, online_samples = excluded.online_samples,
  hashing_samples = excluded.hashing_samples, hashrate_samples = excluded.hashrate_samples,
  nominal_samples = excluded.nominal_samples, temperature_samples = excluded.temperature_samples,
  power_samples = excluded.power_samples, interval_s = excluded.interval_s,
  hashrate_ghs_min = excluded.hashrate_ghs_min, hashrate_ghs_max = excluded.hashrate_ghs_max,
  temperature_max = excluded.temperature_max, last_states = excluded.last_states
