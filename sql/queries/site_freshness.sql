-- Of each site: how many miners are known, how many have a sample of the last two slots, the same of those that answered
-- when last asked, and how long ago it last uploaded. $1 now, $2 seconds between slots of sites that told none.
with sites_now as materialized (
  select s.site_id, i.interval_s,
    $1::text::timestamptz - 2 * make_interval(secs => i.interval_s) as since,
    -- Nobody is to upload for a site that has no key.
    case when exists (select from collector_keys k where k.site_id = s.site_id and k.revoked_at is null) then
      extract(epoch from $1::text::timestamptz - coalesce(
        (select max(u.received_at) from collector_upload_logs u where u.site_id = s.site_id),
        -- Logs are kept for some days; a site may be silent for longer.
        (select max(l.time) from miner_telemetry_live l where l.site_id = s.site_id)))::float8 end as upload_age_s
  from sites s
  cross join lateral (
    select coalesce((
      select t.interval_s from site_intervals t where t.site_id = s.site_id order by t.since desc limit 1),
      $2::text::float8)::float8 as interval_s) i
),
miners_now as materialized (
  select l.site_id, count(*)::int as known, (count(*) filter (where l.time > s.since))::int as fresh,
    (count(*) filter (where l.online))::int as online,
    (count(*) filter (where l.online and l.time > s.since))::int as online_fresh
  from miner_telemetry_live l join sites_now s using (site_id)
  -- An address that its miner has left is no miner unless something answers there.
  where l.online or l.miner_id not in (select miner_id from miners where vacated_at is not null)
  group by l.site_id
)
select s.site_id, s.interval_s, s.upload_age_s, coalesce(m.known, 0) as known, coalesce(m.fresh, 0) as fresh,
  coalesce(m.online, 0) as online, coalesce(m.online_fresh, 0) as online_fresh
from sites_now s left join miners_now m using (site_id)
order by s.site_id
