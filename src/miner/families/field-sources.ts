import type { FieldSources } from '../family.js';

const rates = ['GHS 5s', 'MHS 5s', 'MHS 20s', 'GHS av', 'MHS av'];

/** Keys of one command's reply as candidates. */
export const at = (command: string, ...keys: readonly string[]): string[] =>
  keys.map((key) => `${command}/${key}`);

/** The candidates of `first`, and behind them those of `then`. */
export function sourcesInTurn(first: FieldSources, then: FieldSources): FieldSources {
  const fields = [...new Set([...Object.keys(first), ...Object.keys(then)])];
  return Object.fromEntries(
    fields.map((field) => [field, [...(first[field] ?? []), ...(then[field] ?? [])]]),
  );
}

const shares = (kind: 'Accepted' | 'Rejected'): string[] => [
  `summary/${kind}`,
  ...at('pools', kind, kind.toLowerCase()),
];
const pools: FieldSources = {
  pool_url: at('pools', 'URL', 'url'),
  worker_name: at('pools', 'User', 'user'),
};
const names: FieldSources = {
  accepted_shares: shares('Accepted'),
  rejected_shares: shares('Rejected'),
  hardware_errors: at('summary', 'Hardware Errors', 'hw_all'),
  uptime_seconds: [...at('summary', 'Elapsed', 'elapsed'), ...at('stats', 'Elapsed', 'elapsed')],
  ...pools,
};

/** Bitmain's layout, whoever's firmware. */
export const antminerSources: FieldSources = {
  ...names,
  hashrate_ghs: [
    ...at('summary', 'RT HASHRATE', 'AV HASHRATE', ...rates, 'rate_5s', 'rate_avg'),
    ...at('stats', ...rates, 'rate_5s', 'total_rate', 'total rate', 'rate_avg', 'chain_rate1'),
    ...at('devs', ...rates),
  ],
  hashrate_5s_ghs: [
    ...at('summary', 'RT HASHRATE', 'GHS 5s', 'MHS 5s', 'rate_5s'),
    ...at('stats', 'GHS 5s', 'rate_5s'),
  ],
  // Without a figure of its own it is the model's, by its name.
  hashrate_expected_ghs: [
    ...at('summary', 'THEORY HASHRATE'),
    ...at('stats', 'total_rateideal', 'chain_rateideal1', 'rate_ideal'),
    ...at('summary', 'rate_ideal'),
    ...at('stats', 'Type'),
  ],
  temperature_avg: at('stats', 'temp_chip1', 'temp2_1', 'temp1', 'temp2_6', 'temp6', 'temp_chip'),
  temperature_min: at('stats', 'temp_chip1', 'temp2_1', 'temp1', 'temp2_6', 'temp6', 'temp_chip'),
  temperature_max: at('stats', 'temp_chip1', 'temp2_1', 'temp1', 'temp2_6', 'temp6', 'temp_chip'),
  temperature_chips: at('stats', 'temp_chip1', 'temp2_1', 'temp2_6', 'temp_chip'),
  fan_speeds: at('stats', 'fan1', 'fan3', 'fan5', 'fan'),
  frequency_avg: at('stats', 'total_freqavg', 'freq_avg1', 'freq1', 'freq_avg6', 'frequency', 'freq_avg'),
  hardware_errors: [
    ...at('summary', 'Hardware Errors', 'hw_all'),
    ...at('stats', 'no_matching_work', 'chain_hw1', 'chain_hw6', 'hw'),
  ],
  power_consumption: [
    ...at('power', 'Watts'),
    ...at('prodata', 'Power'),
    ...at('stats', 'power', 'watt', 'Power', 'chain_power', 'total_power'),
    ...at('stats', 'chain_consumption1', 'chain_power1', 'chain_power6'),
    ...at('stats_new_api', 'power', 'watt'),
  ],
  boards_total: at('stats', 'chain_acn1', 'chain_acn6', 'chain'),
  boards_healthy: at('stats', 'chain_acn1', 'chain_acn6', 'chain'),
  mac: [...at('config', 'MACAddr', 'macaddr', 'mac'), ...at('stats', 'miner_id')],
  serial: [...at('config', 'SerialNumber', 'serinum'), ...at('stats', 'dev_sn', 'miner_sn', 'miner_id')],
  model: [...at('version', 'Type'), ...at('stats', 'Type')],
  firmware_version: [...at('version', 'CompileTime', 'Miner'), ...at('stats', 'CompileTime', 'Miner')],
};

const devices = (...keys: readonly string[]): string[] => [...at('edevs', ...keys), ...at('devs', ...keys)];

