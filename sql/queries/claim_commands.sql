-- Hands out what is due at a site, and ends what is overdue there.
-- $1 site, $2 most commands, $3 length of the lease, s, $4 who claims.
with overdue as (
  select command_id from miner_commands
  where site_id = $1::int and status = 'pending' and expires_at <= statement_timestamp()
  order by expires_at limit 500 for update skip locked
),
due as (
  select c.command_id
  from waiting_commands w join miner_commands c using (command_id)
  where w.site_id = $1::int and w.not_before is not null and w.not_before <= statement_timestamp()
    and w.expires_at > statement_timestamp() and w.waits_for is null
    and c.status = 'pending' and c.expires_at > statement_timestamp()
  order by w.priority desc, w.command_id
  limit $2::int for update of c skip locked
),
-- One update for both, so that both are one event each of one trigger.
moved as (
  update miner_commands c set
    status = case when p.is_due then 'sent' else 'expired' end,
    changed_by = case when p.is_due then $4::text else 'system' end,
    changed_because = case when p.is_due then null else 'its time was over' end,
    ended_at = case when not p.is_due then statement_timestamp() end,
    sent_at = case when p.is_due then statement_timestamp() else c.sent_at end,
    lease_until = case when p.is_due then statement_timestamp() + make_interval(secs => $3::int) end,
    claimed_by = case when p.is_due then $4::text else c.claimed_by end,
    attempts = c.attempts + p.is_due::int,
    ip = coalesce(p.ip, c.ip),
    miner_key = coalesce(p.key, c.miner_key),
    baseline = case when p.is_due then p.baseline else c.baseline end
  from (
    select command_id, false as is_due, null as key, null as ip, null::json as baseline from overdue
    union all
    select d.command_id, true, m.key, coalesce(host(m.address), m.ip), case when l.miner_id is not null then headframe_readings(l) end
    from due d join miner_commands k using (command_id)
    left join miners m on m.miner_id = k.miner_id left join miner_telemetry_live l on l.miner_id = k.miner_id) p
  where c.command_id = p.command_id and c.status = 'pending'
  returning c.*
)
select command_id, miner_key as miner_id, ip as ip_address, site_id, kind as command, params, priority, status, created_at, expires_at,
  greatest(0, floor(extract(epoch from expires_at - statement_timestamp())))::int as ttl_s, attempts as attempt
from moved order by priority desc, command_id
