-- Makes the events of samples that came late, or many at once, what they would be had each come in its turn: what a
-- sample tells against the one before it that told the same. Looks at the samples of {{site}} from {{from_s}}, s since
-- the epoch, for {{width_s}}, miners above {{after}} up to {{until}}, and with them at the sample before and the one
-- after, no further than {{near_s}}. What a miner's next sample is told against becomes what one of these told, where
-- none after it did. Doing it again changes nothing.
with sample as materialized (
  select h.miner_id, h.time, h.state::text as state, h.uptime_seconds, h.boards_healthy, h.boards
  from miners m
  cross join lateral (
    select * from miner_telemetry_history h
    where h.miner_id = m.miner_id and h.time >= to_timestamp({{from_s}}) and h.time < to_timestamp({{from_s}} + {{width_s}})
  ) h
  where m.site_id = {{site}} and m.miner_id > {{after}} and m.miner_id <= {{until}}
),
here as materialized (
  select s.miner_id, s.time, v.kind, v.value
  from sample s
  cross join lateral (values ('state', s.state), ('reboot', s.uptime_seconds::text), ('boards', s.boards_healthy::text),
    ('chips', (select case when count(*) = count(c) then sum(c)::int::text end from unnest(s.boards[3:3]) c))) v (kind, value)
  where v.value is not null
),
-- The sample before and the one after.
neighbour as materialized (
  select e.miner_id, n.*
  from (select miner_id, min(time) as first, max(time) as last from sample group by miner_id) e
  cross join lateral (
    (select true as is_before, h.time, h.state::text as state, h.uptime_seconds, h.boards_healthy, h.boards
      from miner_telemetry_history h
      where h.miner_id = e.miner_id and h.time < e.first and h.time >= to_timestamp({{from_s}} - {{near_s}})
      order by h.time desc limit 1)
    union all
    (select false, h.time, h.state::text, h.uptime_seconds, h.boards_healthy, h.boards
      from miner_telemetry_history h
      where h.miner_id = e.miner_id and h.time > e.last and h.time < to_timestamp({{from_s}} + {{width_s}} + {{near_s}})
      order by h.time limit 1)
  ) n
),
near as materialized (
  select n.miner_id, n.is_before, n.time, v.kind, v.value
  from neighbour n
  cross join lateral (values ('state', n.state), ('reboot', n.uptime_seconds::text), ('boards', n.boards_healthy::text),
    ('chips', (select case when count(*) = count(c) then sum(c)::int::text end from unnest(n.boards[3:3]) c))) v (kind, value)
),
-- What a neighbour does not tell is looked for farther off, where a sample here tells it.
far as (
  select k.miner_id, k.kind, f.time, f.value
  from near k
  cross join lateral (
    (select h.time, t.value from miner_telemetry_history h cross join lateral (values (case k.kind when 'state' then h.state::text when 'reboot' then h.uptime_seconds::text
        when 'boards' then h.boards_healthy::text else (select case when count(*) = count(c) then sum(c)::int::text end from unnest(h.boards[3:3]) c) end)) t (value)
      where k.is_before and h.miner_id = k.miner_id and h.time < k.time
        and h.time >= to_timestamp({{from_s}} - {{near_s}}) and t.value is not null
      order by h.time desc limit 1)
    union all
    (select h.time, t.value from miner_telemetry_history h cross join lateral (values (case k.kind when 'state' then h.state::text when 'reboot' then h.uptime_seconds::text
        when 'boards' then h.boards_healthy::text else (select case when count(*) = count(c) then sum(c)::int::text end from unnest(h.boards[3:3]) c) end)) t (value)
      where not k.is_before and h.miner_id = k.miner_id and h.time > k.time
        and h.time < to_timestamp({{from_s}} + {{width_s}} + {{near_s}}) and t.value is not null
      order by h.time limit 1)
  ) f
  where k.value is null and (k.miner_id, k.kind) in (select miner_id, kind from here)
),
told as materialized (
  select miner_id, time, kind, value from here
  union all select miner_id, time, kind, value from near where value is not null
  union all select miner_id, time, kind, value from far
),
step as materialized (
  select w.*, case when w.kind = 'reboot' then w.value::int8 < w.old_value::int8 else w.value <> w.old_value end as is_change
  from (
    select miner_id, kind, time, value, lag(value) over (partition by miner_id, kind collate "C" order by time) as old_value
    from told
  ) w
  where w.old_value is not null
),
right_one as materialized (
  select s.miner_id, s.time, s.kind as of, case when s.kind <> 'state' then s.kind when s.value = 'u' then 'offline'
      when s.old_value = 'u' then 'online' else 'state' end as kind,
    coalesce(o.name, s.old_value) as from_value, coalesce(n.name, s.value) as to_value
  from step s
  left join miner_states o on s.kind = 'state' and o.code::text = s.old_value
  left join miner_states n on s.kind = 'state' and n.code::text = s.value
  where s.is_change
),
there as materialized (
  select e.miner_id, e.time, e.kind, e.from_value, e.to_value,
    case when e.kind in ('offline', 'online') then 'state' else e.kind end as of
  from miner_events e
  where e.site_id = {{site}} and e.miner_id > {{after}} and e.miner_id <= {{until}}
    and e.kind in ('offline', 'online', 'state', 'reboot', 'boards', 'chips')
    and e.time >= to_timestamp({{from_s}}) and e.time < to_timestamp({{from_s}} + {{width_s}} + {{near_s}})
),
gone as (
  delete from miner_events e
  using there t join step s on s.miner_id = t.miner_id and s.time = t.time and s.kind = t.of
  where e.miner_id = t.miner_id and e.time = t.time and e.kind = t.kind and e.site_id = {{site}}
    and e.time >= to_timestamp({{from_s}}) and e.time < to_timestamp({{from_s}} + {{width_s}} + {{near_s}})
    and not exists (
      select from right_one r where r.miner_id = t.miner_id and r.time = t.time and r.kind = t.kind
        and r.from_value = t.from_value and r.to_value = t.to_value)
),
last_told as materialized (
  select miner_id, max(value) filter (where kind = 'reboot')::int8 as uptime_seconds,
    max(value) filter (where kind = 'boards')::int as boards_healthy, max(value) filter (where kind = 'chips')::int as chips_ok
  from (select distinct on (miner_id, kind collate "C") * from told order by miner_id, kind collate "C", time desc) l
  where l.time >= to_timestamp({{from_s}}) and l.time < to_timestamp({{from_s}} + {{width_s}}) and l.kind <> 'state'
  group by miner_id
),
stale as materialized (
  select n.*
  from last_told n join miner_telemetry_live l on l.miner_id = n.miner_id
  where l.time < to_timestamp({{from_s}} + {{width_s}} + {{near_s}})
    and (n.uptime_seconds <> coalesce(l.known_uptime_seconds, -1)
      or n.boards_healthy <> coalesce(l.known_boards_healthy, -1) or n.chips_ok <> coalesce(l.known_chips_ok, -1))
  order by l.miner_id
  for update of l
),
known as (
  update miner_telemetry_live l set
    known_uptime_seconds = coalesce(n.uptime_seconds, l.known_uptime_seconds),
    known_boards_healthy = coalesce(n.boards_healthy, l.known_boards_healthy),
    known_chips_ok = coalesce(n.chips_ok, l.known_chips_ok)
  from stale n
  where l.miner_id = n.miner_id
)
insert into miner_events (time, site_id, miner_id, kind, from_value, to_value)
select r.time, {{site}}, r.miner_id, r.kind, r.from_value, r.to_value
from right_one r
where not exists (
  select from there t where t.miner_id = r.miner_id and t.time = r.time and t.kind = r.kind
    and t.from_value = r.from_value and t.to_value = r.to_value)
order by r.miner_id, r.time