/** MicroBT's API v1 and v2. */
export const whatsminerSources: FieldSources = {
  ...names,
  hashrate_ghs: at('summary', 'HS RT', 'MHS 15m', 'MHS 5m', 'MHS 1m', ...rates),
  hashrate_5s_ghs: at('summary', 'MHS 5s', 'GHS 5s'),
  hashrate_expected_ghs: at('summary', 'Factory GHS'),
  temperature_avg: [...at('summary', 'Chip Temp Avg'), ...devices('Chip Temp Avg', 'Temperature')],
  temperature_min: [...at('summary', 'Chip Temp Min'), ...devices('Chip Temp Min', 'Temperature')],
  temperature_max: [
    ...at('summary', 'Chip Temp Max', 'Temperature'),
    ...devices('Chip Temp Max', 'Temperature'),
  ],
  temperature_chips: devices('Chip Temp Max'),
  fan_speeds: at('summary', 'Fan Speed In'),
  frequency_avg: [...at('summary', 'freq_avg'), ...devices('Chip Frequency')],
  hardware_errors: [...at('summary', 'Hardware Errors'), ...devices('Hardware Errors')],
  power_consumption: [...at('summary', 'Power', 'Power_RT'), ...at('get_psu', 'pin')],
  boards_total: devices('ASC', 'Slot'),
  boards_healthy: devices('ASC', 'Slot'),
  mac: [...at('summary', 'MAC'), ...at('get_miner_info', 'mac')],
  serial: [...at('get_miner_info', 'minersn', 'miner_sn'), ...at('get_version', 'minersn')],
  model: [...at('get_version', 'miner_type'), ...at('devdetails', 'Model')],
  firmware_version: [...at('get_version', 'fw_ver'), ...at('summary', 'Firmware Version')],
};

const modules = (...keys: readonly string[]): string[] =>
  ['stats', 'estats', 'litestats'].flatMap((command) => at(command, ...keys));

/** Canaan's; most stand in the bracket strings under `MM ID…`. */
export const avalonSources: FieldSources = {
  ...names,
  hashrate_ghs: [
    ...at('summary', 'MHS 15m', 'MHS 5m', 'MHS 1m', ...rates),
    ...modules('GHSavg', 'GHSspd', 'MGHS'),
  ],
  hashrate_5s_ghs: [...at('summary', 'MHS 5s', 'GHS 5s', 'MHS 20s', 'MHS 30s'), ...modules('GHSspd')],
  hashrate_expected_ghs: modules('GHSmm'),
  temperature_avg: modules('TAvg', 'MTavg', 'TMax'),
  temperature_min: modules('PVT_T0', 'MTavg', 'TMax'),
  temperature_max: modules('TMax', 'MTmax'),
  temperature_chips: modules('PVT_T0', 'MTmax', 'TMax'),
  fan_speeds: modules('Fan1', 'Fan'),
  frequency_avg: modules('Freq'),
  hardware_errors: [...at('summary', 'Hardware Errors'), ...modules('HW')],
  power_consumption: modules('WALLPOWER', 'PS'),
  boards_total: modules('MGHS', 'MTmax', 'Ver'),
  boards_healthy: modules('MGHS', 'MTmax', 'Ver'),
  mac: at('version', 'MAC'),
  model: [...at('version', 'MODEL', 'PROD'), ...modules('Ver')],
  firmware_version: [...at('version', 'VERSION'), ...modules('Ver')],
};

