-- One row per miner and slot. Columns lie from wide to narrow, so that none is padded. Efficiency (J/TH)
-- is power_w / hashrate_ghs * 1000 and not stored twice; online is state <> 'u'.
create table miner_telemetry_history (
  time timestamptz not null,
  accepted_shares int8,
  rejected_shares int8,
  hardware_errors int8,
  miner_id int not null,
  uptime_seconds int,
  hashrate_ghs real,
  hashrate_5s_ghs real,
  hashrate_expected_ghs real,
  temperature_avg real,
  temperature_min real,
  temperature_max real,
  frequency_avg real,
  power_w real,
  offset_ms int,
  latency_ms smallint,      -- 32767: that or longer
  pool_latency_ms smallint, -- 32767: that or longer
  boards_total smallint,
  boards_healthy smallint,
  state "char" not null,
  health "char" not null,
  error_class "char",
  fan_speeds smallint[],      -- rpm
  temperature_chips "char"[], -- °C in a byte each (cast to int[] to read); 127: that or hotter
  boards real[],              -- boards[1][n] GH/s, boards[2][n] °C, boards[3][n] chips that answer, of board n
  primary key (miner_id, time)
) {{partitioned_by_time}};
{{spread miner_telemetry_history}}
