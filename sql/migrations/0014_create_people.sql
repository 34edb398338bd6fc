-- Who may use Headframe. A password is kept as scrypt's result with its parameters; null: signs in elsewhere.
create table users (
  user_id int generated always as identity primary key,
  name text not null check (name <> ''),
  password_hash text,
  subject text unique, -- as an OpenID provider names them: issuer and subject
  role text not null check (role in ('viewer', 'operator', 'admin')),
  site_ids int[], -- null: all sites
  created_at timestamptz not null default now(),
  disabled_at timestamptz
);
create unique index users_by_name on users (lower(name));

-- Only the SHA-256 of what the cookie holds is kept.
create table sessions (
  session_hash bytea primary key check (octet_length(session_hash) = 32),
  user_id int not null references users on delete cascade,
  created_at timestamptz not null,
  used_at timestamptz not null, -- to the minute
  expires_at timestamptz not null, -- however much it is used
  address text
) with (fillfactor = 70);
create index sessions_by_user on sessions (user_id, created_at);
create index sessions_ended on sessions (expires_at);

-- May do no more than its owner may: role and sites are held against theirs whenever it is used.
create table api_tokens (
  token_id int generated always as identity primary key,
  user_id int not null references users on delete cascade,
  token_hash bytea not null unique check (octet_length(token_hash) = 32),
  prefix text not null,
  label text not null check (label <> ''),
  role text not null check (role in ('viewer', 'operator', 'admin')),
  site_ids int[], -- null: all of its owner's
  created_at timestamptz not null default now(),
  expires_at timestamptz not null,
  last_used_at timestamptz,
  revoked_at timestamptz
);
create index api_tokens_by_user on api_tokens (user_id);

-- Who did what, on what, from where. Rows are added and never changed.
create table audit_log (
  audit_id int8 generated always as identity primary key,
  time timestamptz not null default now(),
  actor_kind text not null check (actor_kind in ('user', 'token', 'local')),
  actor text not null,
  user_id int,
  action text not null,
  target text not null,
  site_id int, -- null: no site, or all
  address text,
  request_id text,
  before json,
  after json
);
create index audit_log_by_site on audit_log (site_id, audit_id);
create function headframe_refuse_change() returns trigger language plpgsql as $$
begin
  raise exception '% of % is refused: rows are only added', tg_op, tg_table_name using errcode = 'insufficient_privilege';
end $$;
create trigger audit_log_only_grows before update or delete or truncate on audit_log
  for each statement execute function headframe_refuse_change();
-- For sessions too that would pass triggers by.
alter table audit_log enable always trigger audit_log_only_grows;
revoke update, delete, truncate on audit_log from public;
