import type { FieldSources } from '../family.js';
import { antminerSources, at, sourcesInTurn } from './field-sources.js';

/** Mean, coldest and hottest come from the same sensors, those of chips first. */
export function temperatures(sensors: { chips: readonly string[]; boards: readonly string[] }): FieldSources {
  const all = [...sensors.chips, ...sensors.boards];
  return {
    temperature_avg: all,
    temperature_min: all,
    temperature_max: all,
    temperature_chips: sensors.chips,
  };
}

/** Boards by the list they stand in. */
export const boards = (list: readonly string[]): FieldSources => ({
  boards_total: list,
  boards_healthy: list,
});

const oldPage = (...keys: readonly string[]): string[] => at('get_miner_status', ...keys);
/** Where a quote is lost, the rest of the old page stands in the text of `freq`. */
const run = oldPage('devs.freq');
const oldSensors = temperatures({
  chips: [...oldPage('devs.temp2'), ...run],
  boards: oldPage('devs.temp'),
});
const oldRates = [...oldPage('summary.ghs5s', 'summary.ghsav'), ...run];

/** Bitmain's CGI pages: the layout of `new_api`, or the one old page. */
export const antminerWebSources: FieldSources = sourcesInTurn(antminerSources, {
  ...oldSensors,
  ...boards([...oldPage('devs.chain_acn', 'devs.chain_acs', 'devs.rate'), ...run]),
  hashrate_ghs: oldRates,
  hashrate_5s_ghs: oldRates,
  hashrate_expected_ghs: [...run, ...at('get_system_info', 'minertype')],
  fan_speeds: [...oldPage('devs.fan1', 'devs.fan3', 'devs.fan5', 'devs.fan6', 'fan1'), ...run],
  frequency_avg: oldPage('devs.freqavg', 'devs.freq'),
  accepted_shares: oldPage('summary.accepted', 'pools.accepted'),
  rejected_shares: oldPage('summary.rejected', 'pools.rejected'),
  hardware_errors: oldPage('summary.hw', 'devs.hw'),
  uptime_seconds: oldPage('summary.elapsed'),
  pool_url: oldPage('pools.url'),
  worker_name: oldPage('pools.user'),
  mac: at('get_system_info', 'macaddr'),
  serial: at('get_system_info', 'serinum'),
  model: [...at('get_system_info', 'minertype', 'hostname'), ...at('stats', 'type')],
  firmware_version: [
    ...at('get_system_info', 'system_filesystem_version'),
    ...at('stats', 'CompileTime', 'miner_version'),
  ],
});

const vnish = (...keys: readonly string[]): string[] => at('summary', ...keys.map((key) => `miner.${key}`));

/** VNish' REST. */
export const vnishWebSources: FieldSources = {
  ...temperatures({ chips: vnish('chains.chip_temp'), boards: vnish('chains.pcb_temp') }),
  ...boards(vnish('chains')),
  hashrate_ghs: vnish('hr_realtime', 'instant_hashrate', 'chains.hashrate_rt', 'chains.hr_realtime'),
  hashrate_expected_ghs: vnish('hr_nominal', 'hr_stock'),
  fan_speeds: vnish('cooling.fans.rpm'),
  frequency_avg: vnish('chains.frequency', 'chains.freq'),
  accepted_shares: vnish('pools.accepted'),
  rejected_shares: vnish('pools.rejected'),
  hardware_errors: vnish('hw_errors', 'chains.hw_errors'),
  uptime_seconds: vnish('miner_status.miner_state_time'),
  power_consumption: vnish('power_usage', 'power_consumption'),
  pool_url: vnish('pools.url'),
  worker_name: vnish('pools.user'),
  mac: at('info', 'system.network_status.mac'),
  serial: at('info', 'serial'),
  model: [...at('info', 'miner'), ...vnish('miner_type')],
  firmware_version: [...at('info', 'fw_version'), ...vnish('miner_type')],
};

const windows = (...names: readonly string[]): string[] =>
  at('miner_stats', ...names.map((name) => `miner_stats.real_hashrate.${name}.gigahash_per_second`));
const bosBoards = (...keys: readonly string[]): string[] =>
  at('miner_hw_hashboards', ...keys.map((key) => `hashboards.${key}`));

