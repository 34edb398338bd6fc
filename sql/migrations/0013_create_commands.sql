-- Commands that were given together. waiting_approval → running → done, stopped (the health gate) or cancelled.
create table command_batches (
  batch_id int generated always as identity primary key,
  site_id int not null references sites,
  kind text not null,
  params json not null,
  state text not null check (state in ('waiting_approval', 'running', 'done', 'stopped', 'cancelled')),
  total int not null,
  priority smallint not null,
  ttl_s int not null,           -- of a command, from its release
  wave_size int,                -- null: all at once
  pause_s int not null,         -- between two waves
  max_failed_percent real not null,
  wave int not null,            -- the last one released; 0: none
  created_at timestamptz not null,
  created_by text not null,
  approved_at timestamptz,
  approved_by text,
  looked_at timestamptz,        -- by the sweeper
  ended_at timestamptz,
  ended_by text,
  ended_because text
);
create index command_batches_open on command_batches (looked_at nulls first) where ended_at is null;
create index command_batches_ended on command_batches (ended_at) where ended_at is not null;
create index command_batches_by_site on command_batches (site_id, batch_id desc);

-- What miners are to do. Kinds and statuses are those of src/domain/commands.ts.
create table miner_commands (
  command_id int generated always as identity primary key,
  site_id int not null references sites,
  miner_id int,                 -- null: no miner of this name was known
  batch_id int references command_batches,
  wave int,                     -- of its batch
  attempts int not null default 0, -- how often it was handed out
  ttl_s int not null,
  priority smallint not null,
  created_at timestamptz not null,
  not_before timestamptz,       -- null: held back, for approval or a later wave
  expires_at timestamptz not null,
  sent_at timestamptz,
  lease_until timestamptz,
  ended_at timestamptz,
  confirm_until timestamptz,
  confirmed_at timestamptz,
  miner_key text not null,
  -- Whom it is for: of two commands for one of these one is out at a time.
  target text not null generated always as (
    case when miner_id is null then 'k:' || miner_key else 'm:' || miner_id::text end) stored,
  ip text,                      -- as last known
  kind text not null,
  status text not null default 'pending' check (status in
    ('pending', 'sent', 'completed', 'failed', 'rejected', 'unknown', 'expired', 'cancelled')),
  created_by text not null,
  claimed_by text,
  confirmation text check (confirmation in ('waiting', 'confirmed', 'not_confirmed')),
  changed_by text not null,     -- who made the last transition, and why: for its event
  changed_because text,
  result_code int,
  result_message text,
  params json not null,
  result json,                  -- what else was reported
  late_result json,             -- reported after its end, and changing nothing
  baseline json,                -- readings when it was handed out
  observed json                 -- readings that confirmed it, or did not
) with (fillfactor = 80);
-- What may be handed out, in order; and what else waits for the same miner.
create index miner_commands_due on miner_commands (site_id, priority desc, command_id)
  where status = 'pending' and not_before is not null;
create index miner_commands_turn on miner_commands (site_id, target, priority desc, command_id)
  where status = 'pending' and not_before is not null;
-- At most one command at a time is out for a miner, whatever happens.
create unique index miner_commands_out on miner_commands (site_id, target) where status = 'sent';
create index miner_commands_leases on miner_commands (lease_until) where status = 'sent';
create index miner_commands_expiry on miner_commands (expires_at) where status = 'pending';
create index miner_commands_unconfirmed on miner_commands (command_id) where confirmation = 'waiting';
create index miner_commands_ended on miner_commands (ended_at) where ended_at is not null;
create index miner_commands_by_site on miner_commands (site_id, command_id desc);
create index miner_commands_by_miner on miner_commands (site_id, miner_key, command_id desc);
create index miner_commands_by_batch on miner_commands (batch_id, wave) where batch_id is not null;
create index miner_commands_by_day on miner_commands (site_id, created_at);

-- Every transition, and what else became known.
create table command_events (
  event_id int8 generated always as identity primary key,
  command_id int not null references miner_commands on delete cascade,
  at timestamptz not null,
  from_status text,             -- null: it was created
  to_status text not null,
  by text not null,
  note text
);
create index command_events_by_command on command_events (command_id);

-- Written by whatever statement makes the transition, so that none is without its event; and no command leaves an end.
create function headframe_note_commands() returns trigger language plpgsql as $$
begin
  if tg_op = 'INSERT' then
    insert into command_events (command_id, at, to_status, by, note)
    select command_id, created_at, status, changed_by, changed_because from fresh order by command_id;
    return null;
  end if;
  if exists (select from stale s join fresh f using (command_id)
      where f.status <> s.status and s.status not in ('pending', 'sent')) then
    raise exception 'a command does not leave its end';
  end if;
  insert into command_events (command_id, at, from_status, to_status, by, note)
  select f.command_id, statement_timestamp(), s.status, f.status,
    case when f.status <> s.status or s.not_before is null then f.changed_by else 'system' end,
    case when f.status <> s.status then f.changed_because
      when f.confirmation is distinct from s.confirmation then f.confirmation
      else 'released' end
  from stale s join fresh f using (command_id)
  where f.status <> s.status
    or f.confirmation is distinct from s.confirmation and f.confirmation <> 'waiting'
    or s.not_before is null and f.not_before is not null
  order by f.command_id;
  return null;
end $$;
create trigger miner_commands_created after insert on miner_commands
  referencing new table as fresh for each statement execute function headframe_note_commands();
create trigger miner_commands_changed after update on miner_commands
  referencing old table as stale new table as fresh for each statement execute function headframe_note_commands();

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
