-- Slots that pollers of each zone ended of late. $1 sites as an array, null for all; $2 how far back, s; $3 heartbeats of
-- silence that mean lost. Of those that live a share of none is told too.
select z.zone, m.member_id, min(m.host) as host, min(m.pid) as pid,
  bool_or(headframe_member_state(m.state, m.seen_at, m.interval_s, $3::int) = 'up') as is_live,
  coalesce(sum(c.polled), 0)::float8 as polled, coalesce(sum(c.skipped), 0)::float8 as skipped
from cluster_members m cross join lateral unnest(m.zones) z (zone)
left join lateral (
  select sum(polled) as polled, sum(skipped) as skipped from cluster_slots c
  where c.site_id = m.site_id and c.member_id = m.member_id and c.zone = z.zone
    and c.minute >= now() - make_interval(secs => $2::int)) c on true
where ($1::int[] is null or m.site_id = any ($1::int[])) and m.role <> 'coordinator'
group by z.zone, m.member_id
having coalesce(sum(c.polled) + sum(c.skipped), 0) > 0
  or bool_or(headframe_member_state(m.state, m.seen_at, m.interval_s, $3::int) = 'up')
order by z.zone, polled desc, m.member_id limit 2000
