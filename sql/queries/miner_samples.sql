-- Samples of one miner. $1 miner, $2 from, $3 to, $4 samples at most.
select time, ({{sample}})::float8 as value
from miner_telemetry_history
where miner_id = $1::int and time >= $2::text::timestamptz and time < $3::text::timestamptz
order by time limit $4::int
