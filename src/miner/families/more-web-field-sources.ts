import type { FieldSources } from '../family.js';
import { at } from './field-sources.js';
import { boards, temperatures } from './web-field-sources.js';

const mara = (page: string, ...keys: readonly string[]): string[] => [
  ...at(`kaonsu_v1_${page}`, ...keys),
  ...at(page, ...keys),
];
const maraBoards = (...keys: readonly string[]): string[] => [
  ...mara('hashboards', ...keys.map((key) => `hashboards.${key}`)),
  ...mara('details', ...keys.map((key) => `chip_data.${key}`)),
];

/** Marathon's `/kaonsu/v1`. */
export const marathonSources: FieldSources = {
  ...temperatures({
    chips: [...maraBoards('temperature_chip'), ...mara('details', 'hb_temps.temperature_chip')],
    boards: [...maraBoards('temperature_pcb'), ...mara('details', 'hb_temps.temperature_pcb')],
  }),
  ...boards([...mara('hashboards', 'hashboards'), ...mara('details', 'chip_data')]),
  hashrate_ghs: [
    ...mara('brief', 'hashrate_realtime', 'hashrate_realtime_10m'),
    ...maraBoards('hashrate_average', 'hashrate_avg'),
  ],
  hashrate_expected_ghs: [...mara('brief', 'hashrate_ideal'), ...maraBoards('hashrate_ideal')],
  fan_speeds: mara('fans', 'fans.current_speed', 'fans.rpm', 'fans.speed'),
  frequency_avg: maraBoards('frequency_avg'),
  accepted_shares: mara('pools', 'accepted'),
  rejected_shares: mara('pools', 'rejected'),
  hardware_errors: mara('brief', 'hardware_errors', 'hw_errors'),
  uptime_seconds: mara('brief', 'elapsed'),
  power_consumption: mara('brief', 'power_consumption_estimated'),
  pool_url: mara('pools', 'url'),
  worker_name: mara('pools', 'user'),
  mac: mara('overview', 'mac'),
  serial: mara('overview', 'serial_number'),
  model: mara('overview', 'miner_type', 'miner_model', 'model'),
  firmware_version: mara('overview', 'version_firmware'),
};

const panel = (...keys: readonly string[]): string[] =>
  ['user_userpanel', 'userpanel'].flatMap((page) => at(page, ...keys.map((key) => `data.${key}`)));

/** IceRiver's panel. */
export const iceriverSources: FieldSources = {
  ...temperatures({ chips: panel('boards.outtmp'), boards: panel('boards.intmp', 'boards.pcbtemp') }),
  ...boards(panel('boards')),
  hashrate_ghs: panel('rtpow', 'avgpow', 'boards.rtpow'),
  hashrate_expected_ghs: panel('boards.idealpow'),
  fan_speeds: panel('fans'),
  frequency_avg: panel('boards.freq'),
  accepted_shares: panel('pools.accepted'),
  rejected_shares: panel('pools.rejected'),
  uptime_seconds: panel('runtime'),
  pool_url: panel('pools.addr'),
  worker_name: panel('pools.user'),
  mac: panel('mac'),
  serial: panel('sn'),
  model: panel('model', 'softver1'),
  firmware_version: panel('softver1'),
};

const flu = (...keys: readonly string[]): string[] =>
  at('summary', ...keys.map((key) => `data.summary.${key}`));
const fluInfo = (...keys: readonly string[]): string[] =>
  at('overview', ...keys.map((key) => `data.minerInfo.${key}`));

/** Fluminer's pages. */
export const fluminerSources: FieldSources = {
  ...temperatures({ chips: flu('temp'), boards: [] }),
  ...boards(flu('hrt')),
  hashrate_ghs: flu('hrt'),
  fan_speeds: flu('fan'),
  accepted_shares: flu('acc'),
  rejected_shares: flu('rej'),
  uptime_seconds: flu('uptime'),
  power_consumption: flu('power'),
  pool_url: [...at('getpools', 'data.pools.url'), ...flu('pool')],
  worker_name: at('getpools', 'data.pools.user'),
  mac: fluInfo('macAddress', 'wifiMacAddress'),
  serial: fluInfo('sn'),
  model: fluInfo('model', 'minerModel', 'minerType'),
  firmware_version: fluInfo('minerVersion'),
};

const ebangPage = (page: string, ...keys: readonly string[]): string[] =>
  at(page, ...keys.map((key) => `feedback.${key}`));
const ebangMiner = (...keys: readonly string[]): string[] => ebangPage('cgminer_cgminerstatus', ...keys);
const ebangSystem = (...keys: readonly string[]): string[] => ebangPage('status_getsystemstatus', ...keys);
const ebangSensors = ebangSystem('device1temp', 'device2temp', 'device3temp', 'device4temp');

/** Ebang's pages. */
export const ebangSources: FieldSources = {
  ...temperatures({ chips: ebangSensors, boards: [] }),
  ...boards(ebangSensors),
  hashrate_ghs: [
    ...ebangPage('alarm_getalarmloop', 'calValue'),
    ...ebangMiner('fiveavg', 'fivesecfigure', 'averfigure'),
  ],
  hashrate_5s_ghs: ebangMiner('fivesecfigure'),
  fan_speeds: ebangSystem('devicefan', 'devicefan2'),
  frequency_avg: ebangPage('alarm_getalarmloop', 'pllValue'),
  accepted_shares: ebangMiner('accepted'),
  rejected_shares: ebangMiner('rejected'),
  uptime_seconds: ebangMiner('worktime'),
  pool_url: ebangMiner('cgminerstatus'),
  worker_name: ebangPage('cgminer_cgminergetval', 'Mwork1', 'Mwork2', 'Mwork3'),
  mac: ebangPage('admininfo_getadmininfo', 'mac'),
  serial: ebangSystem('devicepn'),
  model: ebangSystem('productname'),
  firmware_version: ebangSystem('systemsoftwareversion'),
};

const gst = (...keys: readonly string[]): string[] => at('gst.csp', ...keys);

/** MultMiner's one page; its lists have no names. */
export const multminerSources: FieldSources = {
  ...temperatures({ chips: gst('bd.cs'), boards: [] }),
  ...boards(gst('bd')),
  hashrate_ghs: gst('bd.cs'),
  accepted_shares: gst('ms'),
  rejected_shares: gst('ms'),
  uptime_seconds: gst('ms'),
  power_consumption: gst('bd.tphr', 'mt'),
  pool_url: gst('ms'),
  worker_name: gst('ms'),
};
