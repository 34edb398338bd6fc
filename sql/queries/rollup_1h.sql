-- Computes one hour of a site anew, one row a miner. Rows that do not change are not written.
insert into miner_telemetry_1h as t (
  time, accepted_delta, miner_id, rejected_delta, hardware_errors_delta, samples, online_samples, hashing_samples,
  expected_samples, interval_s, hashrate_samples, hashrate_ghs_sum, hashrate_ghs_min, hashrate_ghs_max,
  nominal_samples, nominal_ghs_sum, temperature_samples, temperature_avg_sum, temperature_max, power_samples,
  power_w_sum, energy_kwh)
select to_timestamp({{from_s}}), case when s.accepted_delta > 9e15 then 9e15 else s.accepted_delta end, s.miner_id,
  case when s.rejected_delta > 2147483647 then 2147483647 else s.rejected_delta end,
  case when s.hardware_errors_delta > 2147483647 then 2147483647 else s.hardware_errors_delta end, s.samples,
  s.online_samples, s.hashing_samples, {{width_s}} / s.interval_s, s.interval_s, s.hashrate_samples,
  s.hashrate_ghs_sum, s.hashrate_ghs_min, s.hashrate_ghs_max, s.nominal_samples, s.nominal_ghs_sum,
  s.temperature_samples, s.temperature_avg_sum, s.temperature_max, s.power_samples, s.power_w_sum, s.energy_kwh
from ({{sums}}) s
on conflict (miner_id, time) do update set
  accepted_delta = excluded.accepted_delta, rejected_delta = excluded.rejected_delta,
  hardware_errors_delta = excluded.hardware_errors_delta, samples = excluded.samples,
  online_samples = excluded.online_samples, hashing_samples = excluded.hashing_samples,
  expected_samples = excluded.expected_samples, interval_s = excluded.interval_s,
  hashrate_samples = excluded.hashrate_samples, hashrate_ghs_sum = excluded.hashrate_ghs_sum,
  hashrate_ghs_min = excluded.hashrate_ghs_min, hashrate_ghs_max = excluded.hashrate_ghs_max,
  nominal_samples = excluded.nominal_samples, nominal_ghs_sum = excluded.nominal_ghs_sum,
  temperature_samples = excluded.temperature_samples, temperature_avg_sum = excluded.temperature_avg_sum,
  temperature_max = excluded.temperature_max, power_samples = excluded.power_samples,
  power_w_sum = excluded.power_w_sum, energy_kwh = excluded.energy_kwh
where t.* is distinct from excluded.*
