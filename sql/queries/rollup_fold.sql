-- Takes up to {{limit}} marks and notes for each rollup whose turn it is when: {{settle_5m_s}} and {{settle_1h_s}} after
-- the first mark of a bucket, so that samples which come in pieces cost one look. Older than {{horizon_s}} the samples
-- behind a bucket may be gone: what was summed of them stays as it is.
with taken as (
  delete from rollup_marks
  where ctid = any (array(select ctid from rollup_marks limit {{limit}}))
  returning site_id, time, is_late, is_moved
),
noted as (
  insert into rollup_due as d (width_s, site_id, time, due_at, is_late, is_moved)
  select w.width_s, t.site_id, date_bin(w.width_s * interval '1 second', t.time, 'epoch') as bucket,
    to_timestamp({{now_s}} + min(w.settle_s)), bool_or(t.is_late), bool_or(t.is_moved)
  from taken t cross join (values (300, {{settle_5m_s}}), (3600, {{settle_1h_s}})) w (width_s, settle_s)
  group by w.width_s, t.site_id, bucket
  having date_bin(min(w.width_s) * interval '1 second', min(t.time), 'epoch') >= to_timestamp({{horizon_s}})
  order by 1, 2, 3
  on conflict (width_s, site_id, time) do update set due_at = least(d.due_at, excluded.due_at),
    is_late = d.is_late or excluded.is_late, is_moved = d.is_moved or excluded.is_moved
)
select count(*)::int as taken from taken
