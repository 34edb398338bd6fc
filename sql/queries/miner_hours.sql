-- Hours of one miner. $1 miner, $2 from, $3 to, $4 points at most.
select time, ({{hour}})::float8 as value
from miner_telemetry_1h
where miner_id = $1::int and time >= $2::text::timestamptz and time < $3::text::timestamptz
order by time limit $4::int
