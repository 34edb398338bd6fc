-- Looks at open batches: releases the next wave of one, stops one of which too many failed, ends one that is through.
-- $1 most batches.
with open as materialized (
  select * from command_batches
  where ended_at is null and (select pg_try_advisory_xact_lock(4801012))
  order by looked_at nulls first limit $1::int for update skip locked
),
told as (
  select b.batch_id,
    count(*) filter (where c.not_before is not null and c.status not in ('expired', 'cancelled')) as released,
    count(*) filter (where c.status in ('pending', 'sent') and c.not_before is not null or c.confirmation = 'waiting') as busy,
    count(*) filter (where c.status = 'pending' and c.not_before is null) as held,
    count(*) filter (where c.status in ('failed', 'rejected') or c.confirmation = 'not_confirmed'
      or c.status = 'unknown' and c.confirmation is distinct from 'confirmed'
      -- Its miner does worse than before, and should not.
      or c.status = 'completed' and c.kind <> 'disable' and c.confirmation is distinct from 'waiting'
        and l.time > c.ended_at
        and array_position(array['healthy', 'warning', 'critical', 'offline'], l.health)
          > array_position(array['healthy', 'warning', 'critical', 'offline'], c.baseline ->> 'health')) as failed,
    max(coalesce(c.confirmed_at, c.ended_at)) as settled_at
  from open b join miner_commands c using (batch_id) left join miner_telemetry_live l on l.miner_id = c.miner_id
  group by b.batch_id
),
decided as materialized (
  select b.batch_id, b.site_id, b.ttl_s, b.wave, t.failed, t.released, case
    when coalesce(t.busy + t.held, 0) = 0 then 'done'
    when b.state <> 'running' then 'wait'
    when t.failed > b.max_failed_percent / 100 * t.released then 'stop'
    when t.busy = 0 and t.settled_at + make_interval(secs => b.pause_s) <= statement_timestamp() then 'release'
    else 'wait' end as verdict
  from open b left join told t using (batch_id)
),
looked as (
  update command_batches b set looked_at = statement_timestamp(),
    wave = b.wave + (d.verdict = 'release')::int,
    state = case d.verdict when 'done' then case when b.state = 'running' then 'done' else 'cancelled' end
      when 'stop' then 'stopped' else b.state end,
    ended_at = case when d.verdict in ('done', 'stop') then statement_timestamp() end,
    ended_by = case when d.verdict in ('done', 'stop') then 'system' end,
    ended_because = case d.verdict when 'stop' then format('%s of %s failed or got worse', d.failed, d.released)
      when 'done' then case when b.state <> 'running' then 'it was not approved in time' end end
  from decided d where b.batch_id = d.batch_id
  returning b.batch_id
),
moved as (
  update miner_commands c set
    status = case when d.verdict = 'stop' then 'cancelled' else c.status end,
    ended_at = case when d.verdict = 'stop' then statement_timestamp() end,
    not_before = coalesce(c.not_before, case when d.verdict = 'release' then statement_timestamp() end),
    expires_at = case when d.verdict = 'release' then statement_timestamp() + make_interval(secs => d.ttl_s)
      else c.expires_at end,
    changed_by = 'system',
    changed_because = case when d.verdict = 'stop' then 'its batch was stopped' end
  from decided d
  where c.batch_id = d.batch_id and c.status = 'pending'
    and (d.verdict = 'stop' or d.verdict = 'release' and c.not_before is null and c.wave = d.wave + 1)
  returning c.site_id, c.kind, c.status
),
woken as (
  select pg_notify('headframe_commands', site_id::text) from (select distinct site_id from moved where status = 'pending') s
)
select kind, status, count(*)::int as n, (select count(*) from woken)::int as woken from moved group by kind, status
