-- How many commands a site has had in 24 hours, for whoever is about to give some: the others of the site wait until
-- this transaction ends. Volatile, so that what those before it gave is in sight although the statement began earlier.
create function headframe_commands_of_day(asked_site int) returns bigint language plpgsql volatile as $$
begin
  perform pg_advisory_xact_lock(4801013, asked_site);
  return (
    select count(*) from miner_commands
    where site_id = asked_site and created_at > statement_timestamp() - interval '1 day'
  );
end $$;
