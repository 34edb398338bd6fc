-- Ends commands that were not handed out in time. $1 most rows.
with overdue as (
  select command_id from miner_commands
  where status = 'pending' and expires_at <= statement_timestamp() and (select pg_try_advisory_xact_lock(4801012))
  order by expires_at limit $1::int for update skip locked
),
moved as (
  update miner_commands c set status = 'expired', ended_at = statement_timestamp(), changed_by = 'system',
    changed_because = 'its time was over'
  from overdue o where c.command_id = o.command_id and c.status = 'pending'
  returning c.kind, c.status
)
select kind, status, count(*)::int as n from moved group by kind, status
