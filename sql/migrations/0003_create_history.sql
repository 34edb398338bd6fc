-- One row per miner and slot. Columns lie from wide to narrow, so that none is padded. Efficiency (J/TH)
-- is power_w / hashrate_ghs * 1000 and not stored twice; online is state <> 'u'. A row without a null has no
-- bitmap of nulls, 8 bytes: so "no error" is a code.
create table miner_telemetry_history (
  time timestamptz not null,
  accepted_shares int8,
  miner_id int not null,
  rejected_shares int,      -- 2147483647: that or more; the live row has the number itself
  hardware_errors int,      -- 2147483647: that or more
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
  error_class "char" not null,
  fan_speeds smallint[],      -- rpm
  temperature_chips "char"[], -- °C in a byte each (cast to int[] to read); 127: that or hotter
  boards real[],              -- boards[1][n] GH/s, boards[2][n] °C, boards[3][n] chips that answer, of board n
  primary key (miner_id, time)
) {{partitioned_by_time}};
{{spread miner_telemetry_history}}
