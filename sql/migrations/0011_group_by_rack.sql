-- Where the miner of an alert stood when it opened, and incidents of a rack.
alter table alerts add column rack text;
alter table incidents drop constraint incidents_scope_check;
alter table incidents add constraint incidents_scope_check check (scope in ('site', 'subnet', 'rack', 'pool'));
