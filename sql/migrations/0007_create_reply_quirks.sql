-- One row per kind of damage that replies of a site show: family, firmware, command, damage and shape make the fingerprint.
create table reply_quirks (
  quirk_id int generated always as identity primary key,
  site_id int not null references sites,
  fingerprint text not null,
  family text,
  firmware text,
  command text not null,
  damage text not null,
  first_seen timestamptz not null,
  since timestamptz not null, -- start of the present spell: not seen for an hour ends one
  last_seen timestamptz not null,
  reply_count int8 not null,
  sample_reply text,
  unique (site_id, fingerprint)
);

-- Which miners show it; last_seen is up to five minutes old, so that a miner is not written every slot.
create table quirk_miners (
  quirk_id int not null references reply_quirks on delete cascade,
  miner_id int not null,
  last_seen timestamptz not null,
  primary key (quirk_id, miner_id)
) with (fillfactor = 80);
create index quirk_miners_by_miner on quirk_miners (miner_id);
