-- A miner whose key is an address is known by its MAC, or else its serial; the address is where it is now.
alter table miners
  add column serial text,
  -- Known by MAC or serial, not by its key: kept by headframe_settle_identities alone.
  add column by_address boolean not null default false,
  -- Since when it has this key; null: always. A key with '@' is that of a miner whose place is unknown.
  add column key_since timestamptz,
  -- The entry of an address that its miner has left: what is polled there without an identity.
  add column vacated_at timestamptz;
update miners set by_address = true where address is not null;
create index miners_by_mac on miners (site_id, mac) where by_address and mac is not null;
create index miners_by_serial on miners (site_id, serial) where by_address and serial is not null;

alter table miner_telemetry_live
  add column identified_at timestamptz, -- the newest sample that told a MAC or serial
  add column known_board_serials text[];

-- Who had an address before, to place late samples that carry no identity.
create table miner_places (
  site_id int not null references sites,
  key text not null,
  until timestamptz not null,
  miner_id int not null,
  primary key (site_id, key, until)
);

create function headframe_note_place(p_site int, p_key text, p_until timestamptz, p_miner int) returns void
language sql as $$
  insert into miner_places (site_id, key, until, miner_id) values (p_site, p_key, p_until, p_miner)
  on conflict do nothing;
  -- Nothing older than a spool keeps can still arrive.
  delete from miner_places where site_id = p_site and key = p_key and until < p_until - interval '8 days';
$$;

-- A key for a miner that is not at p_key any more.
create function headframe_parked_key(p_site int, p_key text, p_name text, p_miner int) returns text
language sql as $$
  select p_key || '@' || p_name ||
    case when exists (select from miners where site_id = p_site and key = p_key || '@' || p_name
      and miner_id is distinct from p_miner) then '#' || coalesce(p_miner::text, 'new') else '' end
$$;

-- Moves the samples of p_from from p_since until p_until to p_to, and lets newer ones pass the live row.
create function headframe_transfer(
  p_from int, p_to int, p_since timestamptz, p_until timestamptz default 'infinity'
) returns void
language sql as $$
  update miner_telemetry_history h set miner_id = p_to
  where h.miner_id = p_from and h.time >= p_since and h.time < p_until
    and not exists (select from miner_telemetry_history o where o.miner_id = p_to and o.time = h.time);
  update miner_telemetry_live set time = p_since - interval '1 millisecond'
  where miner_id = p_from and time >= p_since and p_until = 'infinity';
$$;

-- Until when an address cannot have been another's than the miner's that has it now; null: that is not known.
create function headframe_held_until(k miners) returns timestamptz
language sql stable as $$
  select case when k.mac is null and k.serial is null then k.key_since
    else greatest(coalesce(k.key_since, k.first_seen), (
      select identified_at + interval '1 microsecond' from miner_telemetry_live where miner_id = k.miner_id)) end
$$;

-- The entry of an address that nobody known has: the one it had before, or a new one.
create function headframe_vacate(p_site int, p_key text, p_since timestamptz) returns int
language plpgsql as $$
declare
  v_id int;
begin
  update miners set key = p_key, key_since = p_since, vacated_at = p_since
  where site_id = p_site and key = p_key || '@vacant'
  returning miner_id into v_id;
  if v_id is null then
    insert into miners (site_id, key, ip, by_address, key_since, vacated_at, first_seen)
    values (p_site, p_key, p_key, true, p_since, p_since, p_since)
    on conflict (site_id, key) do update set vacated_at = p_since
    returning miner_id into v_id;
  end if;
  return v_id;
end $$;

-- Takes whoever has an address out of it, and answers who that was; their history stays theirs.
create function headframe_displace(p_site int, p_key text, p_at timestamptz, p_by text) returns int
language plpgsql as $$
declare
  o miners;
