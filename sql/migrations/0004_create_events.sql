-- What changed, told by comparing a sample with the one before it.
create table miner_events (
  time timestamptz not null,
  site_id int not null,
  miner_id int not null,
  kind text not null,
  from_value text,
  to_value text
) {{partitioned_by_time}};
create index miner_events_by_site on miner_events (site_id, time desc);
create index miner_events_by_miner on miner_events (miner_id, time desc);
{{spread miner_events}}
