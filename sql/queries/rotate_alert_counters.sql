-- Moves the counters behind rates on. $1 how long they stand before they do (s), $2 most rows.
insert into miner_alert_counters as c (miner_id, time, hardware_errors, errors_per_hour, accepted_shares, accepted_at)
select l.miner_id, l.time, l.hardware_errors, null, l.accepted_shares, l.time
from miner_telemetry_live l
left join miner_alert_counters o using (miner_id)
where l.online and (o.miner_id is null or l.time >= o.time + $1::float8 * interval '1 second')
order by o.time nulls first
limit $2::int
on conflict (miner_id) do update set
  time = excluded.time,
  hardware_errors = excluded.hardware_errors,
  -- A counter that fell began anew; what stood for long says nothing of now.
  errors_per_hour = case
    when excluded.hardware_errors >= c.hardware_errors and excluded.time < c.time + $1::float8 * interval '3 seconds'
    then (excluded.hardware_errors - c.hardware_errors)::float8 * 3600 / extract(epoch from excluded.time - c.time)::float8 end,
  accepted_shares = excluded.accepted_shares,
  accepted_at = case when excluded.accepted_shares = c.accepted_shares then c.accepted_at else excluded.time end
where excluded.time > c.time
