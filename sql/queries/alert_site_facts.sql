-- Rules held against sites, all of them. $1 now, $2 oldest time of an offline miner's sample that is believed,
-- $3 oldest upload of a site that is heard of, $4 poll interval (s), $5 kinds as JSON [{kind, is_below}].
with counts as materialized (
  select m.site_id, count(*) as total,
    count(*) filter (where not l.online and l.time >= $2::text::timestamptz) as offline,
    sum(l.hashrate_expected_ghs) as nominal_ghs
  from miners m join miner_telemetry_live l using (miner_id)
  where m.vacated_at is null or l.online
  group by m.site_id
),
-- Of the rollups: the five minutes that ended five to ten minutes ago, so that their samples are in, and the hour before
-- their end.
sums as materialized (
  select s.site_id, b.time + interval '5 minutes' as until, r.hashrate_ghs, h.accepted, h.rejected
  from sites s
  cross join lateral (select date_bin('5 minutes', $1::text::timestamptz - interval '10 minutes', 'epoch') as time) b
  join site_telemetry_5m r on r.site_id = s.site_id and r.time = b.time
  cross join lateral (
    select sum(accepted_delta)::float8 as accepted, sum(rejected_delta)::float8 as rejected
    from site_telemetry_5m h where h.site_id = s.site_id and h.time > b.time - interval '1 hour' and h.time <= b.time) h
),
states as materialized (
  select s.site_id, s.name, c.total, c.offline, c.nominal_ghs, r.until, r.hashrate_ghs, r.accepted, r.rejected, k.*,
    (select max(u.received_at) from collector_upload_logs u where u.site_id = s.site_id) as last_upload
  from sites s
  left join counts c using (site_id)
  left join sums r using (site_id)
  cross join lateral (
    select count(*) filter (where revoked_at is null) as active_keys,
      max(last_used_at) filter (where revoked_at is null) as last_used,
      coalesce(max(refused_at) > $1::text::timestamptz - interval '15 minutes', false) as is_refused
    from collector_keys k where k.site_id = s.site_id) k
),
held as (
  select rule_id, site_id, since, due_at, null::int as alert_id, null::int as incident_id, null::timestamptz as triggered_at
  from alert_pending where miner_id is null
  union all
  select rule_id, site_id, null, null, alert_id, incident_id, triggered_at
  from alerts where resolved_at is null and miner_id is null
),
readings as (
  select s.site_id, s.name as site_name, r.rule_id, r.kind, r.severity, r.threshold, r.clear_threshold, r.duration_s,
    r.cooldown_s, k.is_below,
    case r.kind
      when 'mass_offline' then case
        when s.last_upload is null or s.last_upload < $3::text::timestamptz then null
        when s.total >= 10 then s.offline::float8 / s.total else 0 end
      -- Without an active key nobody is meant to send.
      when 'collector_silent' then case when s.active_keys = 0 then 0
        else extract(epoch from $1::text::timestamptz - coalesce(s.last_upload, s.last_used)) / $4::float8 end
      -- Five minutes in which uploads ended hold some of the miners.
      when 'site_hashrate_low' then case when s.last_upload >= s.until + $4::float8 * interval '1 second'
        then s.hashrate_ghs / nullif(s.nominal_ghs, 0) end
      when 'rejects_high' then case when s.accepted + s.rejected >= 100 then s.rejected / (s.accepted + s.rejected) end
      when 'key_refused' then s.is_refused::int
    end::float8 as value
  from states s
  join alert_rules r on (r.site_id is null or r.site_id = s.site_id) and r.enabled
  join json_to_recordset($5::text::json) as k (kind text, is_below boolean) on k.kind = r.kind
),
facts as materialized (
  select r.*, headframe_alert_status(value, threshold, clear_threshold, is_below) as status
  from readings r
)
select f.rule_id, f.site_id, f.site_name, null::int as miner_id, null::text as key, null::text as model, null::text as ip,
  null::text as pool_url, f.kind, f.severity, f.status, f.value, f.threshold, f.duration_s, f.cooldown_s, h.since,
  h.due_at, h.alert_id, h.incident_id, h.triggered_at,
  (select max(a.resolved_at) from alerts a where a.rule_id = f.rule_id and a.site_id = f.site_id) as last_resolved,
  null::text as rack
from facts f
left join held h on h.rule_id = f.rule_id and h.site_id = f.site_id
union all
select h.rule_id, h.site_id, s.name, null, null, null, null, null, coalesce(a.kind, 'collector_silent'),
  coalesce(a.severity, 'warning'), 'gone', a.value, a.threshold, 0, 0, h.since, h.due_at, h.alert_id, h.incident_id,
  h.triggered_at, null, null
from held h
left join alerts a on a.alert_id = h.alert_id
left join sites s on s.site_id = h.site_id
where not exists (select from facts f where f.rule_id = h.rule_id and f.site_id = h.site_id)
