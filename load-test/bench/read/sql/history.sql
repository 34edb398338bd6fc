-- Samples of a site, slot by slot as they would have come. $1 site, $2 and $3 first and last slot, $4 seconds between slots.
-- Uptime and counters start anew at a miner's own period; in one hour of fifty a miner is away for some minutes, and in
-- one of a hundred it starts. `events.sql` tells the same.
insert into miner_telemetry_history (
  time, accepted_shares, miner_id, rejected_shares, hardware_errors, uptime_seconds, hashrate_ghs, hashrate_5s_ghs,
  hashrate_expected_ghs, temperature_avg, temperature_min, temperature_max, frequency_avg, power_w, offset_ms,
  latency_ms, pool_latency_ms, boards_total, boards_healthy, state, health, error_class, fan_speeds, temperature_chips,
  boards)
with base as materialized (
  -- Arrays are made once in four variants: to make them for each sample would cost more than to insert it.
  select l.miner_id, l.hashrate_expected_ghs as nominal, l.power_w, 86400 * (1 + l.miner_id % 20) as period_s, v.n as variant,
    array[f.rpm, f.rpm + 60, f.rpm - 60, f.rpm + 120]::smallint[] as fans,
    (select array_agg((52 + (l.miner_id * 7 + c * 5 + v.n) % 21)::"char" order by c) from generate_series(1, 12) c) as chips,
    array[array[l.hashrate_expected_ghs / 3.03, l.hashrate_expected_ghs / 3.08, l.hashrate_expected_ghs / 3.05],
      array[58 + v.n, 60 + l.miner_id % 5, 59], array[114, 114, case when l.miner_id % 97 = 0 then 113 else 114 end]]::real[] as boards
  from miner_telemetry_live l
  cross join generate_series(0, 3) v (n)
  cross join lateral (select 4200 + (l.miner_id * 13 + v.n * 40) % 1500 as rpm) f
  where l.site_id = $1::int
  order by l.miner_id
)
select s.slot, case when x.is_up then x.uptime_s / 11 end, b.miner_id, case when x.is_up then x.uptime_s / 2900 end,
  case when x.is_up then x.uptime_s / 1700 end, case when x.is_up then x.uptime_s end,
  case when x.is_up then b.nominal * (0.95 + 0.06 * x.r) end,
  case when x.is_up then b.nominal * (0.88 + 0.2 * x.r) end, case when x.is_up then b.nominal end,
  case when x.is_up then s.warmth + 6 * x.r end, case when x.is_up then s.warmth - 5 + 4 * x.r end,
  case when x.is_up then s.warmth + 11 + 8 * x.r end, case when x.is_up then 480 + b.miner_id % 60 end,
  case when x.is_up then b.power_w * (0.98 + 0.04 * x.r) end, 80 + (b.miner_id * 7) % 9000,
  case when x.is_up then 20 + 90 * x.r end, case when x.is_up then 30 + 40 * x.r end, case when x.is_up then 3 end,
  case when x.is_up then 3 end, x.state, (case when x.is_up then 'h' else 'o' end)::"char",
  (case when x.is_up then '-' else 'c' end)::"char", case when x.is_up then b.fans end,
  case when x.is_up then b.chips end, case when x.is_up then b.boards end
from (
  select slot, extract(epoch from slot)::int8 as slot_s, 54 + 5 * sin(extract(epoch from slot) / 86400 * 2 * pi()) as warmth
  from generate_series($2::text::timestamptz, $3::text::timestamptz, $4::int * interval '1 second') slot
) s
-- Refers to the slot, so that it is the outer side: samples lie on disk slot by slot.
cross join lateral (select * from base where variant = (s.slot_s / $4::int) % 4) b
cross join lateral (
  select random() as r, (s.slot_s + b.miner_id * 7919) % b.period_s as uptime_s,
    hashint8(b.miner_id * 1048576::int8 + s.slot_s / 3600) & 1048575 as luck, s.slot_s % 3600 as second
) n
cross join lateral (
  select n.r, n.uptime_s, n.luck >= 20972 or not is_spell as is_up,
    (case when not is_spell or n.luck >= 31457 then 'm' when n.luck < 20972 then 'u' else 's' end)::"char" as state
  from (select n.second between (n.luck % 1800) and (n.luck % 1800) + 300 + n.luck % 1200 as is_spell) p
) x