/** Braiins OS' REST. */
export const braiinsRestSources: FieldSources = {
  ...temperatures({
    chips: bosBoards('highest_chip_temp.temperature.degree_c'),
    boards: bosBoards('board_temp.degree_c'),
  }),
  ...boards(at('miner_hw_hashboards', 'hashboards')),
  hashrate_ghs: windows('last_1m', 'last_30s', 'last_15s', 'last_5s', 'since_restart'),
  hashrate_5s_ghs: windows('last_5s'),
  hashrate_expected_ghs: [
    ...at('miner_details', 'sticker_hashrate.gigahash_per_second'),
    ...at('miner_stats', 'miner_stats.nominal_hashrate.gigahash_per_second'),
    ...bosBoards('stats.nominal_hashrate.gigahash_per_second'),
  ],
  fan_speeds: at('cooling_state', 'fans.rpm'),
  frequency_avg: bosBoards('current_frequency.hertz'),
  accepted_shares: at('miner_stats', 'pool_stats.accepted_shares'),
  rejected_shares: at('miner_stats', 'pool_stats.rejected_shares'),
  uptime_seconds: at('miner_details', 'bosminer_uptime_s', 'system_uptime_s'),
  power_consumption: at('miner_stats', 'power_stats.approximated_consumption.watt'),
  pool_url: at('pools', 'pools.url'),
  worker_name: at('pools', 'pools.user'),
  mac: at('miner_details', 'mac_address'),
  serial: at('miner_details', 'serial_number'),
  model: at('miner_details', 'miner_identity.name', 'miner_identity.miner_model'),
  firmware_version: at('miner_details', 'bos_version.current'),
};

const info = (command: string, ...keys: readonly string[]): string[] =>
  at(command, ...keys.map((key) => `data.bosminer.info.${key}`));
const solvers = (...keys: readonly string[]): string[] =>
  info('gql_boards', ...keys.map((key) => `workSolver.childSolvers.${key}`));
const bosRates = [...info('gql_system', 'workSolver.realHashrate.mhs5S'), ...solvers('realHashrate.mhs5S')];

/** Braiins OS' GraphQL. */
export const braiinsGraphqlSources: FieldSources = {
  ...temperatures({ chips: solvers('temperatures.degreesC'), boards: [] }),
  ...boards(info('gql_boards', 'workSolver.childSolvers')),
  hashrate_ghs: bosRates,
  hashrate_5s_ghs: bosRates,
  hashrate_expected_ghs: [...info('gql_system', 'workSolver.nominalMhs'), ...solvers('nominalMhs')],
  fan_speeds: info('gql_system', 'fans.rpm'),
  frequency_avg: solvers('hwDetails.frequencyMhz'),
  accepted_shares: info('gql_pools', 'poolGroups.pools.shares.acceptedSolutions'),
  rejected_shares: info('gql_pools', 'poolGroups.pools.shares.rejectedSolutions'),
  uptime_seconds: at('gql_system', 'data.bos.uptime.durationS'),
  power_consumption: info('gql_system', 'summary.power.approxConsumptionW'),
  pool_url: info('gql_pools', 'poolGroups.pools.url'),
  worker_name: info('gql_pools', 'poolGroups.pools.user'),
  mac: at('web_net_conf', 'macaddr'),
  model: info('gql_model', 'modelName'),
  firmware_version: at('gql_system', 'data.bos.info.version.full'),
};

/** ePIC's PowerPlay. */
export const epicSources: FieldSources = {
  ...temperatures({ chips: [], boards: [...at('temps', 'Data'), ...at('summary', 'HBs.Temperature')] }),
  // Slots without a board count, where the machine tells how many it has.
  boards_total: at('summary', 'HBs'),
  boards_healthy: at('summary', 'HBs'),
  hashrate_ghs: at('summary', 'HBs.Hashrate', 'Session.Average MHs'),
  hashrate_expected_ghs: at('summary', 'PerpetualTune.Algorithm', 'HBs.Hashrate'),
  fan_speeds: at('summary', 'Fans Rpm'),
  frequency_avg: at('summary', 'HBs.Core Clock Avg', 'HBs.Core Clock'),
  accepted_shares: at('summary', 'Session.Accepted'),
  rejected_shares: at('summary', 'Session.Rejected'),
  uptime_seconds: at('summary', 'Session.Uptime'),
  power_consumption: at('summary', 'Power Supply Stats.Input Power'),
  pool_url: at('summary', 'StratumConfigs.pool'),
  worker_name: at('summary', 'StratumConfigs.login'),
  pool_latency_ms: at('summary', 'Stratum.Average Latency'),
  mac: at('network', 'mac_address'),
  serial: at('capabilities', 'Control Board Version.cpuSerial'),
  model: at('capabilities', 'Model'),
  firmware_version: at('summary', 'Software'),
};

