-- Sums of the samples of one miner in one hour; `time` is the start of the hour. A sum comes with the number of samples
-- behind it, so that averages of any span are sums over sums. Readings that a sample does not have count nowhere.
create table miner_telemetry_1h (
  time timestamptz not null,
  accepted_delta int8,          -- shares since the sample before; a counter that fell counts from 0
  miner_id int not null,
  rejected_delta int,           -- 2147483647: that or more
  hardware_errors_delta int,    -- 2147483647: that or more
  samples int not null,         -- stored slots
  online_samples int not null,  -- the device answered
  hashing_samples int not null, -- state mining
  expected_samples real,        -- slots of the whole hour: 3600 / interval_s
  interval_s real,              -- between slots, s: as told by the collector, else as the samples lie
  hashrate_samples int not null,
  hashrate_ghs_sum real,
  hashrate_ghs_min real,
  hashrate_ghs_max real,
  nominal_samples int not null,
  nominal_ghs_sum real,         -- over the samples that tell a nominal hashrate
  temperature_samples int not null,
  temperature_avg_sum real,
  temperature_max real,
  power_samples int not null,
  power_w_sum real,
  energy_kwh real,              -- power of each sample times the time since the one before, at most an interval
  primary key (miner_id, time)
) {{partitioned_by_time}};
{{spread miner_telemetry_1h}}

-- The same of one site in five minutes, and what its miners did together.
create table site_telemetry_5m (
  time timestamptz not null,
  accepted_delta int8,
  rejected_delta int8,
  hardware_errors_delta int8,
  hashrate_ghs_sum float8,
  nominal_ghs_sum float8,
  temperature_avg_sum float8,
  power_w_sum float8,
  energy_kwh float8,
  expected_samples float8,      -- of the miners that have a sample: miners * 300 / interval_s
  online_avg float8 not null,   -- sum over miners of the share of their samples that is online
  hashing_avg float8 not null,  -- the same of state mining
  hashrate_ghs float8,          -- sum over miners of their average: the hashrate of the site
  nominal_ghs float8,
  power_w float8,
  site_id int not null,
  miners int not null,          -- with a sample
  online_miners int not null,   -- with an online sample
  hashing_miners int not null,
  samples int not null,
  online_samples int not null,
  hashing_samples int not null,
  hashrate_samples int not null,
  nominal_samples int not null,
  temperature_samples int not null,
  power_samples int not null,
  interval_s real,              -- median over the miners
  hashrate_ghs_min real,        -- of one sample
  hashrate_ghs_max real,
  temperature_max real,
  last_states json not null,    -- miners by the state of their last sample in the bucket: {"mining": 97, …}
  primary key (site_id, time)
) {{partitioned_by_time}};
{{spread site_telemetry_5m}}

-- How far apart the slots of a site are, as its collector tells; in force until the next row of the site.
create table site_intervals (
  site_id int not null references sites,
  since timestamptz not null, -- start of an hour
  interval_s real not null check (interval_s > 0),
  primary key (site_id, since)
);

-- Which five minutes of a site have samples that no rollup has seen. Written by the statement that writes the samples,
-- so seen as soon as they are, whatever the order of commits; no key, so that batches never wait for each other.
create table rollup_marks (
  site_id int not null,
  time timestamptz not null,     -- start of the five minutes
  is_late boolean not null,      -- a later sample of the same miner was there already
  is_moved boolean not null default false -- samples were given to another miner
);

-- The same by rollup, each bucket once, with when its turn is. Kept by the runner of rollups alone.
create table rollup_due (
  width_s int not null,          -- 300: site_telemetry_5m, 3600: miner_telemetry_1h
  site_id int not null,
  time timestamptz not null,
  due_at timestamptz not null,
  is_late boolean not null,
  is_moved boolean not null,
  primary key (width_s, site_id, time)
);
create index rollup_due_by_turn on rollup_due (width_s, due_at);

-- What maintenance did last, by its name.
create table maintenance_runs (
  name text primary key,
  ran_at timestamptz not null,
  took_ms real not null,
  outcome json not null
);

-- What the upload log remembers of samples from before there were rollups.
insert into rollup_marks (site_id, time, is_late, is_moved)
select distinct u.site_id, b.time, false, false
from collector_upload_logs u
cross join lateral generate_series(date_bin('5 minutes', u.min_time, 'epoch'), u.max_time, '5 minutes') b(time);

alter table miner_telemetry_live add column known_chips_ok int; -- over all boards

-- Moves the samples of p_from from p_since until p_until to p_to, and lets newer ones pass the live row.
create or replace function headframe_transfer(
  p_from int, p_to int, p_since timestamptz, p_until timestamptz default 'infinity'
) returns void
language sql as $$
  with moved as (
    update miner_telemetry_history h set miner_id = p_to
    where h.miner_id = p_from and h.time >= p_since and h.time < p_until
      and not exists (select from miner_telemetry_history o where o.miner_id = p_to and o.time = h.time)
    returning h.time
  )
  insert into rollup_marks (site_id, time, is_late, is_moved)
  select m.site_id, b.time, true, true
  from (select distinct date_bin('5 minutes', time, 'epoch') as time from moved) b
  join miners m on m.miner_id = p_to;
  update miner_telemetry_live set time = p_since - interval '1 millisecond'
  where miner_id = p_from and time >= p_since and p_until = 'infinity';
$$;

-- Events with the time until which what they say held: the next event of the same kind and miner; null: it holds.
-- A reboot and a board swap are over as they happen.
create view miner_event_spans as
select e.miner_id, e.site_id, e.kind, e.from_value, e.to_value, e.time as valid_from,
  case when e.kind in ('reboot', 'board_swap', 'shared_identity') then e.time else (
    select n.time from miner_events n
    where n.miner_id = e.miner_id and n.time > e.time
      and case when e.kind in ('offline', 'online', 'state') then n.kind in ('offline', 'online', 'state')
        else n.kind = e.kind end
    order by n.time limit 1) end as valid_to
from miner_events e;