begin
  select * into o from miners where site_id = p_site and key = p_key;
  if not found then return null; end if;
  perform headframe_note_place(p_site, p_key, p_at, o.miner_id);
  if o.mac is null and o.serial is null then
    update miners set key = headframe_parked_key(p_site, p_key, 'vacant', o.miner_id),
      vacated_at = coalesce(vacated_at, p_at), by_address = true
    where miner_id = o.miner_id;
    return o.miner_id;
  end if;
  update miners set key_since = p_at,
    key = headframe_parked_key(p_site, p_key, coalesce(o.mac, o.serial), o.miner_id)
  where miner_id = o.miner_id;
  insert into miner_events (time, site_id, miner_id, kind, from_value, to_value)
  values (p_at, p_site, o.miner_id, 'replaced', coalesce(o.mac, o.serial), p_by);
  return o.miner_id;
end $$;

-- The miner that a MAC, or else a serial, names. Shared by several machines it names none but the one that
-- was last at this address: the address tells them apart.
create function headframe_find_identity(p_site int, p_key text, p_mac text, p_serial text) returns miners
language plpgsql as $$
declare
  x miners;
  v_count int;
begin
  select count(*) into v_count
  from (select from miners where site_id = p_site and by_address and mac = p_mac limit 2) m;
  if v_count > 0 then
    select * into x from miners
    where site_id = p_site and by_address and mac = p_mac and (v_count = 1 or (ip = p_key and address is null))
    order by key_since limit 1;
    return x;
  end if;
  -- Two MACs are two machines, unless it is the same serial at the same address.
  select count(*) into v_count from (
    select from miners
    where site_id = p_site and by_address and serial = p_serial
      and (mac is null or p_mac is null or key = p_key)
    limit 2) m;
  if v_count = 1 then
    select * into x from miners
    where site_id = p_site and by_address and serial = p_serial
      and (mac is null or p_mac is null or key = p_key);
  end if;
  return x;
end $$;

-- Notes that p_miner had the address of k before k came; what went to k for want of a better owner is p_miner's.
create function headframe_was_before(k miners, p_miner int, p_at timestamptz) returns void
language plpgsql as $$
declare
  v_from timestamptz := coalesce(k.key_since, (
    select min(h.time) from miner_telemetry_history h
    where h.miner_id = k.miner_id and h.time >= p_at and h.state <> 'u'), k.first_seen);
begin
  update miners set key_since = v_from where miner_id = k.miner_id;
  perform headframe_note_place(k.site_id, k.key, v_from, p_miner);
  if k.key_since is null then perform headframe_transfer(k.miner_id, p_miner, p_at, v_from); end if;
end $$;

-- Gives an identity an entry at an address without looking for it elsewhere. True when a miner was made.
create function headframe_enter(
  p_site int, p_key text, p_mac text, p_serial text, p_model text, p_at timestamptz
) returns boolean
language plpgsql as $$
declare
  k miners;
  v_from timestamptz;
  v_before int;
  v_id int;
begin
  select * into k from miners where site_id = p_site and key = p_key;
  if found then
    v_from := headframe_held_until(k);
    if p_at < v_from then
      -- A late sample of a miner that was here before this one, or for a moment between.
      insert into miners (site_id, key, ip, mac, serial, by_address, key_since, first_seen)
      values (p_site, headframe_parked_key(p_site, p_key, coalesce(p_mac, p_serial), null), p_key, p_mac,
        p_serial, true, v_from, p_at)
      on conflict do nothing
      returning miner_id into v_id;
      if v_id is not null and p_at < coalesce(k.key_since, k.first_seen) then
        perform headframe_was_before(k, v_id, p_at);
      end if;
      return v_id is not null;
    end if;
    -- It tells more about itself than before, and nothing else.
    if (k.mac is null or p_mac is null or k.mac = p_mac)
      and (k.serial is null or p_serial is null or k.serial = p_serial)
      and (k.model is null or p_model is null or k.model = p_model or k.mac is not null or k.serial is not null)
    then
      update miners set mac = coalesce(p_mac, mac), serial = coalesce(p_serial, serial), by_address = true,
        vacated_at = null
      where miner_id = k.miner_id;
      return false;
    end if;
    v_before := headframe_displace(p_site, p_key, p_at, coalesce(p_mac, p_serial));
  end if;
  insert into miners (site_id, key, ip, mac, serial, by_address, key_since, first_seen)
  values (p_site, p_key, p_key, p_mac, p_serial, true, case when k.miner_id is not null then p_at end, p_at)
  on conflict (site_id, key) do update set mac = excluded.mac, serial = excluded.serial, by_address = true
  returning miner_id into v_id;
  perform headframe_transfer(v_before, v_id, p_at);
  return true;
