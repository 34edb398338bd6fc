-- Claims up to {{limit}} buckets whose turn it is, the longest waiting first: should this run die, they are looked at
-- again after {{lease_s}}. Those that an earlier run has failed at come last, for they hold up what is after them. Lets go
-- of those from before {{horizon_s}}.
with gone as (
  delete from rollup_due where time < to_timestamp({{horizon_s}})
),
mine as (
  update rollup_due d set leased_until = to_timestamp({{now_s}} + {{lease_s}})
  from (
    select width_s, site_id, time from rollup_due
    where width_s = {{width_s}} and due_at <= to_timestamp({{now_s}}) and time >= to_timestamp({{horizon_s}})
      and (leased_until is null or leased_until <= to_timestamp({{now_s}}))
    order by leased_until nulls first, due_at limit {{limit}}
  ) c
  where d.width_s = c.width_s and d.site_id = c.site_id and d.time = c.time
  returning d.site_id, d.time, d.is_late, d.is_moved, d.due_at as since
)
select site_id, extract(epoch from time)::float8 as from_s, is_late, is_moved,
  extract(epoch from since)::float8 as since_s
from mine order by since, site_id, time
