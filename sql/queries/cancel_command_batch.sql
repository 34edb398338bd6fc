-- Ends a batch and what is pending of it; what a collector has goes on. $1 batch, $2 sites of who asks, $3 who asks,
-- $4 the same for the audit log.
with told as (
  select batch_id, state, ended_at from command_batches
  where batch_id = $1::int and ($2::text is null or site_id = any ($2::text::int[])) for update
),
ended as (
  update command_batches b set state = 'cancelled', ended_at = statement_timestamp(), ended_by = $3::text
  from told t where b.batch_id = t.batch_id and t.ended_at is null
  returning b.batch_id, b.site_id, b.kind, t.state as was
),
moved as (
  update miner_commands c set status = 'cancelled', ended_at = statement_timestamp(), changed_by = $3::text,
    changed_because = 'its batch was cancelled'
  from ended e where c.batch_id = e.batch_id and c.status = 'pending'
  returning c.kind
),
noted as (
  insert into audit_log (actor_kind, actor, user_id, address, request_id, action, target, site_id, before, after)
  select a.actor_kind, a.actor, a.user_id, a.address, a.request_id, 'command_batch.cancel', 'command_batch ' || e.batch_id, e.site_id,
    json_build_object('command', e.kind, 'state', e.was),
    json_build_object('state', 'cancelled', 'commands_cancelled', (select count(*) from moved))
  from ended e cross join json_populate_record(null::audit_log, $4::text::json) a
)
select t.state as was, exists (select from ended) as is_moved, (select count(*) from moved)::int as n,
  (select min(kind) from moved) as kind
from told t
