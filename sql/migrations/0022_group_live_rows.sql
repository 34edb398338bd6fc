-- A live row keeps no more than lists, sums and rules read: fans, serials of boards and texts of errors move to the
-- details. And it says in one number all that a sum of its site tells apart: one number is grouped by in a third of the
-- time that two texts and three conditions are.
lock table miner_telemetry_live, miner_live_details in access exclusive mode;

create table live_detail_rows (
  miner_id int not null,
  known_board_serials text[], -- the last ones ever told
  fan_speeds int[],
  temperature_chips real[],
  reported_health text,
  error_message text,
  boards json,
  details json
) with (fillfactor = 70);
insert into live_detail_rows
select miner_id, l.known_board_serials, l.fan_speeds, d.temperature_chips, l.reported_health, l.error_message, d.boards,
  d.details
from miner_telemetry_live l left join miner_live_details d using (miner_id) order by miner_id;

create table live_rows (
  miner_id int not null,
  site_id int not null,
  time timestamptz not null,
  changed_at timestamptz,
  hashrate_ghs float8,
  hashrate_expected_ghs float8,
  temperature_max real,
  temperature_avg real,
  power_w real,
  -- By bits, from the lowest: 8 the letter of its health (health_levels), 8 the letter of its state (miner_states),
  -- 1 whether it is online, 1 whether it hashes and tells its power. Never 0.
  sum_group int not null generated always as (
    ascii(case health when 'healthy' then 'h' when 'warning' then 'w' when 'critical' then 'c' when 'offline' then 'o'
      else 'u' end)
    + 256 * ascii(case state when 'mining' then 'm' when 'starting' then 's' when 'sleeping' then 'z'
      when 'stopped' then 'x' when 'overheated' then 'h' when 'no_boards' then 'n' when 'denied' then 'd'
      when 'wrong_password' then 'w' when 'parse_error' then 'p' when 'unreachable' then 'u' else '?' end)
    + 65536 * online::int
    + 131072 * coalesce((power_w > 0 and hashrate_ghs >= 0.001)::int, 0)) stored,
  online boolean not null,
  state text not null,
  health text not null,
  pool_url text,
  worker_name text,
  last_online_at timestamptz,
  accepted_shares int8,
  rejected_shares int8,
  fan_min int, -- rpm
  fan_max int,
  boards_total int,
  boards_healthy int,
  known_boards_healthy int, -- the last one ever told; so the other known_ columns
  known_chips_ok int,       -- over all boards
  hardware_errors int8,
  uptime_seconds int8,
  known_uptime_seconds int8,
  hashrate_5s_ghs float8,
  identified_at timestamptz, -- the newest sample that told a MAC or serial
  temperature_min real,
  frequency_avg real,
  efficiency real,
  offset_ms int,
  latency_ms int,
  pool_latency_ms int,
  error_class text
) with (fillfactor = 70);
insert into live_rows (miner_id, site_id, time, changed_at, hashrate_ghs, hashrate_expected_ghs, temperature_max,
  temperature_avg, power_w, online, state, health, pool_url, worker_name, last_online_at, accepted_shares, rejected_shares,
  fan_min, fan_max, boards_total, boards_healthy, known_boards_healthy, known_chips_ok, hardware_errors, uptime_seconds,
  known_uptime_seconds, hashrate_5s_ghs, identified_at, temperature_min, frequency_avg, efficiency, offset_ms, latency_ms,
  pool_latency_ms, error_class)
select miner_id, site_id, time, changed_at, hashrate_ghs, hashrate_expected_ghs, temperature_max,
  temperature_avg, power_w, online, state, health, pool_url, worker_name, last_online_at, accepted_shares, rejected_shares,
  f.fan_min, f.fan_max, boards_total, boards_healthy, known_boards_healthy, known_chips_ok, hardware_errors, uptime_seconds,
  known_uptime_seconds, hashrate_5s_ghs, identified_at, temperature_min, frequency_avg, efficiency, offset_ms, latency_ms,
  pool_latency_ms, error_class
from miner_telemetry_live
cross join lateral (select min(rpm) as fan_min, max(rpm) as fan_max from unnest(fan_speeds) rpm) f
order by miner_id;

drop function headframe_readings(miner_telemetry_live);
drop view waiting_commands;
drop table miner_telemetry_live;
drop table miner_live_details;

alter table live_rows rename to miner_telemetry_live;
alter table miner_telemetry_live add constraint miner_telemetry_live_pkey primary key (miner_id);
alter table miner_telemetry_live add constraint miner_telemetry_live_miner_id_fkey
  foreign key (miner_id) references miners on delete cascade;
create index miner_telemetry_live_by_site on miner_telemetry_live (site_id);
alter table live_detail_rows rename to miner_live_details;
alter table miner_live_details add constraint miner_live_details_pkey primary key (miner_id);
alter table miner_live_details add constraint miner_live_details_miner_id_fkey
  foreign key (miner_id) references miners on delete cascade;

-- What a sample says of what commands change.
create function headframe_readings(l miner_telemetry_live) returns json language sql stable as $$
  select json_build_object('time', l.time, 'online', l.online, 'state', l.state, 'health', l.health,
    'hashrate_ghs', l.hashrate_ghs, 'pool_url', l.pool_url, 'worker_name', l.worker_name,
    'frequency_avg', l.frequency_avg, 'fan_rpm', (
      select round(avg(rpm)) from miner_live_details d, unnest(d.fan_speeds) rpm where d.miner_id = l.miner_id),
    'uptime_seconds', l.uptime_seconds)
$$;

-- Commands that wait, and for what; waits_for null: may be handed out now.
create view waiting_commands as
select c.command_id, c.site_id, c.priority, c.not_before, c.expires_at,
  case
    when c.not_before is null then (
      select case b.state when 'waiting_approval' then 'approval' else 'wave' end
      from command_batches b where b.batch_id = c.batch_id)
    when exists (select from miner_commands o
      where o.site_id = c.site_id and o.target = c.target and o.status = 'sent') then 'other_command'
    -- Where it stood another machine may stand now.
    when m.vacated_at is not null and l.online is not true or m.by_address and m.address is null then 'place_unknown'
    when not l.online then 'miner_offline'
    when exists (select from miner_commands o
      where o.site_id = c.site_id and o.target = c.target and o.status = 'pending' and o.not_before is not null
        and o.expires_at > statement_timestamp()
        and (o.priority > c.priority or o.priority = c.priority and o.command_id < c.command_id)) then 'other_command'
  end as waits_for
from miner_commands c
left join miners m on m.miner_id = c.miner_id
left join miner_telemetry_live l on l.miner_id = c.miner_id
where c.status = 'pending';