end $$;

-- A known miner turns up at another address.
create function headframe_move(x miners, p_key text, p_mac text, p_serial text, p_at timestamptz) returns void
language plpgsql as $$
declare
  k miners;
  v_from timestamptz;
  v_before int;
  v_key text := p_key;
begin
  select * into k from miners where site_id = x.site_id and key = p_key;
  v_from := headframe_held_until(k);
  if p_at < v_from then
    -- A late sample: it was here before the one that is here now.
    v_key := headframe_parked_key(x.site_id, p_key, coalesce(x.mac, x.serial), x.miner_id);
  else
    v_before := headframe_displace(x.site_id, p_key, p_at, coalesce(x.mac, x.serial));
    v_from := p_at;
  end if;
  update miners set key = v_key, ip = p_key, key_since = v_from, vacated_at = null, by_address = true,
    mac = coalesce(p_mac, mac), serial = coalesce(p_serial, serial)
  where miner_id = x.miner_id;
  if x.address is not null then
    perform headframe_note_place(x.site_id, x.key, p_at, x.miner_id);
    -- What was polled at the old address since then was not this miner.
    perform headframe_transfer(x.miner_id, headframe_vacate(x.site_id, x.key, p_at), p_at);
  end if;
  if v_key = p_key then
    perform headframe_transfer(v_before, x.miner_id, p_at);
  elsif p_at < coalesce(k.key_since, k.first_seen) then
    perform headframe_was_before(k, x.miner_id, p_at);
  end if;
  if x.ip is distinct from p_key then
    insert into miner_events (time, site_id, miner_id, kind, from_value, to_value)
    values (p_at, x.site_id, x.miner_id, 'moved', x.ip, p_key);
  end if;
end $$;

-- Two machines with one MAC, taken for one that moved at p_moved: the first gets its address and history back.
create function headframe_separate(x miners, p_key text, p_moved timestamptz, p_at timestamptz) returns void
language plpgsql as $$
declare
  v_other int;
  v_vacant int;
begin
  update miners set key = headframe_parked_key(x.site_id, p_key, 'vacant', miner_id)
  where site_id = x.site_id and key = p_key
  returning miner_id into v_vacant;
  update miners set key = p_key, ip = p_key, key_since = null where miner_id = x.miner_id;
  delete from miner_places where site_id = x.site_id and key = p_key and until = p_moved;
  v_other := headframe_vacate(x.site_id, x.key, p_moved);
  update miners set mac = x.mac, vacated_at = null where miner_id = v_other;
  perform headframe_transfer(x.miner_id, v_other, p_moved);
  perform headframe_transfer(v_vacant, x.miner_id, p_moved);
  insert into miner_events (time, site_id, miner_id, kind, from_value, to_value)
  values (p_at, x.site_id, x.miner_id, 'shared_identity', coalesce(x.mac, x.serial), x.key);
end $$;

create type headframe_sighting as (
  key text, "time" timestamptz, mac text, serial text, model text, is_claim boolean
);

-- Makes the miners that are new in every respect. Answers how many.
create function headframe_enter_new(p_site int, p_seen headframe_sighting[]) returns int
language plpgsql as $$
declare
  v_made int;
