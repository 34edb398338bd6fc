-- Notes the buckets after {{from_s}} that hold the samples next to those of this one, miner by miner: what they sum since
-- the sample before has changed. The next sample of any kind, and the next that tells each counter.
insert into rollup_due as d (width_s, site_id, time, due_at, is_late, is_moved)
select {{width_s}}, {{site}}, n.bucket, to_timestamp({{now_s}}), false, false
from (
  select distinct date_bin({{width_s}} * interval '1 second', t.time, 'epoch') as bucket
  from miners m
  cross join lateral (
    select h.time, h.accepted_shares is null as no_accepted, h.rejected_shares is null or h.rejected_shares = 2147483647 as no_rejected,
      (h.hardware_errors is null or h.hardware_errors = 2147483647) as no_errors
    from miner_telemetry_history h
    where h.miner_id = m.miner_id and h.time >= to_timestamp({{from_s}} + {{width_s}})
      and h.time < to_timestamp({{from_s}} + {{width_s}} + {{back_s}})
    order by h.time limit 1
  ) n
  cross join lateral (values
    (n.time),
    (case when n.no_accepted then (
      select h.time from miner_telemetry_history h
      where h.miner_id = m.miner_id and h.time > n.time and h.accepted_shares is not null
        and h.time >= to_timestamp({{from_s}} + {{width_s}})
        and h.time < to_timestamp({{from_s}} + {{width_s}} + {{back_s}})
      order by h.time limit 1) end),
    (case when n.no_rejected then (
      select h.time from miner_telemetry_history h
      where h.miner_id = m.miner_id and h.time > n.time and h.rejected_shares < 2147483647
        and h.time >= to_timestamp({{from_s}} + {{width_s}})
        and h.time < to_timestamp({{from_s}} + {{width_s}} + {{back_s}})
      order by h.time limit 1) end),
    (case when n.no_errors then (
      select h.time from miner_telemetry_history h
      where h.miner_id = m.miner_id and h.time > n.time and h.hardware_errors < 2147483647
        and h.time >= to_timestamp({{from_s}} + {{width_s}})
        and h.time < to_timestamp({{from_s}} + {{width_s}} + {{back_s}})
      order by h.time limit 1) end)
  ) t (time)
  where m.site_id = {{site}} and t.time is not null
) n
order by n.bucket
on conflict (width_s, site_id, time) do update set due_at = least(d.due_at, excluded.due_at)
