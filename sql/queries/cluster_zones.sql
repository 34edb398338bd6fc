-- Zones of sites with their shards. $1 sites as an array, null for all; $2 heartbeats of silence that mean lost.
select c.site_id, s.name as site, c.zone, count(*)::int as shards, sum(c.addresses)::int as addresses,
  (count(*) filter (where c.state = 'late'))::int as late,
  (count(*) filter (where c.state = 'waiting'))::int as waiting,
  max(c.lag_s) as max_lag_s,
  sum(c.skipped)::float8 as skipped,
  (select count(*) from cluster_members m
    where m.site_id = c.site_id and c.zone = any (m.zones) and m.role <> 'coordinator'
      and headframe_member_state(m.state, m.seen_at, m.interval_s, $2::int) = 'up')::int as live_pollers
from cluster_shard_states c join sites s using (site_id)
where $1::int[] is null or c.site_id = any ($1::int[])
group by c.site_id, s.name, c.zone order by s.name, c.zone
