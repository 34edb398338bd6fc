-- One notice of all that was held back, for each notifier that may send again. $1 now, $2 an hour ago, $3 most of them.
with due as materialized (
  select n.notifier_id, n.site_id from notifiers n
  where exists (select from notification_outbox o where o.notifier_id = n.notifier_id and o.state = 'held')
    and (select pg_try_advisory_xact_lock(4801011))
    and n.max_per_hour > (
      select count(*) from notification_outbox o
      where o.notifier_id = n.notifier_id and o.event <> 'test' and o.state = 'sent' and o.settled_at > $2::text::timestamptz)
  order by n.notifier_id limit $3::int
),
held as (
  update notification_outbox o set state = 'summarised', settled_at = $1::text::timestamptz
  from due d where o.notifier_id = d.notifier_id and o.state = 'held'
  returning o.notifier_id, o.event, o.payload->>'severity' as severity
),
counts as (
  select notifier_id, event, count(*) as n, bool_or(severity = 'critical') as is_critical from held group by notifier_id, event
)
insert into notification_outbox (notification_id, notifier_id, event, payload, state, created_at, not_before)
select gen_random_uuid(), d.notifier_id, 'held_back', json_build_object(
    'event', 'held_back', 'site_id', d.site_id, 'site', null,
    'severity', case when bool_or(c.is_critical) then 'critical' else 'warning' end,
    'message', sum(c.n) || ' notices were held back: more than this notifier may send in an hour',
    'time', to_char($1::text::timestamptz at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
    'held', json_object_agg(c.event, c.n)),
  'queued', $1::text::timestamptz, $1::text::timestamptz
from due d join counts c using (notifier_id)
group by d.notifier_id, d.site_id
returning notifier_id
