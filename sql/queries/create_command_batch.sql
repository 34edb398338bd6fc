-- One command each for many miners, all or none; nothing past the share of a day.
-- $1 site, $2 miners in order, $3 kind, $4 parameters, $5 priority, $6 time to live, s, $7 who asks,
-- $8 what cannot do it: [{family, model}], $9 size of a wave (null: all at once), $10 pause between two, s,
-- $11 most that may fail, percent, $12 whether it waits for approval, $13 how long it may be held back, s,
-- $14 most commands of a site in a day, $15 the account of who asks, $16 who asks, for the audit log,
-- $17 what was asked for in place of names, likewise.
with used as materialized (
  select headframe_commands_of_day($1::int) as n
),
targets as materialized (
  select m.miner_id, m.key, coalesce(host(m.address), m.ip) as ip, row_number() over (order by t.n) as n
  from unnest($2::text::int[]) with ordinality t (miner_id, n) join miners m using (miner_id)
  where m.site_id = $1::int
    and not exists (select from json_to_recordset($8::text::json) as r (family text, model text)
      where r.family is not distinct from m.family and r.model is not distinct from m.model)
    and not exists (select from miner_commands o where o.site_id = $1::int and o.miner_key = m.key and o.kind = $3::text
      and o.status in ('pending', 'sent'))
),
batch as (
  insert into command_batches (site_id, kind, params, state, total, priority, ttl_s, wave_size, pause_s,
    max_failed_percent, wave, created_at, created_by, created_user)
  select $1::int, $3::text, headframe_without_secrets($4::text::json),
    case when $12::text::boolean then 'waiting_approval' else 'running' end, c.n, $5::int, $6::int, $9::int, $10::int, $11::float8, case when $12::text::boolean then 0 else 1 end,
    statement_timestamp(), $7::text, $15::int
  from (select count(*)::int as n from targets) c
  where c.n > 0 and c.n + (select n from used) <= $14::int
  returning *
),
placed as (
  select t.*, b.batch_id, coalesce((t.n - 1) / $9::int, 0)::int + 1 as its_wave, b.wave as released
  from targets t cross join batch b
),
made as (
  insert into miner_commands (site_id, miner_id, miner_key, ip, kind, params, priority, ttl_s, created_at, created_by,
    batch_id, wave, not_before, expires_at, changed_by)
  select $1::int, miner_id, key, ip, $3::text, $4::text::json, $5::int, $6::int, statement_timestamp(), $7::text,
    batch_id, its_wave, case when its_wave <= released then statement_timestamp() end,
    statement_timestamp() + make_interval(secs => case when its_wave <= released then $6::int else $13::int end), $7::text
  from placed order by n
  returning command_id
),
noted as (
  insert into audit_log (actor_kind, actor, user_id, address, request_id, action, target, site_id, before, after)
  select a.actor_kind, a.actor, a.user_id, a.address, a.request_id, 'command_batch.create', 'command_batch ' || b.batch_id, b.site_id,
    null,
    json_build_object('command', b.kind, 'params', b.params, 'filter', $17::text::json, 'commands', b.total, 'state', b.state,
      'priority', b.priority, 'ttl_s', b.ttl_s, 'wave_size', b.wave_size, 'pause_s', b.pause_s,
      'max_failed_percent', b.max_failed_percent)
  from batch b cross join json_populate_record(null::audit_log, $16::text::json) a
)
select (select n from used)::int as used, (select count(*) from targets)::int as n,
  (select batch_id from batch) as batch_id,
  (select json_agg(command_id order by command_id) from made) as command_ids,
  case when exists (select from batch) then pg_notify('headframe_commands', $1::text)::text end as woken
