-- Lists, sums and counts read every live row of a site. What only the view of one miner reads is six sevenths of a row,
-- so it moves to a table of its own, and what nearly all of them look at comes first: a row is read up to the last column
-- that is asked for.
create table miner_live_details (
  miner_id int primary key references miners on delete cascade,
  temperature_chips real[],
  boards json,
  details json
) with (fillfactor = 70);
insert into miner_live_details (miner_id, temperature_chips, boards, details)
select miner_id, temperature_chips, boards, details from miner_telemetry_live order by miner_id;

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
  online boolean not null,
  state text not null,
  health text not null,
  pool_url text,
  worker_name text,
  last_online_at timestamptz,
  accepted_shares int8,
  rejected_shares int8,
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
  reported_health text,
  error_class text,
  error_message text,
  fan_speeds int[],
  known_board_serials text[]
) with (fillfactor = 70);
insert into live_rows
select miner_id, site_id, time, changed_at, hashrate_ghs, hashrate_expected_ghs, temperature_max, temperature_avg, power_w,
  online, state, health, pool_url, worker_name, last_online_at, accepted_shares, rejected_shares, boards_total,
  boards_healthy, known_boards_healthy, known_chips_ok, hardware_errors, uptime_seconds, known_uptime_seconds,
  hashrate_5s_ghs, identified_at, temperature_min, frequency_avg, efficiency, offset_ms, latency_ms, pool_latency_ms,
  reported_health, error_class, error_message, fan_speeds, known_board_serials
from miner_telemetry_live order by miner_id;
drop table miner_telemetry_live;
alter table live_rows rename to miner_telemetry_live;
alter table miner_telemetry_live add constraint miner_telemetry_live_pkey primary key (miner_id);
alter table miner_telemetry_live add constraint miner_telemetry_live_miner_id_fkey
  foreign key (miner_id) references miners on delete cascade;
create index miner_telemetry_live_by_site on miner_telemetry_live (site_id);

-- What a search looks through and no sample changes, ready to be compared.
alter table miners add column search_text text generated always as (
  lower(key || coalesce(' ' || nullif(ip, key), '') || coalesce(' ' || mac, '') || coalesce(' ' || model, '')
    || coalesce(' ' || firmware, ''))
) stored;