const bitaxe = (...keys: readonly string[]): string[] => at('system_info', ...keys);

/** ESP-Miner's one record. Which of its two pools is told depends on a flag: no one name is the source. */
export const bitaxeSources: FieldSources = {
  ...temperatures({ chips: bitaxe('temp', 'temp2'), boards: bitaxe('vrTemp') }),
  ...boards(bitaxe('asicCount', 'ASICModel', 'hashRate')),
  hashrate_ghs: bitaxe('hashRate'),
  // Reckoned from cores and clock, where it is not told.
  hashrate_expected_ghs: bitaxe('expectedHashrate', 'smallCoreCount'),
  fan_speeds: bitaxe('fans.rpm', 'fans', 'fanrpm', 'fan2rpm'),
  frequency_avg: bitaxe('frequency'),
  accepted_shares: bitaxe('sharesAccepted'),
  rejected_shares: bitaxe('sharesRejected'),
  uptime_seconds: bitaxe('uptimeSeconds'),
  power_consumption: bitaxe('power'),
  pool_latency_ms: bitaxe('responseTime', 'lastpingrtt'),
  mac: bitaxe('macAddr'),
  model: bitaxe('deviceModel', 'boardName', 'ASICModel'),
  firmware_version: bitaxe('version'),
};

const shell = (...keys: readonly string[]): string[] =>
  at('mcb_cgminer', ...keys.map((key) => `data.${key}`));

/** Goldshell's `/mcb`. */
export const goldshellSources: FieldSources = {
  ...temperatures({ chips: shell('temp'), boards: [] }),
  ...boards(at('mcb_cgminer', 'data')),
  hashrate_ghs: shell('hashrate', 'av_hashrate'),
  fan_speeds: shell('fanspeed'),
  accepted_shares: shell('accepted'),
  rejected_shares: shell('rejected'),
  hardware_errors: shell('hwerrors'),
  uptime_seconds: shell('time'),
  pool_url: at('mcb_pools', 'url'),
  worker_name: at('mcb_pools', 'user'),
  mac: at('mcb_setting', 'name'),
  model: at('mcb_status', 'model'),
  firmware_version: at('mcb_status', 'firmware'),
};

const rig = (...keys: readonly string[]): string[] =>
  at('mining', ...keys.map((key) => `mining-status.${key}`));
const rigBoards = (key: string): string[] =>
  ['telemetry', 'telemetry_full'].flatMap((command) => at(command, `hashboards${key}`));

/** ProtoOS. */
export const protoSources: FieldSources = {
  temperature_avg: [
    ...rig('average_asic_temp_c', 'average_hb_temp_c'),
    ...rigBoards('.temperature.average'),
    ...rigBoards('.temperature.outlet'),
  ],
  temperature_min: [...rigBoards('.temperature.inlet'), ...rigBoards('.temperature.average')],
  temperature_max: [
    ...rig('average_asic_temp_c'),
    ...rigBoards('.temperature.outlet'),
    ...rigBoards('.temperature.average'),
  ],
  ...boards([...rigBoards(''), ...rig('hashboards_installed')]),
  hashrate_ghs: [...rig('hashrate_ghs'), ...rigBoards('.hashrate.value')],
  hashrate_expected_ghs: rig('ideal_hashrate_ghs'),
  fan_speeds: at('cooling', 'cooling-status.fans.rpm'),
  accepted_shares: at('pools', 'pools.accepted'),
  rejected_shares: at('pools', 'pools.rejected'),
  hardware_errors: rig('hw_errors'),
  uptime_seconds: rig('mining_uptime_s'),
  power_consumption: rig('power_usage_watts'),
  pool_url: at('pools', 'pools.url'),
  worker_name: at('pools', 'pools.user'),
  mac: at('network', 'network-info.mac'),
  serial: [...at('system', 'system-info.cb_sn'), ...at('hardware', 'hardware-info.cb-info.serial_number')],
  model: [
    ...at('system', 'system-info.product_name', 'system-info.model'),
    ...at('hardware', 'hardware-info.cb-info.machine_name'),
  ],
  firmware_version: at('system', 'system-info.os.version'),
};

