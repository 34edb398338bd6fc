-- Writes what an evaluation decided, and whom to tell, unless another evaluation began since.
-- $1 generation, $2 now, $3 changes (JSON). Answers whether it was written.
with fence as materialized (
  select $3::text::json as j from alert_clock where generation = $1::text::int8 for update
),
unpended as (
  delete from alert_pending p using json_to_recordset((select j->'unpend' from fence)) as u (
    rule_id int, site_id int, miner_id int)
  where p.rule_id = u.rule_id and p.site_id = u.site_id and coalesce(p.miner_id, 0) = coalesce(u.miner_id, 0)
),
pended as (
  insert into alert_pending (rule_id, site_id, miner_id, since, due_at)
  select * from json_to_recordset((select j->'pend' from fence)) as p (
    rule_id int, site_id int, miner_id int, since timestamptz, due_at timestamptz)
  on conflict (rule_id, site_id, coalesce(miner_id, 0)) do update set since = excluded.since, due_at = excluded.due_at
),
made as (
  insert into incidents (incident_id, site_id, kind, scope, place, severity, opened_at)
  select i.*, $2::text::timestamptz from json_to_recordset((select j->'incidents' from fence)) as i (
    incident_id int, site_id int, kind text, scope text, place text, severity text)
),
opened as (
  insert into alerts (alert_id, rule_id, site_id, miner_id, kind, severity, message, value, threshold, triggered_at,
    is_silenced, subnet, rack, pool, incident_id)
  select a.alert_id, a.rule_id, a.site_id, a.miner_id, a.kind, a.severity, a.message, a.value, a.threshold,
    $2::text::timestamptz, a.is_silenced, a.subnet, a.rack, a.pool, a.incident_id
  from json_to_recordset((select j->'open' from fence)) as a (
    alert_id int, rule_id int, site_id int, miner_id int, kind text, severity text, message text, value float8,
    threshold float8, is_silenced boolean, subnet text, rack text, pool text, incident_id int)
  on conflict do nothing
),
changed as (
  update alerts a set
    resolved_at = coalesce(a.resolved_at, case when c.resolved_because is not null then $2::text::timestamptz end),
    resolved_because = coalesce(a.resolved_because, c.resolved_because),
    incident_id = coalesce(c.incident_id, a.incident_id),
    is_silenced = a.is_silenced and not coalesce(c.is_released, false)
  from (
    select alert_id, max(resolved_because) as resolved_because, max(incident_id) as incident_id,
      bool_or(is_released) as is_released
    from json_to_recordset((select j->'change' from fence)) as c (
      alert_id int, resolved_because text, incident_id int, is_released boolean)
    group by alert_id
  ) c
  where a.alert_id = c.alert_id
),
ended as (
  update incidents i set resolved_at = $2::text::timestamptz
  from json_array_elements_text((select j->'ended' from fence)) e
  where i.incident_id = e.value::int and i.resolved_at is null
),
-- Told as part of an incident, or over before it was told at all.
cancelled as (
  update notification_outbox o set state = 'cancelled', settled_at = $2::text::timestamptz
  from json_array_elements_text((select j->'cancel' from fence)) c
  where o.alert_id = c.value::int and o.event = 'alert.opened' and o.state = 'queued' and o.claimed_until is null
    and o.rounds = 0
  returning o.notification_id
),
told as (
  insert into notification_outbox (notification_id, notifier_id, event, payload, alert_id, incident_id, created_at, not_before)
  select t.notification_id, t.notifier_id, t.event, t.payload, t.alert_id, t.incident_id, $2::text::timestamptz, t.not_before
  from json_to_recordset((select j->'tell' from fence)) as t (
    notification_id uuid, notifier_id int, event text, payload json, alert_id int, incident_id int, not_before timestamptz)
  where exists (select from notifiers n where n.notifier_id = t.notifier_id)
    -- The end is told to those who heard the beginning, or hear it now: what another took meanwhile is not cancelled.
    and (t.event not in ('alert.resolved', 'incident.resolved') or exists (
      select from notification_outbox o
      where o.notifier_id = t.notifier_id and o.event = replace(t.event, 'resolved', 'opened')
        and (o.alert_id = t.alert_id or o.incident_id = t.incident_id)
        and o.state in ('sent', 'dead', 'queued')
        and not exists (select from cancelled c where c.notification_id = o.notification_id)))
)
select exists (select from fence) as is_written