begin
  insert into miners (site_id, key, ip, mac, serial, by_address, first_seen)
  select p_site, g.key, g.key, g.mac, g.serial, true, g.since
  from (
    select s.key, min(s.mac) as mac, min(s.serial) as serial, min(s.time) as since,
      count(*) over (partition by min(s.mac)) as namesakes, count(*) over (partition by min(s.serial)) as serials
    from unnest(p_seen) s
    group by s.key
    having count(distinct s.mac) = 1 and count(s.mac) = count(*) and count(distinct s.serial) <= 1
  ) g
  -- Scalar subqueries, so that each is one look into its index, whatever the statistics of a new table say.
  where g.namesakes = 1 and (g.serial is null or g.serials = 1)
    and (select 1 from miners m where m.site_id = p_site and m.key = g.key) is null
    and (select 1 from miners m where m.site_id = p_site and m.by_address and m.mac = g.mac limit 1) is null
    and (select 1 from miners m where m.site_id = p_site and m.by_address and m.serial = g.serial limit 1) is null
  order by g.key
  on conflict do nothing;
  get diagnostics v_made = row_count;
  return v_made;
end $$;

-- Decides who the samples are that carry a MAC or serial other than their address is known for.
-- p_seen: samples; those with is_claim false only tell where a MAC was seen too.
-- One call a site at a time. Answers how many miners were made. Doing it again changes nothing.
create function headframe_settle_identities(p_site int, p_seen headframe_sighting[]) returns int
language plpgsql as $$
declare
  c record;
  k miners;
  x miners;
  v_count int;
  v_made int;
  v_seen timestamptz;
  v_left timestamptz;
begin
  perform pg_advisory_xact_lock(4801004, p_site);
  v_made := headframe_enter_new(p_site, p_seen);
  for c in
    select s.key, s.mac, s.serial, min(s.model) as model, min(s.time) as since, max(s.time) as until
    from unnest(p_seen) s
    where s.is_claim and (select 1 from miners m
      where m.site_id = p_site and m.key = s.key and (m.mac = s.mac or (s.mac is null and m.serial = s.serial))) is null
    group by s.key, s.mac, s.serial order by min(s.time), s.key
  loop
    select * into k from miners where site_id = p_site and key = c.key;
    continue when c.mac = k.mac or (c.mac is null and c.serial = k.serial);
    x := headframe_find_identity(p_site, c.key, c.mac, c.serial);

    if x.miner_id is null or x.key = c.key then
      -- Told for the first time, or its control board was changed and the serial stayed.
      if c.mac <> x.mac and c.since >= coalesce(x.key_since, x.first_seen) then
        update miners set mac = c.mac where miner_id = x.miner_id;
        insert into miner_events (time, site_id, miner_id, kind, from_value, to_value)
        values (c.since, p_site, x.miner_id, 'mac', x.mac, c.mac);
      else
        v_made := v_made + headframe_enter(p_site, c.key, c.mac, c.serial, c.model, c.since)::int;
      end if;
      continue;
    end if;

    if c.until < coalesce(x.key_since, x.first_seen) then
      -- From before it came where it is now known to be.
      update miners set key_since = coalesce(key_since, first_seen), mac = coalesce(mac, c.mac),
        serial = coalesce(serial, c.serial)
      where miner_id = x.miner_id;
      continue;
    end if;
    continue when c.since < x.key_since;

    if x.address is not null then
      select greatest(
        (select identified_at from miner_telemetry_live l where l.miner_id = x.miner_id),
        (select max(s.time) from unnest(p_seen) s where s.key = x.key and s.mac = x.mac)) into v_seen;
      if c.since <= v_seen then
        -- It answers at both addresses: two machines.
        v_made := v_made + headframe_enter(p_site, c.key, c.mac, c.serial, c.model, c.since)::int;
        continue;
      end if;
      select max(until) into v_left from miner_places
      where site_id = p_site and key = c.key and miner_id = x.miner_id;
      if c.since - v_left < interval '15 minutes' and k.mac is null and k.serial is null then
        -- Back where it was a moment ago: it never left.
        perform headframe_separate(x, c.key, v_left, c.since);
        v_made := v_made + 1;
        continue;
      end if;
    end if;
    perform headframe_move(x, c.key, c.mac, c.serial, c.since);
  end loop;
  return v_made;
end $$;