/** Whatever else speaks the CGMiner API. */
export const genericSources: FieldSources = {
  ...names,
  accepted_shares: [...shares('Accepted'), ...devices('Accepted')],
  rejected_shares: [...shares('Rejected'), ...devices('Rejected')],
  hardware_errors: [...at('summary', 'Hardware Errors'), ...devices('Hardware Errors')],
  uptime_seconds: [
    ...at('summary', 'Elapsed', 'elapsed'),
    ...devices('Device Elapsed', 'Elapsed'),
    ...at('stats', 'Elapsed'),
  ],
  hashrate_ghs: [...at('summary', ...rates), ...devices(...rates), ...at('stats', ...rates)],
  hashrate_5s_ghs: [...at('summary', 'GHS 5s', 'MHS 5s', 'MHS 20s'), ...devices('MHS 5s', 'GHS 5s')],
  hashrate_expected_ghs: devices('Nominal MHS'),
  temperature_avg: [
    ...at('temps', 'Chip', 'Board'),
    ...devices('Temp max', 'tstemp-0', 'tstemp-1', 'Temperature', 'temperature', 'Temp Avg', 'Temp'),
    ...at('stats', 'Temp max', 'json-stats'),
  ],
  temperature_min: [
    ...at('temps', 'Chip', 'Board'),
    ...devices('Temp max', 'tstemp-0', 'tstemp-1', 'Temperature', 'temperature', 'Temp Avg', 'Temp'),
    ...at('stats', 'Temp max', 'json-stats'),
  ],
  temperature_max: [
    ...at('temps', 'Chip', 'Board'),
    ...devices('Temp max', 'tstemp-0', 'tstemp-1', 'Temperature', 'temperature', 'Temp Avg', 'Temp'),
    ...at('stats', 'Temp max', 'json-stats'),
  ],
  temperature_chips: [...at('temps', 'Chip'), ...at('stats', 'Temp max', 'json-stats')],
  fan_speeds: [
    ...at('fans', 'RPM'),
    ...at('summary', 'fan1', 'Fan1'),
    ...at('stats', 'Fan0 rpm', 'Fan1 rpm', 'Fan In', 'fan1', 'Fan1', 'json-stats'),
    ...at('devs', 'fan0', 'fan1', 'Fan Speed'),
  ],
  frequency_avg: [
    ...devices('Chip Frequency', 'Frequency', 'Device Freq', 'PLL', 'GPU Clock'),
    ...at('stats', 'PLL'),
  ],
  power_consumption: [...at('power', 'Watts'), ...at('stats', 'json-stats')],
  boards_total: [...devices('ASC', 'PGA', 'ID'), ...at('stats', 'json-stats', 'ID')],
  boards_healthy: [...devices('ASC', 'PGA', 'ID'), ...at('stats', 'json-stats', 'ID')],
  mac: [...at('version', 'MAC'), ...at('summary', 'macaddress', 'MAC', 'mac', 'Netid')],
  serial: [...at('version', 'SerialNumber', 'SN'), ...at('summary', 'SerialNumber')],
  // Where no field is the model's, the software's own name told it.
  model: [
    ...at('version', 'Type', 'Model', 'PROD'),
    ...at('devdetails', 'Model'),
    ...at('version', 'Description'),
  ],
  firmware_version: at('version', 'CGMiner', 'CompileTime', 'Miner'),
};

/** Braiins OS since bosminer. */
export const braiinsSources: FieldSources = {
  ...names,
  hashrate_ghs: [...at('summary', ...rates), ...devices(...rates)],
  hashrate_5s_ghs: at('summary', 'MHS 5s'),
  hashrate_expected_ghs: devices('Nominal MHS'),
  temperature_avg: [...at('temps', 'Chip', 'Board'), ...devices('Temperature')],
  temperature_min: [...at('temps', 'Chip', 'Board'), ...devices('Temperature')],
  temperature_max: [...at('temps', 'Chip', 'Board'), ...devices('Temperature')],
  temperature_chips: at('temps', 'Chip'),
  fan_speeds: at('fans', 'RPM'),
  frequency_avg: at('devdetails', 'Frequency'),
  power_consumption: at(
    'tunerstatus',
    'ApproximateMinerPowerConsumption',
    'ApproximateChainPowerConsumption',
    'ApproximatePowerConsumptionWatt',
  ),
  boards_total: [...devices('ID', 'ASC'), ...at('devdetails', 'ID')],
  boards_healthy: [...devices('ID', 'ASC'), ...at('devdetails', 'ID')],
  mac: at('config', 'MACAddr'),
  model: [...at('devdetails', 'Model'), ...at('version', 'Type')],
  firmware_version: at('version', 'BOSminer+', 'BOSminer', 'BOSer', 'Description'),
};

/** Bitdeer's flat record. */
export const sealminerSources: FieldSources = {
  ...names,
  hashrate_ghs: [...at('summary', ...rates), ...at('stats', '0 MHS(Sample)', '0 MHS av')],
  hashrate_5s_ghs: at('summary', 'MHS 5s'),
  hashrate_expected_ghs: at('stats', 'MHS(Rated)', 'MHS(Ideal)', '0 MHS(Ideal)'),
  temperature_avg: at('stats', '0 Temp 0', '0 Temp 1'),
  temperature_min: at('stats', '0 Temp 0', '0 Temp 1'),
  temperature_max: at('stats', '0 Temp 0', '0 Temp 1'),
  fan_speeds: at('stats', '0 Speed', '0 Fan Speed'),
  frequency_avg: at('stats', '0 Freq'),
  power_consumption: at('stats', 'PSU Input Power'),
  boards_total: at('stats', '0 Chip Count', '0 MHS(Sample)'),
  boards_healthy: at('stats', '0 Chip Count', '0 MHS(Sample)'),
  mac: at('stats', 'MAC'),
  serial: at('stats', 'Ctrl Board SN'),
  model: [...at('stats', 'Model'), ...at('version', 'Type', 'Model'), ...at('devdetails', 'Model')],
  firmware_version: [...at('stats', 'Firmware'), ...at('version', 'bdminer', 'BDMiner', 'CGMiner')],
};

