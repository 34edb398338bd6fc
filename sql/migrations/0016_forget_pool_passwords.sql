-- Parameters of a command without what nobody needs once it has ended.
create function headframe_without_secrets(p_params json) returns json language sql immutable as $$
  select case when p_params ->> 'pool_password' is null then p_params
    else (p_params::jsonb || '{"pool_password": "***"}')::json end
$$;

-- A password of a pool is kept until its command has ended, by whatever statement, and in no batch.
create function headframe_forget_secrets() returns trigger language plpgsql as $$
begin
  new.params := headframe_without_secrets(new.params);
  return new;
end $$;
create trigger miner_commands_ended before update on miner_commands for each row
  when (new.kind = 'set_pool' and new.ended_at is not null and old.ended_at is null)
  execute function headframe_forget_secrets();

update miner_commands set params = headframe_without_secrets(params) where kind = 'set_pool' and ended_at is not null;
update command_batches set params = headframe_without_secrets(params) where kind = 'set_pool';
