-- One command for one miner, known or not; nothing where the site does not exist or has had its share of a day.
-- $1 site, $2 miner, $3 address where none is known, $4 kind, $5 parameters, $6 priority, $7 time to live, s,
-- $8 who asks, $9 most commands of a site in a day, $10 who asks, for the audit log.
with used as materialized (
  select headframe_commands_of_day($1::int) as n
),
made as (
  insert into miner_commands (site_id, miner_id, miner_key, ip, kind, params, priority, ttl_s, created_at, created_by,
    not_before, expires_at, changed_by)
  select s.site_id, m.miner_id, $2::text, coalesce(host(m.address), m.ip, $3::text), $4::text, $5::text::json, $6::int,
    $7::int, statement_timestamp(), $8::text, statement_timestamp(),
    statement_timestamp() + make_interval(secs => $7::int), $8::text
  from sites s left join miners m on m.site_id = s.site_id and m.key = $2::text
  where s.site_id = $1::int and (select n from used) < $9::int
  returning command_id, site_id, expires_at
),
noted as (
  insert into audit_log (actor_kind, actor, user_id, address, request_id, action, target, site_id, before, after)
  select a.actor_kind, a.actor, a.user_id, a.address, a.request_id, 'command.create', 'command ' || m.command_id, m.site_id,
    null,
    json_build_object('miner_id', $2::text, 'ip_address', $3::text, 'command', $4::text,
      'params', headframe_without_secrets($5::text::json), 'priority', $6::int, 'expires_at', m.expires_at)
  from made m cross join json_populate_record(null::audit_log, $10::text::json) a
)
select (select n from used)::int as used, exists (select from sites where site_id = $1::int) as is_site,
  m.command_id, case when m.command_id is not null then pg_notify('headframe_commands', m.site_id::text)::text end as woken
from (select 1) one left join made m on true
