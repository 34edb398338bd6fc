-- Takes notices that are due, for one lease; what is over a notifier's cap is held back.
-- $1 now, $2 end of the lease, $3 most rows, $4 an hour ago.
with locked as materialized (
  select o.notification_id, o.notifier_id, o.event, o.created_at
  from notification_outbox o
  where o.state = 'queued' and o.not_before <= $1::text::timestamptz
    and (o.claimed_until is null or o.claimed_until <= $1::text::timestamptz)
    and (select pg_try_advisory_xact_lock(4801011))
  order by o.not_before
  limit $3::int
  for update skip locked
),
used as materialized (
  select n.notifier_id, n.max_per_hour, (
    select count(*) from notification_outbox o
    where o.notifier_id = n.notifier_id and o.event not in ('held_back', 'test')
      and (o.state = 'sent' and o.settled_at > $4::text::timestamptz
        or o.state = 'queued' and o.claimed_until > $1::text::timestamptz)) as n
  from notifiers n where n.notifier_id in (select notifier_id from locked)
),
placed as materialized (
  select l.*, l.event not in ('held_back', 'test')
    and u.n + count(*) filter (where l.event not in ('held_back', 'test'))
      over (partition by l.notifier_id order by l.created_at, l.notification_id) > u.max_per_hour as is_over
  from locked l join used u using (notifier_id)
),
-- With its cap used up nothing more of a notifier's is sent: all of it is held back, lest it be in the way of others.
rest as materialized (
  select o.notification_id from notification_outbox o
  where o.state = 'queued' and o.not_before <= $1::text::timestamptz
    and (o.claimed_until is null or o.claimed_until <= $1::text::timestamptz)
    and o.event not in ('held_back', 'test')
    and o.notifier_id in (select notifier_id from placed where is_over)
    and o.notification_id not in (select notification_id from locked)
  for update skip locked
),
held as (
  update notification_outbox o set state = 'held'
  where o.notification_id in (select notification_id from placed where is_over union all select notification_id from rest)
),
-- Still marked as taken: whoever took it died, or stopped, before it wrote down what became of it.
claimed as (
  update notification_outbox o set claimed_until = $2::text::timestamptz, rounds = o.rounds + 1,
    lapsed = o.lapsed + case when o.claimed_until is null then 0 else 1 end
  from placed p
  where o.notification_id = p.notification_id and not p.is_over
  returning o.*
)
select c.notification_id, c.event, c.payload, c.rounds, c.lapsed, n.notifier_id, n.site_id, n.name, n.kind, n.target, n.secret,
  n.min_severity, n.max_per_hour, n.enabled, n.version,
  (select count(*)::int from alerts a where a.incident_id = c.incident_id) as alerts
from claimed c join notifiers n using (notifier_id)
order by c.created_at
