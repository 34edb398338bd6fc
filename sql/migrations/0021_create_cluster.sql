-- Processes that poll or coordinate a site, as they last told (src/domain/heartbeat.ts).
create table cluster_members (
  site_id int not null references sites,
  member_id text not null,
  role text not null,
  host text not null,
  pid int not null,
  version text not null,
  started_at timestamptz not null,  -- by its own clock
  first_seen timestamptz not null default now(),
  seen_at timestamptz not null,
  interval_s real not null,         -- how often it tells
  state text not null check (state in ('up', 'draining', 'left')),
  zones text[] not null,
  report json not null,             -- capacity, load, lag: what is shown and not searched
  slots json not null,              -- by outcome, since its start
  zone_slots json not null,         -- by zone, since its start: what the next one is held against
  primary key (site_id, member_id)
) with (fillfactor = 70);

-- What a member did with slots, by the minute: shares are told of the last ones.
create table cluster_slots (
  site_id int not null,
  member_id text not null,
  zone text not null,
  minute timestamptz not null,
  polled int8 not null,
  skipped int8 not null,
  primary key (site_id, member_id, zone, minute)
) with (fillfactor = 70);

-- Shards of a site, and who polled each last.
create table cluster_shards (
  site_id int not null references sites,
  shard_id text not null,
  zone text not null,
  ranges text not null,
  addresses int not null,
  interval_ms int not null,
  report_s real not null,           -- how often those who tell of it do
  first_named timestamptz not null default now(),
  named_at timestamptz not null,    -- last told of
  last_slot timestamptz,            -- null: never polled
  polled_by text,
  polled_at timestamptz,            -- when that was told
  samples int,
  online int,
  duration_ms int,
  skipped int8 not null,            -- slots, since it is known
  skipped_at timestamptz,
  skip_reason text,
  primary key (site_id, shard_id)
) with (fillfactor = 70);

-- How a member is by the database's clock; two seconds are the network's.
create function headframe_member_state(state text, seen_at timestamptz, interval_s real, lost_after int)
returns text language sql stable as $$
  select case when state <> 'left' and seen_at < now() - make_interval(secs => interval_s * lost_after + 2)
    then 'lost' else state end
$$;

-- Shards with how late they are. The slot that runs, and the way of its news, are no lateness.
create view cluster_shard_states as
select c.*, greatest(0, extract(epoch from now() - c.last_slot) - c.interval_ms / 1000.0)::float8 as lag_s,
  case
    when coalesce(c.last_slot, c.first_named)
      < now() - make_interval(secs => 2 * c.interval_ms / 1000.0 + 2 * c.report_s + 5) then 'late'
    when c.last_slot is null then 'waiting'
    else 'current'
  end as state
from cluster_shards c;
