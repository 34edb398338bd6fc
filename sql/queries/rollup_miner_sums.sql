-- The sums of each miner of a site in one bucket, read from its samples by key. {{site}}, {{from_s}}: start of the
-- bucket, s since the epoch; {{width_s}}: its length; {{back_s}}: how far behind a sample the one before it may lie;
-- {{after}}, {{until}}: bounds of the miners' surrogate ids.
-- Each sample stands for the time since the one before it, and counts what its counters rose by since the last sample
-- that told them, so that nothing depends on samples to come but the bucket of the next sample. 2147483647 tells nothing.
select m.miner_id, s.*
from miners m
cross join lateral (
  with r as materialized (
    select h.*,
      extract(epoch from h.time - coalesce(lag(h.time) over by_time, (
        select b.time from miner_telemetry_history b
        where b.miner_id = m.miner_id and b.time < to_timestamp({{from_s}}) and b.time >= to_timestamp({{from_s}} - {{back_s}})
          and b.time >= h.time - {{back_s}} * interval '1 second'
        order by b.time desc limit 1)))::real as gap_s,
      lead(h.time) over by_time is null as is_last,
      case when h.accepted_shares is null then null
        when lag(h.time) over by_accepted is not null then lag(h.accepted_shares) over by_accepted
        else (
          select b.accepted_shares from miner_telemetry_history b
          where b.miner_id = m.miner_id and b.time < to_timestamp({{from_s}}) and b.accepted_shares is not null
            and b.time >= h.time - {{back_s}} * interval '1 second' and b.time >= to_timestamp({{from_s}} - {{back_s}})
          order by b.time desc limit 1) end as accepted_before,
      case when h.rejected_shares is null or h.rejected_shares = 2147483647 then null
        when lag(h.time) over by_rejected is not null then lag(h.rejected_shares) over by_rejected
        else (
          select b.rejected_shares from miner_telemetry_history b
          where b.miner_id = m.miner_id and b.time < to_timestamp({{from_s}}) and b.rejected_shares < 2147483647
            and b.time >= h.time - {{back_s}} * interval '1 second' and b.time >= to_timestamp({{from_s}} - {{back_s}})
          order by b.time desc limit 1) end as rejected_before,
      case when h.hardware_errors is null or h.hardware_errors = 2147483647 then null
        when lag(h.time) over by_errors is not null then lag(h.hardware_errors) over by_errors
        else (
          select b.hardware_errors from miner_telemetry_history b
          where b.miner_id = m.miner_id and b.time < to_timestamp({{from_s}}) and b.hardware_errors < 2147483647
            and b.time >= h.time - {{back_s}} * interval '1 second' and b.time >= to_timestamp({{from_s}} - {{back_s}})
          order by b.time desc limit 1) end as errors_before
    from miner_telemetry_history h
    where h.miner_id = m.miner_id and h.time >= to_timestamp({{from_s}}) and h.time < to_timestamp({{from_s}} + {{width_s}})
    window by_time as (order by h.time),
      by_accepted as (partition by h.accepted_shares is null order by h.time),
      by_rejected as (partition by h.rejected_shares is null or h.rejected_shares = 2147483647 order by h.time),
      by_errors as (partition by h.hardware_errors is null or h.hardware_errors = 2147483647 order by h.time)
  ),
  spacing as materialized (
    select coalesce(
      (select ({{width_s}} / headframe_expected_slots(
        {{site}}, to_timestamp({{from_s}}), to_timestamp({{from_s}} + {{width_s}})))::real),
      (select percentile_disc(0.5) within group (order by gap_s) from r)) as interval_s,
      (select exists (select from site_intervals i where i.site_id = {{site}}
        and i.since > to_timestamp({{from_s}}) and i.since < to_timestamp({{from_s}} + {{width_s}}))) as is_changing
  )
  select count(*)::int as samples,
    (count(*) filter (where state <> 'u'))::int as online_samples,
    (count(*) filter (where state = 'm'))::int as hashing_samples,
    min(interval_s) as interval_s,
    count(hashrate_ghs)::int as hashrate_samples,
    sum(hashrate_ghs::float8) as hashrate_ghs_sum,
    min(hashrate_ghs) as hashrate_ghs_min,
    max(hashrate_ghs) as hashrate_ghs_max,
    count(hashrate_expected_ghs)::int as nominal_samples,
    sum(hashrate_expected_ghs::float8) as nominal_ghs_sum,
    count(temperature_avg)::int as temperature_samples,
    sum(temperature_avg::float8) as temperature_avg_sum,
    max(coalesce(temperature_max, temperature_avg)) as temperature_max,
    count(power_w)::int as power_samples,
    sum(power_w::float8) as power_w_sum,
    -- `least` passes over an unknown gap, so a first sample stands for an interval: that of its time.
    sum(power_w::float8 * least(gap_s, case when not is_changing then interval_s else (
      select i.interval_s from site_intervals i
      where i.site_id = {{site}} and i.since <= r.time order by i.since desc limit 1) end)) / 3600000 as energy_kwh,
    sum(case when accepted_shares < accepted_before then accepted_shares
      else accepted_shares - accepted_before end)::float8 as accepted_delta,
    sum(case when rejected_shares < rejected_before then rejected_shares
      else rejected_shares - rejected_before end)::float8 as rejected_delta,
    sum(case when hardware_errors < errors_before then hardware_errors
      else hardware_errors - errors_before end)::float8 as hardware_errors_delta,
    max(state::text) filter (where is_last) as last_state
  from r cross join spacing
) s
where m.site_id = {{site}} and m.miner_id > {{after}} and m.miner_id <= {{until}} and s.samples > 0
