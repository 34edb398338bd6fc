-- Cancels a command that is pending or sent. $1 command, $2 sites of who asks (null: all), $3 who asks,
-- $4 the same for the audit log.
with told as (
  select command_id, status from miner_commands
  where command_id = $1::int and ($2::text is null or site_id = any ($2::text::int[])) for update
),
moved as (
  update miner_commands c set status = 'cancelled', ended_at = statement_timestamp(), lease_until = null,
    changed_by = $3::text, changed_because = null
  from told t where c.command_id = t.command_id and t.status in ('pending', 'sent')
  returning c.command_id, c.site_id, c.target, c.kind, c.miner_key, t.status as was
),
noted as (
  insert into audit_log (actor_kind, actor, user_id, address, request_id, action, target, site_id, before, after)
  select a.actor_kind, a.actor, a.user_id, a.address, a.request_id, 'command.cancel', 'command ' || m.command_id, m.site_id,
    json_build_object('miner_id', m.miner_key, 'command', m.kind, 'status', m.was),
    json_build_object('status', 'cancelled')
  from moved m cross join json_populate_record(null::audit_log, $4::text::json) a
),
woken as (
  select pg_notify('headframe_commands', m.site_id::text) from moved m
  where exists (select from miner_commands o where o.site_id = m.site_id and o.target = m.target
    and o.status = 'pending' and o.command_id <> m.command_id and o.not_before is not null)
)
select t.status as was, m.command_id is not null as is_moved, m.kind, (select count(*) from woken)::int as woken
from told t left join moved m using (command_id)
