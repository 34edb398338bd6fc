-- Stores a heartbeat. $1 site, $2 the heartbeat as JSON (src/domain/heartbeat.ts). Answers one row.
with beat as materialized (
  select * from json_to_record($2::text::json) as b (
    member_id text, role text, host text, pid int, version text, started_at timestamptz, state text, interval_s real,
    zones json, slots json, zone_slots json, plan_round_s real, shards json, report json)
),
-- Counts go on from what the same run of the member told last, unless that is long ago.
before as materialized (
  select m.zone_slots from cluster_members m join beat b using (member_id)
  where m.site_id = $1::int and m.started_at = b.started_at and m.seen_at > now() - interval '3 minutes'
),
known as materialized (
  select exists (select from cluster_members m join beat b using (member_id, started_at) where m.site_id = $1::int) as yes
),
added as (
  select z.key as zone, greatest(0, (z.value->>'polled')::int8 - coalesce((o.value->>'polled')::int8, 0)) as polled,
    greatest(0, (z.value->>'skipped')::int8 - coalesce((o.value->>'skipped')::int8, 0)) as skipped
  from beat b cross join lateral json_each(b.zone_slots) z
  left join lateral (select p.value from before, json_each(before.zone_slots) p where p.key = z.key) o on true
  where exists (select from before) or not (select yes from known)
),
counted as (
  insert into cluster_slots as c (site_id, member_id, zone, minute, polled, skipped)
  select $1::int, b.member_id, a.zone, date_trunc('minute', now()), a.polled, a.skipped
  from beat b cross join added a where a.polled + a.skipped > 0 order by a.zone
  on conflict (site_id, member_id, zone, minute) do update
    set polled = c.polled + excluded.polled, skipped = c.skipped + excluded.skipped
),
forgotten as (
  delete from cluster_slots c using beat b
  where c.site_id = $1::int and c.member_id = b.member_id and c.minute < now() - interval '15 minutes'
),
member as (
  insert into cluster_members (site_id, member_id, role, host, pid, version, started_at, seen_at, interval_s, state,
    zones, report, slots, zone_slots)
  select $1::int, member_id, role, host, pid, version, started_at, now(), interval_s, state,
    array(select json_array_elements_text(zones)), report, slots, zone_slots
  from beat
  on conflict (site_id, member_id) do update set role = excluded.role, host = excluded.host, pid = excluded.pid,
    version = excluded.version, started_at = excluded.started_at, seen_at = excluded.seen_at,
    interval_s = excluded.interval_s, state = excluded.state, zones = excluded.zones, report = excluded.report,
    slots = excluded.slots, zone_slots = excluded.zone_slots
),
-- One row a shard; a slot that has not begun yet is that of a clock that is ahead.
named as materialized (
  select distinct on (s.id) s.*, b.member_id, b.interval_s,
    case when s.slot < now() + interval '5 minutes' then s.slot end as last_slot
  from beat b cross join lateral json_to_recordset(b.shards) as s (
    id text, zone text, ranges text, addresses int, interval_ms int, planned boolean, slot timestamptz, samples int,
    online int, duration_ms int, skipped int, skip_reason text)
  order by s.id
),
told as (
  insert into cluster_shards as c (site_id, shard_id, zone, ranges, addresses, interval_ms, report_s, named_at, last_slot,
    polled_by, polled_at, samples, online, duration_ms, skipped, skipped_at, skip_reason)
  select $1::int, id, zone, ranges, addresses, interval_ms, interval_s, now(), last_slot,
    case when last_slot is not null then member_id end, case when last_slot is not null then now() end,
    samples, online, duration_ms, skipped, case when skipped > 0 then now() end, skip_reason
  from named order by id
  on conflict (site_id, shard_id) do update set
    zone = excluded.zone, ranges = excluded.ranges, addresses = excluded.addresses,
    interval_ms = excluded.interval_ms, report_s = excluded.report_s, named_at = excluded.named_at,
    skipped = c.skipped + excluded.skipped, skipped_at = coalesce(excluded.skipped_at, c.skipped_at),
    skip_reason = coalesce(excluded.skip_reason, c.skip_reason),
    (last_slot, polled_by, polled_at, samples, online, duration_ms) = (
      select n.* from (values
        (c.last_slot, c.polled_by, c.polled_at, c.samples, c.online, c.duration_ms),
        (excluded.last_slot, excluded.polled_by, excluded.polled_at, excluded.samples, excluded.online,
          excluded.duration_ms)) n (slot, by, at, samples, online, duration_ms)
      order by n.slot desc nulls last limit 1)
),
-- Whoever plans the site has named all of its shards since then: the others are in no plan any more.
gone as (
  delete from cluster_shards where ctid = any (array(
    select c.ctid from cluster_shards c cross join beat b
    where c.site_id = $1::int and b.plan_round_s is not null
      and c.named_at < now() - make_interval(secs => b.plan_round_s + 60)
      and not exists (select from named n where n.id = c.shard_id)
    limit 1000 for update of c skip locked))
)
select member_id from beat
