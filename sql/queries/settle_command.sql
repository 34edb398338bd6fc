-- Writes down what a collector reports of a command of its site. After the end it is kept beside and changes nothing.
-- $1 command, $2 site, $3 status, $4 code, $5 message, $6 the rest as JSON, $7 who reports,
-- $8 how long samples may take to confirm it, s, by kind, as JSON, $9 when the command that is meant was made (null: any):
-- a collector may still have a result of another database, whose numbers were the same.
with told as (
  select command_id, status, attempts, sent_at from miner_commands
  where command_id = $1::int and site_id = $2::int
    and ($9::text is null or date_trunc('milliseconds', created_at) = $9::text::timestamptz) for update
),
-- One that was given back when its lease ended may have been done all the same.
moved as (
  update miner_commands c set
    status = case when t.is_open then $3::text else c.status end,
    changed_by = case when t.is_open then $7::text else c.changed_by end,
    changed_because = case when t.is_open then $5::text else c.changed_because end,
    ended_at = case when t.is_open then statement_timestamp() else c.ended_at end,
    lease_until = null,
    result_code = case when t.is_open then $4::int else c.result_code end,
    result_message = case when t.is_open then $5::text else c.result_message end,
    result = case when t.is_open then $6::text::json else c.result end,
    confirmation = case when t.is_open and t.may_be_done and c.miner_id is not null then 'waiting'
      else c.confirmation end,
    confirm_until = case when t.is_open and t.may_be_done
      then statement_timestamp() + make_interval(secs => ($8::text::json ->> c.kind)::int) else c.confirm_until end,
    late_result = case when t.is_open then c.late_result else json_build_object('at', statement_timestamp(), 'by', $7::text,
      'status', $3::text, 'result_code', $4::int, 'result_message', $5::text, 'result', $6::text::json) end
  from (
    select *, status = 'sent' or status = 'pending' and attempts > 0 as is_open,
      -- Samples tell what nobody knows, too.
      $3::text in ('completed', 'unknown') as may_be_done
    from told) t
  where c.command_id = t.command_id and (t.is_open or c.result is null and c.late_result is null)
  returning c.command_id, c.site_id, c.target, c.kind, c.status, c.sent_at, t.is_open
),
-- The miner is free for what else waits for it.
woken as (
  select pg_notify('headframe_commands', m.site_id::text) from moved m
  where m.is_open and exists (select from miner_commands o where o.site_id = m.site_id and o.target = m.target
    and o.status = 'pending' and o.not_before is not null)
)
select t.status as was, m.kind, m.status, coalesce(m.is_open, false) as is_moved,
  extract(epoch from statement_timestamp() - m.sent_at)::float8 as took_s, (select count(*) from woken)::int as woken
from told t left join moved m using (command_id)