const page = (...keys: readonly string[]): string[] => at('summary', ...keys.map((key) => `DEVS.${key}`));

/** The page of Innosilicon and Halong. */
export const innosiliconWebSources: FieldSources = {
  ...temperatures({
    chips: page('Temp max', 'Temp min'),
    boards: page('Temperature', 'temperature', 'Temp Avg', 'Temp'),
  }),
  ...boards(at('summary', 'DEVS')),
  hashrate_ghs: page('MHS 5s', 'GHS 5s', 'MHS 1m', 'MHS av', 'GHS av'),
  hashrate_5s_ghs: page('MHS 5s', 'GHS 5s'),
  hashrate_expected_ghs: page('Nominal MHS'),
  frequency_avg: page('Chip Frequency', 'Frequency', 'Device Freq', 'PLL'),
  accepted_shares: at('summary', 'POOLS.Accepted'),
  rejected_shares: at('summary', 'POOLS.Rejected'),
  hardware_errors: page('Hardware Errors'),
  uptime_seconds: page('Device Elapsed', 'Elapsed'),
  pool_url: at('summary', 'POOLS.URL'),
  worker_name: at('summary', 'POOLS.User'),
  mac: at('overview', 'version.ethaddr'),
  model: [...at('overview', 'type'), ...page('Name')],
  firmware_version: at('overview', 'version.build_date', 'version.platform_v'),
};

const openMiner = (...keys: readonly string[]): string[] => at('om_miner_stat_agg', ...keys);

/** Bitfury's one page; the model is told by its being there. */
export const bitfurySources: FieldSources = {
  temperature_avg: openMiner('temperature.avr', 'slots.*.temperature', 'slots.*.temperature1'),
  temperature_min: openMiner('slots.*.temperature', 'slots.*.temperature1'),
  temperature_max: openMiner('slots.*.temperature', 'slots.*.temperature1', 'temperature.avr'),
  ...boards(openMiner('slots')),
  hashrate_ghs: openMiner('master.intervals.30.bySol', 'slots.*.ghs'),
  fan_speeds: openMiner('fansRpm'),
  accepted_shares: openMiner('pool.intervals.0.sharesAccepted'),
  rejected_shares: openMiner('pool.intervals.0.sharesRejected'),
  hardware_errors: openMiner('slots.*.errors'),
  uptime_seconds: openMiner('master.upTime'),
  power_consumption: openMiner('master.psuW', 'master.boardsW'),
  pool_url: openMiner('pool.host'),
  worker_name: openMiner('pool.userName', 'pool.user'),
  mac: openMiner('mac'),
  firmware_version: openMiner('versions.softwareVersion', 'versions.miner'),
};

const dashboard = (...keys: readonly string[]): string[] => at('status_dashboard', ...keys);

/** Obelisk's dashboard. */
export const obeliskSources: FieldSources = {
  ...temperatures({
    chips: dashboard('hashboardStatus.chipTemp', 'hashboardStatus.exhaustTemp'),
    boards: dashboard('hashboardStatus.boardTemp', 'hashboardStatus.intakeTemp'),
  }),
  ...boards(dashboard('hashboardStatus')),
  hashrate_ghs: dashboard('hashboardStatus.mhsAvg', 'hashboardStatus.hashrate5min'),
  // Values of all kinds, a name beside each.
  fan_speeds: dashboard('systemInfo.value'),
  accepted_shares: dashboard('poolStatus.accepted'),
  rejected_shares: dashboard('poolStatus.rejected'),
  pool_url: dashboard('poolStatus.url'),
  worker_name: dashboard('poolStatus.worker', 'poolStatus.user'),
  mac: at('info', 'macAddress'),
  model: at('info', 'model'),
  firmware_version: at('info', 'firmwareVersion', 'version'),
};
