-- What is polled of a site whose collectors fetch their plan from here.
create table site_plans (
  site_id int primary key references sites on delete cascade,
  version int not null check (version > 0),
  ranges jsonb not null check (jsonb_typeof(ranges) = 'array'), -- expressions, as people wrote them
  zone text not null,
  interval_s int, -- null: as the collector's own settings have it
  port int not null,
  http_port int, -- null: 80
  updated_at timestamptz not null default now(),
  updated_by text not null
);
create index site_plans_by_zone on site_plans (zone);
