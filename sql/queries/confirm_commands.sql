-- Holds later samples against what commands were to do that were done or may have been, and gives up on those whose time is over.
-- $1 most rows.
with judged as (
  select c.command_id, c.confirm_until, l.miner_id, l.time >= c.ended_at and case c.kind
    -- A shorter time than since it was handed out: it has started since.
    when 'reboot' then v.has_restarted
    when 'restart' then v.has_restarted
    when 'enable' then l.online and (l.state in ('mining', 'starting') or l.hashrate_ghs > 0)
    when 'disable' then l.state in ('sleeping', 'stopped')
      or l.online and l.state <> 'starting' and coalesce(l.hashrate_5s_ghs, l.hashrate_ghs) = 0
    when 'set_pool' then case when c.params ->> 'pool_url' is not null
      then headframe_pool_host(l.pool_url) = headframe_pool_host(c.params ->> 'pool_url')
        and coalesce(l.worker_name = c.params ->> 'pool_user', true)
      else exists (select from miner_live_details d,
          json_array_elements(case when json_typeof(d.details -> 'pools') = 'array' then d.details -> 'pools' end) p
        where d.miner_id = l.miner_id and p ->> 'index' = c.params ->> 'pool_id' and p ->> 'active' = 'true') end
    -- No firmware tells the percentage it was set to: the fans have to move, or to turn as they did when they were
    -- last seen to obey, if that was the same.
    when 'set_fan' then abs(v.fan_rpm - v.fan_rpm_before) > 0.05 * greatest(v.fan_rpm_before, 500)
      or (select p.params ->> 'speed' = c.params ->> 'speed'
          and abs(v.fan_rpm - (p.observed ->> 'fan_rpm')::float8) <= 0.1 * (p.observed ->> 'fan_rpm')::float8
        from miner_commands p
        where p.site_id = c.site_id and p.miner_key = c.miner_key and p.command_id < c.command_id
          and p.kind = 'set_fan' and p.confirmation = 'confirmed'
        order by p.command_id desc limit 1)
    when 'set_frequency' then case when c.params ->> 'frequency' is not null
      then abs(l.frequency_avg - (c.params ->> 'frequency')::float8) <= 0.05 * (c.params ->> 'frequency')::float8
      else sign(l.frequency_avg - v.frequency_before) = sign((c.params ->> 'percent')::float8)
        and abs(l.frequency_avg - v.frequency_before) > 0.005 * v.frequency_before end
    end as is_shown
  from miner_commands c left join miner_telemetry_live l on l.miner_id = c.miner_id
  cross join lateral (
    select l.online and l.uptime_seconds < extract(epoch from l.time - c.sent_at) + coalesce(l.offset_ms, 0) / 1000.0
        as has_restarted,
      (select avg(rpm) from miner_live_details d, unnest(d.fan_speeds) rpm where d.miner_id = l.miner_id) as fan_rpm,
      (c.baseline ->> 'fan_rpm')::float8 as fan_rpm_before,
      (c.baseline ->> 'frequency_avg')::float8 as frequency_before) v
  where c.confirmation = 'waiting' and (select pg_try_advisory_xact_lock(4801012))
),
settled as (
  select j.command_id, coalesce(j.is_shown, false) as is_shown,
    case when l.miner_id is not null then headframe_readings(l) end as readings
  from (
    select * from judged where is_shown or confirm_until <= statement_timestamp() order by command_id limit $1::int) j
  left join miner_telemetry_live l on l.miner_id = j.miner_id
),
moved as (
  update miner_commands c set
    confirmation = case when s.is_shown then 'confirmed' else 'not_confirmed' end,
    confirmed_at = case when s.is_shown then statement_timestamp() end,
    observed = s.readings
  from settled s where c.command_id = s.command_id and c.confirmation = 'waiting'
  returning c.kind, c.confirmation
)
select kind, confirmation, count(*)::int as n from moved group by kind, confirmation
