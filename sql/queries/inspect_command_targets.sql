-- Miners that a command is meant for, by what decides whether they can do it.
-- $1 site, $2 miners, $3 kind.
select m.family, m.model, count(*)::int as n, (count(*) filter (where w.waits))::int as waiting,
  to_json((array_agg(m.key order by t.n))[1:10]) as sample,
  to_json((array_agg(m.key order by t.n) filter (where w.waits))[1:10]) as waiting_sample
from unnest($2::text::int[]) with ordinality t (miner_id, n) join miners m using (miner_id)
cross join lateral (
  -- The same is on its way already.
  select exists (select from miner_commands o where o.site_id = $1::int and o.miner_key = m.key and o.kind = $3::text
    and o.status in ('pending', 'sent')) as waits) w
where m.site_id = $1::int
group by m.family, m.model order by n desc, m.family, m.model
