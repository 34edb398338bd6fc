-- What nobody reported of by the end of its lease: once more where that does no harm, else nobody knows.
-- $1 kinds that may be done twice, $2 how often a command is handed out at most, $3 most rows,
-- $4 how long samples may take to show whether it was done, s, by kind, as JSON.
with over as (
  select command_id from miner_commands
  where status = 'sent' and lease_until <= statement_timestamp() and (select pg_try_advisory_xact_lock(4801012))
  order by lease_until limit $3::int for update skip locked
),
moved as (
  update miner_commands c set
    status = n.status, lease_until = null, changed_by = 'system', changed_because = 'no result came in time',
    ended_at = case when n.status = 'unknown' then statement_timestamp() end,
    confirmation = case when n.status = 'unknown' and c.miner_id is not null then 'waiting' else c.confirmation end,
    confirm_until = case when n.status = 'unknown'
      then statement_timestamp() + make_interval(secs => ($4::text::json ->> c.kind)::int) else c.confirm_until end
  from over o join miner_commands k using (command_id) cross join lateral (
    select case when k.kind = any ($1::text::text[]) and k.attempts < $2::int and k.expires_at > statement_timestamp()
      then 'pending' else 'unknown' end as status) n
  where c.command_id = o.command_id and c.status = 'sent'
  returning c.site_id, c.kind, c.status
),
woken as (
  select pg_notify('headframe_commands', site_id::text) from (select distinct site_id from moved) s
)
select kind, status, count(*)::int as n, (select count(*) from woken)::int as woken from moved group by kind, status
