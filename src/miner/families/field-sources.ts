import type { FieldSources } from '../family.js';

const rates = ['GHS 5s', 'MHS 5s', 'MHS 20s', 'GHS av', 'MHS av'];
const at = (command: string, ...keys: readonly string[]): string[] => keys.map((key) => `${command}/${key}`);
const shares = (kind: 'Accepted' | 'Rejected'): string[] => [`summary/${kind}`, `pools/${kind}`];
const pools: FieldSources = {
  pool_url: ['pools/URL'],
  worker_name: ['pools/User'],
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
  hashrate_ghs: [...at('summary', ...rates, 'rate_5s'), ...at('stats', ...rates, 'rate_5s', 'total_rate')],
  hashrate_5s_ghs: [...at('summary', 'GHS 5s', 'MHS 5s', 'rate_5s'), ...at('stats', 'GHS 5s', 'rate_5s')],
  hashrate_expected_ghs: [...at('stats', 'total_rateideal', 'rate_ideal'), ...at('summary', 'rate_ideal')],
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
  power_consumption: at(
    'stats',
    'power',
    'watt',
    'Power',
    'chain_power',
    'total_power',
    'chain_consumption1',
  ),
  boards_total: at('stats', 'chain_acn1', 'chain_acn6', 'chain'),
  boards_healthy: at('stats', 'chain_acn1', 'chain_acn6', 'chain'),
  model: [...at('version', 'Type'), ...at('stats', 'Type')],
  firmware_version: [...at('version', 'CompileTime', 'Miner'), ...at('stats', 'CompileTime', 'Miner')],
};

const devices = (...keys: readonly string[]): string[] => [...at('edevs', ...keys), ...at('devs', ...keys)];

/** MicroBT's API v1 and v2. */
export const whatsminerSources: FieldSources = {
  ...names,
  hashrate_ghs: at('summary', 'HS RT', 'MHS 1m', 'MHS 5m', 'MHS 15m', ...rates),
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
  model: at('devdetails', 'Model'),
  firmware_version: [...at('summary', 'Firmware Version'), ...at('get_version', 'fw_ver')],
};

const modules = (...keys: readonly string[]): string[] =>
  ['stats', 'estats', 'litestats'].flatMap((command) => at(command, ...keys));

/** Canaan's; most stand in the bracket strings under `MM ID…`. */
export const avalonSources: FieldSources = {
  ...names,
  hashrate_ghs: [
    ...at('summary', 'MHS 1m', 'MHS 5m', 'MHS 15m', ...rates),
    ...modules('GHSavg', 'GHSspd', 'MGHS'),
  ],
  hashrate_5s_ghs: [...at('summary', 'MHS 5s', 'GHS 5s', 'MHS 20s', 'MHS 30s'), ...modules('GHSspd')],
  hashrate_expected_ghs: modules('GHSmm'),
  temperature_avg: modules('TAvg', 'MTavg'),
  temperature_min: modules('PVT_T0', 'MTavg'),
  temperature_max: modules('TMax', 'MTmax'),
  temperature_chips: modules('PVT_T0', 'MTmax'),
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
  hashrate_ghs: [...at('summary', ...rates), ...devices(...rates), ...at('stats', ...rates)],
  hashrate_5s_ghs: [...at('summary', 'GHS 5s', 'MHS 5s', 'MHS 20s'), ...devices('MHS 5s', 'GHS 5s')],
  hashrate_expected_ghs: devices('Nominal MHS'),
  temperature_avg: [...at('temps', 'Chip', 'Board'), ...devices('Temperature', 'Temp Avg', 'Temp')],
  temperature_min: [...at('temps', 'Chip', 'Board'), ...devices('Temperature', 'Temp Avg', 'Temp')],
  temperature_max: [...at('temps', 'Chip', 'Board'), ...devices('Temperature', 'Temp Avg', 'Temp')],
  temperature_chips: at('temps', 'Chip'),
  fan_speeds: [
    ...at('fans', 'RPM'),
    ...at('summary', 'fan1', 'Fan1'),
    ...at('stats', 'Fan0 rpm', 'Fan1 rpm'),
  ],
  frequency_avg: [...devices('Chip Frequency', 'Frequency', 'Device Freq', 'PLL')],
  power_consumption: at('power', 'Watts'),
  boards_total: devices('ASC', 'PGA', 'ID'),
  boards_healthy: devices('ASC', 'PGA', 'ID'),
  model: [...at('version', 'Type', 'Model', 'PROD'), ...at('devdetails', 'Model')],
  firmware_version: at('version', 'CGMiner', 'CompileTime', 'Miner'),
};
