-- Releases the first wave of a batch that waits for a second person. $1 batch, $2 sites of who asks, $3 who asks, $4 their account,
-- $5 the same for the audit log.
with told as (
  select batch_id, state, created_by, created_user from command_batches
  where batch_id = $1::int and ($2::text is null or site_id = any ($2::text::int[])) for update
),
approved as (
  update command_batches b set state = 'running', wave = 1, approved_at = statement_timestamp(), approved_by = $3::text
  from told t where b.batch_id = t.batch_id and t.state = 'waiting_approval' 
    -- By their accounts where both have one: a person may hold several tokens, and two persons' may be called alike.
    and coalesce(t.created_user <> $4::int, t.created_by <> $3::text)
  returning b.batch_id, b.site_id, b.ttl_s, b.kind, t.state as was, t.created_by
),
moved as (
  update miner_commands c set not_before = statement_timestamp(), changed_by = $3::text,
    expires_at = statement_timestamp() + make_interval(secs => a.ttl_s)
  from approved a where c.batch_id = a.batch_id and c.status = 'pending' and c.wave = 1
  returning c.command_id
),
noted as (
  insert into audit_log (actor_kind, actor, user_id, address, request_id, action, target, site_id, before, after)
  select a.actor_kind, a.actor, a.user_id, a.address, a.request_id, 'command_batch.approve', 'command_batch ' || b.batch_id, b.site_id,
    json_build_object('command', b.kind, 'state', b.was, 'created_by', b.created_by),
    json_build_object('state', 'running', 'commands_released', (select count(*) from moved))
  from approved b cross join json_populate_record(null::audit_log, $5::text::json) a
)
select t.state as was, t.created_by, a.batch_id is not null as is_moved, (select count(*) from moved)::int as n,
  case when a.batch_id is not null then pg_notify('headframe_commands', a.site_id::text)::text end as woken
from told t left join approved a using (batch_id)
