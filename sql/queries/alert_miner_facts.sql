-- Rules held against miners: what would change something, and nothing else. $1 now, $2 oldest time of an online
-- miner's sample that is fresh, $3 the same of an offline one's, $4 oldest time of a miner that is still there,
-- $5 oldest upload of a site that is heard of, $6 oldest time of a last share, $7 most rows,
-- $8 kinds as JSON [{kind, is_below}].
with rules as materialized (
  select r.*, k.is_below, '%' || replace(replace(replace(r.model, '\', '\\'), '%', '\%'), '_', '\_') || '%' as like_model
  from alert_rules r join json_to_recordset($8::text::json) as k (kind text, is_below boolean) using (kind)
  where r.enabled
),
-- The loosest threshold of each kind: what passes none of them breaches no rule.
bounds as materialized (
  select coalesce(min(threshold) filter (where kind = 'temperature'), 'infinity') as temperature,
    coalesce(max(threshold) filter (where kind = 'hashrate_low'), -1) as hashrate,
    coalesce(min(threshold) filter (where kind = 'hardware_errors'), 'infinity') as errors,
    coalesce(max(threshold) filter (where kind = 'fan_failure'), -1) as fan,
    coalesce(min(threshold) filter (where kind = 'pool_dead'), 'infinity') as dry_minutes,
    coalesce(bool_or(kind in ('board_lost', 'chips_lost')), false) as has_boards,
    coalesce(bool_or(kind = 'offline'), false) as has_offline,
    coalesce(bool_or(kind = 'pool_wrong' and pools <> '{}'), false) as has_pools
  from rules
),
heard_sites as materialized (
  select s.site_id, s.name from sites s
  where exists (select from collector_upload_logs u where u.site_id = s.site_id and u.received_at >= $5::text::timestamptz)
),
held as materialized (
  select rule_id, miner_id, since, due_at, null::int as alert_id, null::int as incident_id,
    null::timestamptz as triggered_at
  from alert_pending where miner_id is not null
  union all
  select rule_id, miner_id, null, null, alert_id, incident_id, triggered_at
  from alerts where resolved_at is null and miner_id is not null
),
-- Found in the live rows and the counters alone: those of the miners are as many, and few are asked for.
suspect as materialized (
  select l.miner_id, l.time, l.online, l.state, l.hashrate_ghs, l.hashrate_expected_ghs, l.temperature_max, l.fan_min,
    l.fan_max, l.boards_total, l.boards_healthy, l.pool_url, l.accepted_shares, c.errors_per_hour, c.accepted_shares as old_shares, c.accepted_at
  from miner_telemetry_live l
  cross join bounds b
  left join miner_alert_counters c using (miner_id)
  where not l.online and b.has_offline
    or l.temperature_max > b.temperature
    or l.hashrate_ghs < b.hashrate * l.hashrate_expected_ghs
    or c.errors_per_hour > b.errors
    or l.fan_min < b.fan
    or b.has_boards and (l.boards_healthy < l.boards_total or l.state = 'no_boards')
    or c.accepted_shares = l.accepted_shares and c.accepted_at < $6::text::timestamptz
      and extract(epoch from l.time - c.accepted_at) / 60 >= b.dry_minutes
    or b.has_pools and l.pool_url is not null
    or l.miner_id in (select miner_id from held)
),
watched as materialized (
  select m.miner_id, m.site_id, m.key, m.model, m.ip, m.mac, m.address,
    m.vacated_at is not null and not l.online or l.time < $4::text::timestamptz as is_gone,
    l.online and l.time >= $2::text::timestamptz as is_fresh,
    not l.online and l.time >= $3::text::timestamptz as is_offline,
    l.state, l.hashrate_ghs, l.hashrate_ghs / nullif(l.hashrate_expected_ghs, 0) as ratio, l.temperature_max,
    l.fan_min, l.fan_max, l.boards_total, l.boards_healthy, l.pool_url, l.accepted_shares, l.errors_per_hour,
    case when l.old_shares = l.accepted_shares
      then greatest(0, extract(epoch from l.time - l.accepted_at) / 60) else 0 end as dry_minutes
  from suspect l
  join miners m using (miner_id)
),
readings as (
  select w.*, r.rule_id, r.kind, r.severity, r.threshold, r.clear_threshold, r.duration_s, r.cooldown_s, r.is_below,
    -- Told not to hash: nothing is wrong with what it does not do.
    w.is_fresh and w.state = 'sleeping' and r.kind not in ('temperature', 'offline', 'hardware_errors') as is_idle,
    s.site_id is not null as is_heard, coalesce(s.name, '') as site_name,
    case
      when s.site_id is null then null
      when r.kind = 'offline' then case when w.is_fresh then 0 when w.is_offline then 1 end
      when not w.is_fresh then null
      when r.kind = 'temperature' then w.temperature_max
      when r.kind = 'hardware_errors' then w.errors_per_hour
      when r.kind = 'hashrate_low' then case when w.state in ('mining', 'stopped') then w.ratio end
      when r.kind = 'fan_failure' then case when w.state = 'mining' then
        case when w.fan_max >= r.threshold then w.fan_min when w.fan_max >= 0 then coalesce(r.clear_threshold, r.threshold) end end
      when r.kind = 'board_lost' then case
        when w.state = 'no_boards' then greatest(w.boards_total, 1)
        when w.state in ('mining', 'stopped') and w.boards_healthy < w.boards_total then coalesce((
          select greatest(w.boards_total - count(*), 0)
            + count(*) filter (where (b->>'chips_ok')::float8 = 0 or (b->>'hashrate')::float8 <= 0)
          from miner_live_details d, json_array_elements(d.boards) b
          where d.miner_id = w.miner_id having count(*) > 0), w.boards_total - w.boards_healthy)
        when w.boards_total > 0 and w.boards_healthy >= w.boards_total then 0 end
      when r.kind = 'chips_lost' then case
        when w.boards_healthy < w.boards_total then (
          select min((b->>'chips_ok')::float8 / nullif((b->>'chips_total')::float8, 0))
            filter (where (b->>'chips_ok')::float8 > 0)
          from miner_live_details d, json_array_elements(d.boards) b where d.miner_id = w.miner_id)
        when w.boards_total > 0 then 1 end
      when r.kind = 'pool_wrong' then case when r.pools = '{}' then 0 when w.pool_url is not null then
        (not exists (select from unnest(r.pools) p where strpos(lower(w.pool_url), lower(p)) > 0))::int end
      when r.kind = 'pool_dead' then case when w.state = 'mining' and w.hashrate_ghs > 0 then w.dry_minutes end
    end::float8 as value
  from watched w
  join rules r on (r.site_id is null or r.site_id = w.site_id)
    and (r.model is null or w.model ilike r.like_model)
    and (r.subnet is null or coalesce(w.address, case when w.ip ~ '^\d{1,3}(\.\d{1,3}){3}$' then w.ip::inet end) <<= r.subnet)
    and (r.miner is null or w.key = r.miner)
    -- Of a miner without a fresh sample there is nothing else to say.
    and (w.is_fresh or r.kind = 'offline' or (r.rule_id, w.miner_id) in (select rule_id, miner_id from held))
  left join heard_sites s on s.site_id = w.site_id
),
-- A farm breaches few of its rules: all that it keeps is not carried on.
facts as materialized (
  select *
  from (
    select r.*, case
        when is_gone and is_heard then 'gone'
        when is_idle and is_heard then 'clear'
        else headframe_alert_status(value, threshold, clear_threshold, is_below) end as status
    from readings r
  ) f
  where status = 'breach' or (rule_id, miner_id) in (select rule_id, miner_id from held)
)
select f.rule_id, f.site_id, f.site_name, f.miner_id, f.key, f.model, f.ip, f.pool_url, f.kind, f.severity, f.status, f.value,
  f.threshold, f.duration_s, f.cooldown_s, h.since, h.due_at, h.alert_id, h.incident_id, h.triggered_at,
  case when f.status = 'breach' and h.rule_id is null then (
    select max(a.resolved_at) from alerts a
    where a.rule_id = f.rule_id and a.site_id = f.site_id and a.miner_id = f.miner_id) end as last_resolved,
  -- As the heatmap looks a miner up: by name, then address, then MAC.
  case when f.status = 'breach' then (
    select p.rack from rack_places p where p.site_id = f.site_id and p.miner in (lower(f.key), f.ip, f.mac)
    order by case p.miner when lower(f.key) then 0 when f.ip then 1 else 2 end limit 1) end as rack
from facts f
left join held h on h.rule_id = f.rule_id and h.miner_id = f.miner_id
where case f.status when 'breach' then h.rule_id is null or h.due_at <= $1::text::timestamptz or h.since > $1::text::timestamptz
  else h.due_at is not null or h.alert_id is not null and f.status in ('clear', 'gone') end
union all
-- The rule was taken away, or is about others now.
(select h.rule_id, coalesce(a.site_id, p.site_id), s.name, h.miner_id, m.key, m.model, m.ip, null, coalesce(a.kind, 'offline'),
  coalesce(a.severity, 'warning'), 'gone', a.value, a.threshold, 0, 0, h.since, h.due_at, h.alert_id, h.incident_id,
  h.triggered_at, null, null
from held h
left join alerts a on a.alert_id = h.alert_id
left join alert_pending p on p.rule_id = h.rule_id and p.miner_id = h.miner_id and h.alert_id is null
left join sites s on s.site_id = coalesce(a.site_id, p.site_id)
left join miners m on m.miner_id = h.miner_id
where not exists (select from facts f where f.rule_id = h.rule_id and f.miner_id = h.miner_id))
limit $7::int
