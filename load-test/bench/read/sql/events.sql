-- What happened at a site while `history.sql` says it did, and before. $1 site, $2 and $3 from and until. Pools and firmware change now and then.
insert into miner_events (time, site_id, miner_id, kind, from_value, to_value)
select e.time, $1::int, e.miner_id, e.kind, e.from_value, e.to_value
from (
  select to_timestamp(h.hour * 3600 + (n.luck % 1800) + case when c.is_end then 301 + n.luck % 1200 else 0 end) as time,
    m.miner_id, case when n.luck >= 20972 then 'state' when c.is_end then 'online' else 'offline' end as kind,
    case when c.is_end then s.name else 'mining' end as from_value, case when c.is_end then 'mining' else s.name end as to_value
  from miners m
  cross join generate_series(
    extract(epoch from $2::text::timestamptz)::int8 / 3600, extract(epoch from $3::text::timestamptz)::int8 / 3600) h (hour)
  cross join lateral (select hashint8(m.miner_id * 1048576::int8 + h.hour) & 1048575 as luck) n
  cross join lateral (select case when n.luck < 20972 then 'unreachable' else 'starting' end as name) s
  cross join (values (false), (true)) c (is_end)
  where m.site_id = $1::int and n.luck < 31457
  union all
  select to_timestamp(p.n * m.period_s - m.miner_id * 7919), m.miner_id, 'reboot', m.period_s::text, '0'
  from (select miner_id, 86400 * (1 + miner_id % 20)::int8 as period_s from miners where site_id = $1::int) m
  cross join lateral generate_series(
    (extract(epoch from $2::text::timestamptz)::int8 + m.miner_id * 7919) / m.period_s,
    (extract(epoch from $3::text::timestamptz)::int8 + m.miner_id * 7919) / m.period_s) p (n)
  union all
  select $2::text::timestamptz + (m.miner_id * 379 % 997) / 997.0 * ($3::text::timestamptz - $2::text::timestamptz), m.miner_id,
    case when m.miner_id % 2 = 0 then 'firmware' else 'pool' end,
    case when m.miner_id % 2 = 0 then '2021-11-02' else 'stratum+tcp://old.pool.example:3333' end,
    case when m.miner_id % 2 = 0 then m.firmware else l.pool_url end
  from miners m join miner_telemetry_live l using (miner_id)
  where m.site_id = $1::int and m.miner_id % 5 < 2
) e
where e.time >= $2::text::timestamptz and e.time < $3::text::timestamptz
order by e.time, e.miner_id
