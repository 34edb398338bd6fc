-- A page of shards, late ones first. $1 sites as an array, null for all; $2 state or null; $3 zone or null; $4 most rows;
-- $5 rows before.
select c.site_id, s.name as site, c.shard_id, c.zone, c.ranges, c.addresses, c.interval_ms, c.state, c.lag_s,
  c.last_slot, c.polled_at, c.polled_by, m.host as polled_by_host, m.pid as polled_by_pid, c.samples, c.online,
  c.duration_ms, c.skipped::float8, c.skipped_at, c.skip_reason
from cluster_shard_states c join sites s using (site_id)
left join cluster_members m on m.site_id = c.site_id and m.member_id = c.polled_by
where ($1::int[] is null or c.site_id = any ($1::int[]))
  and ($2::text is null or c.state = $2::text)
  and ($3::text is null or c.zone = $3::text)
order by c.state = 'late' desc, c.state = 'waiting' desc, c.lag_s desc nulls first, c.site_id, c.shard_id
limit $4::int offset $5::int
