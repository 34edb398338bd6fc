-- Members of sites. $1 sites as an array, null for all; $2 heartbeats of silence that mean lost; $3 most rows.
select m.site_id, s.name as site, m.member_id, m.role, m.host, m.pid, m.version, m.started_at, m.first_seen, m.seen_at,
  extract(epoch from now() - m.seen_at)::float8 as silent_s, m.interval_s::float8,
  to_json(m.zones) as zones, m.report, m.slots,
  headframe_member_state(m.state, m.seen_at, m.interval_s, $2::int) as state
from cluster_members m join sites s using (site_id)
where ($1::int[] is null or m.site_id = any ($1::int[]))
  and not (m.state = 'left' and m.seen_at < now() - interval '1 hour')
order by m.seen_at desc, m.member_id, m.site_id limit $3::int
