-- Removes one hour of the miners of a site, for some of them may have no sample left in it.
delete from miner_telemetry_1h t
using miners m
where m.site_id = {{site}} and t.miner_id = m.miner_id and t.time = to_timestamp({{from_s}})
  and m.miner_id > {{after}} and m.miner_id <= {{until}}
