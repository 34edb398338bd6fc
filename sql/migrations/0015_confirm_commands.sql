-- What a sample says of what commands change.
create function headframe_readings(l miner_telemetry_live) returns json language sql stable as $$
  select json_build_object('time', l.time, 'online', l.online, 'state', l.state, 'health', l.health,
    'hashrate_ghs', l.hashrate_ghs, 'pool_url', l.pool_url, 'worker_name', l.worker_name,
    'frequency_avg', l.frequency_avg, 'fan_rpm', (select round(avg(rpm)) from unnest(l.fan_speeds) rpm),
    'uptime_seconds', l.uptime_seconds)
$$;

-- The pool of an address, however it is written.
create function headframe_pool_host(p_url text) returns text language sql immutable parallel safe as $$
  select rtrim(regexp_replace(lower(p_url), '^[a-z0-9+.-]+://', ''), '/')
$$;

-- Whose batch it is, whatever token was used; null: nobody's who has an account.
alter table command_batches add column created_user int;
