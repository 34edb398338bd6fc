-- What reads need of live rows without an index on anything that changes with a sample.
alter table miner_telemetry_live
  add column site_id int,            -- of the miner; never changes
  add column changed_at timestamptz; -- when state or health last became another, on the database's clock
update miner_telemetry_live l set site_id = m.site_id from miners m where m.miner_id = l.miner_id;
alter table miner_telemetry_live alter column site_id set not null;
create index miner_telemetry_live_by_site on miner_telemetry_live (site_id);
create index miners_vacated on miners (site_id) where vacated_at is not null;

-- Where the miner is, to look for by network; `address` is null for a miner known by a name.
alter table miners add column place inet generated always as (
  case when ip ~ '^((25[0-5]|2[0-4]\d|1?\d?\d)\.){3}(25[0-5]|2[0-4]\d|1?\d?\d)$' then ip::inet end
) stored;

-- Where miners stand: each is named by its name, address or MAC.
create table rack_places (
  site_id int not null references sites,
  miner text not null,
  rack text not null,
  "row" int not null,
  "column" int not null,
  primary key (site_id, miner)
);
