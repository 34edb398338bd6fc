create table sites (
  site_id int generated always as identity primary key,
  name text not null unique check (name <> ''),
  created_at timestamptz not null default now()
);

-- Only the SHA-256 of a key is kept. `slot` limits a site to two active keys, so that one can replace the other.
create table collector_keys (
  key_id int generated always as identity primary key,
  site_id int not null references sites,
  slot smallint not null check (slot in (1, 2)),
  key_hash bytea not null unique check (octet_length(key_hash) = 32),
  prefix text not null,
  label text,
  created_at timestamptz not null default now(),
  last_used_at timestamptz,
  revoked_at timestamptz
);
create unique index collector_keys_active on collector_keys (site_id, slot) where revoked_at is null;
