-- Slots of a site in a range, at the interval in force in each part of it; null when none is known at its beginning.
create function headframe_expected_slots(p_site int, p_from timestamptz, p_to timestamptz)
returns float8 language sql stable as $$
  with begun as (
    select since, interval_s from site_intervals
    where site_id = p_site and since <= p_from order by since desc limit 1
  )
  select sum(extract(epoch from least(s.until, p_to) - greatest(s.since, p_from))::float8 / s.interval_s)
  from (
    select i.since, i.interval_s, lead(i.since, 1, 'infinity') over (order by i.since) as until
    from site_intervals i
    where i.site_id = p_site and i.since >= (select since from begun) and i.since < p_to
  ) s
$$;
