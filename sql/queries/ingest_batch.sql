-- Stores one batch: history, live rows, miners, events, raw replies and the ledger row, or nothing.
-- $1 rows (JSON text), $2 site, $3 batch id, $4 key, $5 arrival, $6 rows, $7 online, $8 rejected, $9 bytes on the wire,
-- $10 whether rows of doubtful identity go by their address. Else one such row keeps the batch from being written, and
-- the answer holds what `headframe_settle_identities` wants to see. $11 seconds between slots, as the collector tells.
-- Rows of every table are taken in the order of their miner, so that concurrent batches cannot deadlock.
with seen as materialized (
  select from collector_upload_logs where site_id = $2::int and batch_id = $3::uuid
),
input as materialized (
  select r.*, row_number() over newest_first = 1 as is_newest,
    max(r.time) filter (where r.online) over (partition by r.key) as last_online_at,
    max(r.time) filter (where r.mac is not null or r.serial is not null) over (partition by r.key) as identified_at,
    case when array_position(r.board_chips_ok, null) is null
      then (select sum(c) from unnest(r.board_chips_ok) c)::int end as chips_ok
  from json_to_recordset(case when exists (select from seen) then '[]' else $1::text end::json) as r (
    key text, "time" timestamptz, offset_ms float8, ip text, mac text, serial text, online boolean, state text, health text,
    reported_health text, hashrate_ghs float8, hashrate_5s_ghs float8, hashrate_expected_ghs float8,
    temperature_avg real, temperature_min real, temperature_max real, temperature_chips real[], fan_speeds real[],
    frequency_avg real, accepted_shares float8, rejected_shares float8, hardware_errors float8,
    uptime_seconds float8, power_w real, efficiency real, pool_latency_ms float8, latency_ms float8,
    pool_url text, worker_name text, model text, firmware text, family text, boards json,
    board_hashrate_ghs real[], board_temp_c real[], board_chips_ok real[], boards_total float8,
    boards_healthy float8, board_serials text[], error_class text, error_message text, details json, raw json,
    quirks json
  )
  window newest_first as (partition by r.key order by r.time desc)
),
known as materialized (
  select m.key, m.miner_id, m.address is not null as is_address, m.key_since, m.ip, m.mac, m.serial, m.model,
    m.firmware, m.family, l.time, l.state, l.pool_url, l.worker_name, l.known_uptime_seconds,
    l.known_boards_healthy, d.known_board_serials, l.known_chips_ok
  from input i
  join miners m on m.site_id = $2::int and m.key = i.key
  left join miner_telemetry_live l on l.miner_id = m.miner_id
  left join miner_live_details d on d.miner_id = m.miner_id
  where i.is_newest
),
-- What the samples between a miner's live row and its newest told last: the newest need not tell it again. A batch with
-- one row a miner has none.
told as materialized (
  select i.key,
    (array_agg(i.uptime_seconds order by i.time desc) filter (where i.uptime_seconds is not null))[1] as uptime_seconds,
    (array_agg(i.boards_healthy order by i.time desc) filter (where i.boards_healthy is not null))[1] as boards_healthy,
    (array_agg(i.chips_ok order by i.time desc) filter (where i.chips_ok is not null))[1] as chips_ok,
    (array_agg(i.board_serials::text order by i.time desc) filter (where i.board_serials is not null))[1]::text[]
      as board_serials,
    (array_agg(i.hashrate_expected_ghs order by i.time desc) filter (where i.hashrate_expected_ghs is not null))[1]
      as hashrate_expected_ghs,
    (array_agg(i.pool_url order by i.time desc) filter (where i.pool_url is not null))[1] as pool_url,
    (array_agg(i.worker_name order by i.time desc) filter (where i.worker_name is not null))[1] as worker_name,
    (array_agg(i.model order by i.time desc) filter (where i.model is not null))[1] as model,
    (array_agg(i.firmware order by i.time desc) filter (where i.firmware is not null))[1] as firmware
  from input i
  left join known k on k.key = i.key
  where not i.is_newest and (k.time is null or k.time < i.time)
  group by i.key
),
-- Rows that say they are another than their address is known for, or are from before it was that one's.
doubtful as materialized (
  select i.key, i.time, i.mac, i.serial
  from input i left join known k on k.key = i.key
  where case when k.miner_id is null
      then i.key ~ '^((25[0-5]|2[0-4]\d|1?\d?\d)\.){3}(25[0-5]|2[0-4]\d|1?\d?\d)$' else k.is_address end
    and case when i.mac is not null then i.mac is distinct from k.mac
      when i.serial is not null then i.serial is distinct from k.serial
      else i.time < k.key_since end
),
-- Those among them that are late: whose they are is known, and no longer here.
late as materialized (
  select d.key, d.time, d.mac, d.serial, coalesce(
    (select m.miner_id from miners m
      where m.site_id = $2::int and m.by_address and m.mac = d.mac and d.time < m.key_since
        and (m.ip = d.key or not exists (select from miners o
          where o.site_id = $2::int and o.by_address and o.mac = d.mac and o.miner_id <> m.miner_id))
      order by m.key_since limit 1),
    (select m.miner_id from miners m
      where m.site_id = $2::int and m.by_address and d.mac is null and m.serial = d.serial and d.time < m.key_since
      order by m.key_since limit 1),
    (select p.miner_id from miner_places p
      where p.site_id = $2::int and d.mac is null and d.serial is null and p.key = d.key and p.until > d.time
      order by p.until limit 1)) as miner_id
  from doubtful d
),
claims as materialized (
  select key, time from late where not $10::text::boolean and miner_id is null and (mac is not null or serial is not null)
),
-- A MAC or serial under an address is written by `headframe_settle_identities` alone.
identity as (
  insert into miners as m (site_id, key, ip, mac, serial, model, firmware, family, first_seen)
  select $2::int, i.key, i.ip, case when not $10::text::boolean then i.mac end, case when not $10::text::boolean then i.serial end,
    coalesce(i.model, t.model), coalesce(i.firmware, t.firmware), i.family, i.time
  from input i left join known k on k.key = i.key left join told t on t.key = i.key
  where i.is_newest and (
    k.miner_id is null
    or ((k.time is null or k.time < i.time)
      and (i.ip <> coalesce(k.ip, '') or i.mac <> coalesce(k.mac, '') or i.serial <> coalesce(k.serial, '')
        or coalesce(i.model, t.model) <> coalesce(k.model, '') or coalesce(i.firmware, t.firmware) <> coalesce(k.firmware, '')
        or i.family <> coalesce(k.family, '')))
  )
    and not exists (select from claims)
    and not exists (select from late s where s.miner_id is not null and s.key = i.key and s.time = i.time)
  order by i.key
  on conflict (site_id, key) do update set
    ip = coalesce(excluded.ip, m.ip),
    mac = case when m.address is null then coalesce(excluded.mac, m.mac) else m.mac end,
    serial = case when m.address is null or excluded.mac = m.mac then coalesce(excluded.serial, m.serial) else m.serial end,
    vacated_at = case when excluded.model is null then m.vacated_at end,
    model = coalesce(excluded.model, m.model), firmware = coalesce(excluded.firmware, m.firmware),
    family = coalesce(excluded.family, m.family)
  returning m.key, m.miner_id, m.xmax = 0 as is_new
),
-- A row inserted here is not visible to a join here, hence the union.
ids as materialized (
  select key, miner_id from known where not exists (select from claims)
  union select key, miner_id from identity
),
history as (
  insert into miner_telemetry_history (
    time, accepted_shares, miner_id, rejected_shares, hardware_errors, uptime_seconds, hashrate_ghs,
    hashrate_5s_ghs, hashrate_expected_ghs, temperature_avg, temperature_min, temperature_max, frequency_avg,
    power_w, offset_ms, latency_ms, pool_latency_ms, boards_total, boards_healthy, state, health, error_class,
    fan_speeds, temperature_chips, boards)
  select i.time, i.accepted_shares, coalesce(s.miner_id, ids.miner_id), case when i.rejected_shares > 2147483647 then 2147483647 else i.rejected_shares end,
    case when i.hardware_errors > 2147483647 then 2147483647 else i.hardware_errors end, i.uptime_seconds, i.hashrate_ghs, i.hashrate_5s_ghs,
    i.hashrate_expected_ghs, i.temperature_avg, i.temperature_min, i.temperature_max, i.frequency_avg,
    i.power_w, i.offset_ms, case when i.latency_ms > 32767 then 32767 else i.latency_ms end,
    case when i.pool_latency_ms > 32767 then 32767 else i.pool_latency_ms end, i.boards_total,
    i.boards_healthy, c.code, h.code, coalesce(e.code, '?'), i.fan_speeds::smallint[],
    case when 127 < any (i.temperature_chips)
      then array(select least(t, 127)::int::"char" from unnest(i.temperature_chips) t)
      else i.temperature_chips::int[]::"char"[] end,
    case when cardinality(i.board_hashrate_ghs) = cardinality(i.board_temp_c)
        and cardinality(i.board_hashrate_ghs) = cardinality(i.board_chips_ok)
      then array[i.board_hashrate_ghs, i.board_temp_c, i.board_chips_ok] end
  from input i
  left join ids on ids.key = i.key
  left join late s on s.key = i.key and s.time = i.time
  left join miner_states c on c.name = i.state
  left join health_levels h on h.name = i.health
  left join poll_error_classes e on e.name = coalesce(i.error_class, 'none')
  where coalesce(s.miner_id, ids.miner_id) is not null and not exists (select from claims)
  order by 3, i.time, i.online desc
  on conflict do nothing
  returning miner_id, time
),
live as (
  insert into miner_telemetry_live as l (
    miner_id, boards_total, boards_healthy, known_boards_healthy, known_chips_ok, time, last_online_at, identified_at,
    accepted_shares, rejected_shares, hardware_errors, uptime_seconds, known_uptime_seconds, hashrate_ghs, hashrate_5s_ghs,
    hashrate_expected_ghs, temperature_avg, temperature_min, temperature_max, frequency_avg, power_w, efficiency,
    offset_ms, latency_ms, pool_latency_ms, online, state, health, error_class, pool_url, worker_name, fan_min,
    fan_max, site_id, changed_at)
  select ids.miner_id, i.boards_total, i.boards_healthy, coalesce(i.boards_healthy, t.boards_healthy),
    coalesce(i.chips_ok, t.chips_ok), i.time, i.last_online_at, i.identified_at, i.accepted_shares, i.rejected_shares,
    i.hardware_errors, i.uptime_seconds,
    coalesce(i.uptime_seconds, t.uptime_seconds), i.hashrate_ghs, i.hashrate_5s_ghs,
    coalesce(i.hashrate_expected_ghs, t.hashrate_expected_ghs), i.temperature_avg, i.temperature_min, i.temperature_max,
    i.frequency_avg, i.power_w, i.efficiency, i.offset_ms, i.latency_ms, i.pool_latency_ms, i.online, i.state,
    i.health, i.error_class, coalesce(i.pool_url, t.pool_url), coalesce(i.worker_name, t.worker_name), f.fan_min,
    f.fan_max, $2::int, clock_timestamp()
  from input i
  join ids on ids.key = i.key
  left join told t on t.key = i.key
  cross join lateral (select min(rpm)::int as fan_min, max(rpm)::int as fan_max from unnest(i.fan_speeds) rpm) f
  where i.is_newest
    and not exists (select from late s where s.miner_id is not null and s.key = i.key and s.time = i.time)
  order by ids.miner_id
  on conflict (miner_id) do update set
    boards_total = excluded.boards_total, boards_healthy = excluded.boards_healthy,
    known_boards_healthy = coalesce(excluded.known_boards_healthy, l.known_boards_healthy),
    known_chips_ok = coalesce(excluded.known_chips_ok, l.known_chips_ok), time = excluded.time,
    last_online_at = coalesce(excluded.last_online_at, l.last_online_at),
    identified_at = coalesce(excluded.identified_at, l.identified_at),
    accepted_shares = excluded.accepted_shares, rejected_shares = excluded.rejected_shares,
    hardware_errors = excluded.hardware_errors, uptime_seconds = excluded.uptime_seconds,
    known_uptime_seconds = coalesce(excluded.known_uptime_seconds, l.known_uptime_seconds),
    hashrate_ghs = excluded.hashrate_ghs, hashrate_5s_ghs = excluded.hashrate_5s_ghs,
    hashrate_expected_ghs = coalesce(excluded.hashrate_expected_ghs, l.hashrate_expected_ghs),
    temperature_avg = excluded.temperature_avg, temperature_min = excluded.temperature_min,
    temperature_max = excluded.temperature_max, frequency_avg = excluded.frequency_avg,
    power_w = excluded.power_w, efficiency = excluded.efficiency, offset_ms = excluded.offset_ms,
    latency_ms = excluded.latency_ms, pool_latency_ms = excluded.pool_latency_ms, online = excluded.online,
    state = excluded.state, health = excluded.health, error_class = excluded.error_class,
    pool_url = coalesce(excluded.pool_url, l.pool_url),
    worker_name = coalesce(excluded.worker_name, l.worker_name),
    fan_min = excluded.fan_min, fan_max = excluded.fan_max,
    changed_at = case when l.state = excluded.state and l.health = excluded.health then l.changed_at
      else excluded.changed_at end
  where l.time < excluded.time
  returning l.miner_id
),
-- The wide part of the live rows that were written, under their locks.
live_details as (
  insert into miner_live_details as d (
    miner_id, known_board_serials, fan_speeds, temperature_chips, reported_health, error_message, boards, details)
  select ids.miner_id, coalesce(i.board_serials, t.board_serials), i.fan_speeds::int[], i.temperature_chips,
    i.reported_health, i.error_message, i.boards, i.details
  from input i join ids on ids.key = i.key left join told t on t.key = i.key
  where i.is_newest and ids.miner_id in (select miner_id from live)
  order by ids.miner_id
  on conflict (miner_id) do update set
    -- A board that does not tell now is not gone for good.
    known_board_serials = case when excluded.known_board_serials <@ d.known_board_serials then d.known_board_serials
      else coalesce(excluded.known_board_serials, d.known_board_serials) end,
    fan_speeds = excluded.fan_speeds, temperature_chips = excluded.temperature_chips,
    reported_health = excluded.reported_health, error_message = excluded.error_message, boards = excluded.boards,
    details = excluded.details
),
-- Each sample newer than the live row beside what was known before it; null: not told. Those before the newest are
-- marked late, and looked at again in their order.
steps as (
  select k.miner_id, i.time, i.state, i.uptime_seconds, i.model, i.firmware, i.pool_url, i.worker_name,
    i.boards_healthy, i.board_serials, i.chips_ok,
    coalesce(lag(i.state) over w, k.state) as old_state,
    coalesce(lag(i.uptime_seconds) over w, case when i.is_newest then t.uptime_seconds end, k.known_uptime_seconds) as old_uptime_seconds,
    coalesce(lag(i.model) over w, case when i.is_newest then t.model end, k.model) as old_model,
    coalesce(lag(i.firmware) over w, case when i.is_newest then t.firmware end, k.firmware) as old_firmware,
    coalesce(lag(i.pool_url) over w, case when i.is_newest then t.pool_url end, k.pool_url) as old_pool_url,
    coalesce(lag(i.worker_name) over w, case when i.is_newest then t.worker_name end, k.worker_name) as old_worker_name,
    coalesce(lag(i.boards_healthy) over w, case when i.is_newest then t.boards_healthy end, k.known_boards_healthy) as old_boards_healthy,
    coalesce(lag(i.board_serials) over w, case when i.is_newest then t.board_serials end, k.known_board_serials) as old_board_serials,
    coalesce(lag(i.chips_ok) over w, case when i.is_newest then t.chips_ok end, k.known_chips_ok) as old_chips_ok
  from input i
  join known k on k.key = i.key
  left join told t on t.key = i.key
  where k.time < i.time
  window w as (partition by k.miner_id order by i.time)
),
events as (
  insert into miner_events (time, site_id, miner_id, kind, from_value, to_value)
  select s.time, $2::int, s.miner_id, c.kind, c.from_value, c.to_value
  from steps s
  cross join lateral (values
    (case when s.state = 'unreachable' then 'offline' when s.old_state = 'unreachable' then 'online'
      else 'state' end, s.old_state, s.state, s.state <> s.old_state),
    ('reboot', s.old_uptime_seconds::text, s.uptime_seconds::text, s.uptime_seconds < s.old_uptime_seconds),
    ('model', s.old_model, s.model, s.model <> s.old_model),
    ('firmware', s.old_firmware, s.firmware, s.firmware <> s.old_firmware),
    ('pool', s.old_pool_url, s.pool_url, s.pool_url <> s.old_pool_url),
    ('worker', s.old_worker_name, s.worker_name, s.worker_name <> s.old_worker_name),
    ('boards', s.old_boards_healthy::text, s.boards_healthy::text, s.boards_healthy <> s.old_boards_healthy),
    ('chips', s.old_chips_ok::text, s.chips_ok::text, s.chips_ok <> s.old_chips_ok),
    ('board_swap', array_to_string(s.old_board_serials, ' '), array_to_string(s.board_serials, ' '),
      not s.board_serials <@ s.old_board_serials)
  ) as c (kind, from_value, to_value, is_change)
  where (s.state <> s.old_state or s.uptime_seconds < s.old_uptime_seconds or s.model <> s.old_model
      or s.firmware <> s.old_firmware or s.pool_url <> s.old_pool_url or s.worker_name <> s.old_worker_name
      or s.boards_healthy <> s.old_boards_healthy or s.chips_ok <> s.old_chips_ok or not s.board_serials <@ s.old_board_serials)
    and c.is_change
    -- A batch that loses the race for the live row tells nothing new.
    and s.miner_id in (select miner_id from live)
  order by s.miner_id, s.time
),
raw_replies as (
  insert into miner_raw_replies as r (miner_id, time, command, body)
  select distinct on (ids.miner_id, e.key) ids.miner_id, i.time, e.key, e.value
  from input i
  join ids on ids.key = i.key
  cross join lateral json_each_text(i.raw) e
  where json_typeof(i.raw) = 'object'
  order by ids.miner_id, e.key, i.time desc
  on conflict (miner_id, command) do update set time = excluded.time, body = excluded.body
  where r.time < excluded.time
),
-- A damaged reply counts when its row is stored: a row that comes again is not stored, and not counted, again.
damage as materialized (
  select h.miner_id, h.time, i.family, i.firmware, q.command, q.damage, q.sample,
    case when (select count(*) from reply_quirks where site_id = $2::int) < 2000
      or exists (select from reply_quirks r where r.site_id = $2::int and r.fingerprint = q.fingerprint)
      then q.fingerprint else 'other' end as fingerprint
  from (select i.*, coalesce(s.miner_id, ids.miner_id) as miner_id
    from input i left join ids on ids.key = i.key left join late s on s.key = i.key and s.time = i.time
    where i.quirks is not null) i
  join history h on h.miner_id = i.miner_id and h.time = i.time
  cross join lateral json_to_recordset(i.quirks) as q (fingerprint text, command text, damage text, sample text)
),
quirks as (
  insert into reply_quirks as q (
    site_id, fingerprint, family, firmware, command, damage, first_seen, since, last_seen, reply_count, sample_reply)
  select $2::int, d.fingerprint, min(d.family), min(d.firmware), min(d.command), min(d.damage), min(d.time), min(d.time),
    max(d.time), count(*), min(d.sample)
  from damage d
  group by d.fingerprint order by d.fingerprint
  on conflict (site_id, fingerprint) do update set
    first_seen = least(q.first_seen, excluded.first_seen), last_seen = greatest(q.last_seen, excluded.last_seen),
    since = case when excluded.since > q.last_seen + interval '1 hour' then excluded.since
      when excluded.last_seen > q.since - interval '1 hour' then least(q.since, excluded.since) else q.since end,
    reply_count = q.reply_count + excluded.reply_count,
    sample_reply = coalesce(q.sample_reply, excluded.sample_reply)
  returning q.quirk_id, q.fingerprint
),
quirk_sightings as (
  insert into quirk_miners as m (quirk_id, miner_id, last_seen)
  select q.quirk_id, d.miner_id, max(d.time)
  from damage d join quirks q using (fingerprint)
  group by q.quirk_id, d.miner_id order by q.quirk_id, d.miner_id
  on conflict (quirk_id, miner_id) do update set last_seen = excluded.last_seen
  where m.last_seen < excluded.last_seen - interval '5 minutes'
),
-- What rollups must look at again. A sample that did not move its live row has others after it, whose sums since the
-- sample before change too.
marks as (
  insert into rollup_marks (site_id, time, is_late)
  select $2::int, date_bin('5 minutes', h.time, 'epoch'), bool_or(l.miner_id is null)
  from history h
  left join (select live.miner_id, i.time from live join ids using (miner_id) join input i on i.key = ids.key and i.is_newest) l
    on l.miner_id = h.miner_id and l.time = h.time
  group by 2
),
-- A change of the interval holds from the batch's first sample on, the first told from the start of its hour. Two collectors that disagree fill no more than a row
-- each five minutes.
told_interval as (
  insert into site_intervals (site_id, since, interval_s)
  select $2::int, case when s.is_first then date_trunc('hour', s.since) else s.since end, $11::text::real
  from (
    select h.since, not exists (select from site_intervals i where i.site_id = $2::int and i.since <= h.since) as is_first
    from (select min(time) as since from history) h
    where h.since is not null and $11::text::real > 0
  ) s
  left join (select since, interval_s from site_intervals where site_id = $2::int order by since desc limit 1) l on true
  where s.is_first or l.interval_s <> $11::text::real and s.since >= l.since + interval '5 minutes'
  on conflict do nothing
),
outcome as materialized (
  select (select count(*) from history)::int as stored,
    (select count(*) from live)::int as updated,
    (select count(*) from identity where is_new)::int as created
),
ledger as (
  insert into collector_upload_logs (
    batch_id, received_at, min_time, max_time, wire_bytes, site_id, key_id, rows, stored, duplicate, rejected,
    online, processing_ms)
  select $3::uuid, $5::text::timestamptz, (select min(time) from input), (select max(time) from input), $9::int8, $2::int,
    $4::int, $6::int, o.stored, $6::int - o.stored, $8::int, $7::int,
    extract(epoch from clock_timestamp() - statement_timestamp()) * 1000
  from outcome o
  where not exists (select from seen) and not exists (select from claims)
  on conflict do nothing
  returning 1
)
select o.stored, o.updated, o.created, not exists (select from ledger) as is_duplicate_batch,
  case when exists (select from claims) then (
    select json_agg(json_build_object('key', i.key, 'time', i.time, 'mac', i.mac, 'serial', i.serial,
      'model', i.model, 'is_claim', c.key is not null))
    from input i left join claims c on c.key = i.key and c.time = i.time
    where c.key is not null or i.mac in (select d.mac from claims join doubtful d using (key, time))
  )::text end as claims
from outcome o
