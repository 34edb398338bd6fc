-- Hours of one miner, those that no rollup has seen yet (of the last two days) from its samples. $1 miner, $2 from,
-- $3 to, $4 points at most.
with hours as materialized (
  select time, ({{hour}})::float8 as value
  from miner_telemetry_1h
  where miner_id = $1::int and time >= $2::text::timestamptz and time < $3::text::timestamptz
  order by time limit $4::int
)
select * from hours
union all
(select date_bin(interval '1 hour', time, 'epoch'), {{combine}}(({{sample}})::float8)
  from miner_telemetry_history
  where miner_id = $1::int
    and time >= greatest($2::text::timestamptz, $3::text::timestamptz - interval '2 days',
      (select max(time) + interval '1 hour' from hours))
    and time < $3::text::timestamptz
  group by 1)
order by 1 limit $4::int