/** Auradine's commands for each part. */
export const auradineSources: FieldSources = {
  ...names,
  hashrate_ghs: [...at('summary', ...rates), ...at('devs', ...rates)],
  hashrate_5s_ghs: [...at('summary', 'MHS 5s'), ...at('devs', 'MHS 5s')],
  hashrate_expected_ghs: at('mode', 'Ths'),
  temperature_avg: [...at('temperature', 'ChipTemp', 'BoardTemp'), ...at('devs', 'Temperature')],
  temperature_min: [...at('temperature', 'ChipTemp', 'BoardTemp'), ...at('devs', 'Temperature')],
  temperature_max: [...at('temperature', 'ChipTemp', 'BoardTemp'), ...at('devs', 'Temperature')],
  temperature_chips: at('temperature', 'ChipTemp'),
  fan_speeds: at('fan', 'Speed'),
  frequency_avg: at('frequency', 'ChipFrequency'),
  power_consumption: at('psu', 'PowerIn'),
  boards_total: at('devs', 'ID', 'DEV'),
  boards_healthy: at('devs', 'ID', 'DEV'),
  mac: at('ipreport', 'mac'),
  serial: at('ipreport', 'SerialNo', 'ChassisSerialNo'),
  model: at('ipreport', 'model'),
  firmware_version: [...at('ipreport', 'version'), ...at('version', 'Description')],
};

/** Elphapex' form of Bitmain's newer layout. */
export const elphapexSources: FieldSources = {
  hashrate_ghs: [...at('stats', 'rate_5s'), ...at('summary', 'rate_5s')],
  hashrate_5s_ghs: [...at('stats', 'rate_5s'), ...at('summary', 'rate_5s')],
  hashrate_expected_ghs: [...at('stats', 'rate_ideal'), ...at('summary', 'rate_ideal')],
  temperature_avg: at('stats', 'temp_chip'),
  temperature_min: at('stats', 'temp_chip'),
  temperature_max: at('stats', 'temp_chip'),
  temperature_chips: at('stats', 'temp_chip'),
  fan_speeds: at('stats', 'fan'),
  frequency_avg: at('stats', 'freq_avg'),
  accepted_shares: at('pools', 'accepted'),
  rejected_shares: at('pools', 'rejected'),
  uptime_seconds: [...at('summary', 'elapsed'), ...at('stats', 'elapsed')],
  boards_total: at('stats', 'asic_num', 'chain'),
  boards_healthy: at('stats', 'asic_num', 'chain'),
  pool_url: at('pools', 'url'),
  worker_name: at('pools', 'user'),
  serial: at('stats', 'dev_sn'),
  model: [...at('stats', 'type'), ...at('summary', 'type'), ...at('version', 'type')],
  firmware_version: [...at('stats', 'miner_version'), ...at('summary', 'miner_version')],
};

const v3 = (param: string, ...keys: readonly string[]): string[] =>
  at(`get.miner.status:${param}`, ...keys.map((key) => `msg.${param}.${key}`));
const v3Info = (...keys: readonly string[]): string[] =>
  at('get.device.info', ...keys.map((key) => `msg.${key}`));

/** MicroBT's API v3. */
export const whatsminerV3Sources: FieldSources = {
  hashrate_ghs: [
    ...v3('summary', 'hash-realtime', 'hash-1min', 'hash-average'),
    ...v3('edevs', 'hash-realtime', 'hash-average'),
  ],
  hashrate_expected_ghs: v3('summary', 'factory-hash'),
  temperature_avg: [...v3('summary', 'chip-temp-avg'), ...v3('edevs', 'chip-temp-max')],
  temperature_min: [...v3('summary', 'chip-temp-min'), ...v3('edevs', 'chip-temp-min')],
  temperature_max: [...v3('summary', 'chip-temp-max'), ...v3('edevs', 'chip-temp-max')],
  temperature_chips: v3('edevs', 'chip-temp-min', 'chip-temp-max'),
  fan_speeds: [...v3('summary', 'fan-speed-in', 'fan-speed-out'), ...v3Info('power.fanspeed')],
  frequency_avg: [...v3('summary', 'freq-avg'), ...v3('edevs', 'freq')],
  accepted_shares: v3('pools', 'accepted', 'Accepted'),
  rejected_shares: v3('pools', 'rejected', 'Rejected'),
  uptime_seconds: v3('summary', 'elapsed'),
  power_consumption: [...v3('summary', 'power-realtime', 'power-5min'), ...v3Info('power.pin')],
  boards_total: at('get.miner.status:edevs', 'msg.edevs'),
  boards_healthy: at('get.miner.status:edevs', 'msg.edevs'),
  pool_url: v3('pools', 'url'),
  worker_name: v3('pools', 'account', 'user'),
  mac: v3Info('network.mac'),
  serial: v3Info('miner.miner-sn'),
  model: v3Info('miner.type'),
  firmware_version: v3Info('system.fwversion'),
};
