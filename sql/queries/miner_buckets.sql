-- Samples of one miner by five minutes. $1 miner, $2 from, $3 to, $4 points at most.
select date_bin(interval '5 minutes', time, 'epoch') as time, {{combine}}(({{sample}})::float8) as value
from miner_telemetry_history
where miner_id = $1::int and time >= $2::text::timestamptz and time < $3::text::timestamptz
group by 1 order by 1 limit $4::int
