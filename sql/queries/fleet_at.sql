-- One page of what the miners of a site were at a time. $1 site, $2 the time, $3 how old a sample may be, s, $4 and $5
-- the key after which the page begins (its address or null, its text), $6 miners on the page, $7 how old a sample may
-- be that says its miner did not answer, s. State and readings are
-- those of the last sample; identity is what it is now, taken back by the events since.
with page as materialized (
  select m.miner_id, m.key, m.address, m.ip, m.mac, m.model, m.firmware, l.pool_url, l.worker_name, m.vacated_at
  from miners m left join miner_telemetry_live l using (miner_id)
  where m.site_id = $1::int and m.first_seen <= $2::text::timestamptz
    and ($5::text is null or case
      when $4::text is null then m.address is null and m.key > $5::text
      else m.address is null or (m.address, m.key) > ($4::text::inet, $5::text) end)
  order by m.address, m.key limit $6::int
)
select p.key as miner_id, host(p.address) as address, p.mac,
  p.vacated_at <= $2::text::timestamptz and coalesce(h.state, 'u') = 'u' as is_vacant,
  coalesce(c.moved, p.ip) as ip_address, coalesce(c.model, p.model) as model,
  coalesce(c.firmware, p.firmware) as firmware, coalesce(c.pool, p.pool_url) as pool_url,
  coalesce(c.worker, p.worker_name) as worker_name, h.time, coalesce(s.name, 'unknown') as state, w.name as health,
  h.hashrate_ghs / 1000.0::float8 as hashrate_ths, h.hashrate_expected_ghs / 1000.0::float8 as hashrate_expected_ths,
  h.temperature_max, h.power_w, h.uptime_seconds / 3600.0::float8 as uptime_hours, h.boards_total, h.boards_healthy
from page p
left join lateral (
  select * from (
    select * from miner_telemetry_history h
    where h.miner_id = p.miner_id and h.time <= $2::text::timestamptz
      and h.time > $2::text::timestamptz - greatest($3::text::float8, $7::text::float8) * interval '1 second'
    order by h.time desc limit 1
  ) h
  where h.state = 'u' or h.time > $2::text::timestamptz - $3::text::float8 * interval '1 second'
) h on true
-- As text: of "char" columns with statistics PostgreSQL 18 cannot plan a join by order ("cache lookup failed for collation").
left join miner_states s on s.code::text = h.state::text
left join health_levels w on w.code::text = h.health::text
left join lateral (
  select (array_agg(e.from_value order by e.time) filter (where e.kind = 'moved'))[1] as moved,
    (array_agg(e.from_value order by e.time) filter (where e.kind = 'model'))[1] as model,
    (array_agg(e.from_value order by e.time) filter (where e.kind = 'firmware'))[1] as firmware,
    (array_agg(e.from_value order by e.time) filter (where e.kind = 'pool'))[1] as pool,
    (array_agg(e.from_value order by e.time) filter (where e.kind = 'worker'))[1] as worker
  from miner_events e
  where e.miner_id = p.miner_id and e.time > $2::text::timestamptz
    and e.kind in ('moved', 'model', 'firmware', 'pool', 'worker')
) c on true
order by p.address, p.key
