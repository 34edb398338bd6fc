-- Sites that have something to hand out now. $1 sites.
select s.site_id from unnest($1::text::int[]) s (site_id)
where exists (
  select from waiting_commands w
  where w.site_id = s.site_id and w.not_before is not null and w.not_before <= statement_timestamp()
    and w.expires_at > statement_timestamp() and w.waits_for is null
  order by w.priority desc, w.command_id limit 1)
