import { listing } from '../answer.js';
import { corners, eachSlot, summaryGhs } from './antminer-s19.js';
import {
  chipMap,
  f2,
  hexOf,
  hostOf,
  idealGhs,
  macOf,
  mhs,
  poolsReply,
  type Replies,
  type Scene,
} from './common.js';

function statsItem(scene: Scene): string {
  const { reading, miner } = scene;
  const { boards, fansRpm } = reading;
  const mhz = reading.state === 'sleeping' ? 0 : reading.frequencyMhz;
  return (
    `{"STATS":0,"ID":"BTM_SOC0","Elapsed":${reading.elapsedS},"Calls":0,"Wait":0,"Max":0,"Min":99999999,"GHS 5s":${f2(reading.ghs5s)},"GHS av":${f2(reading.ghs)},` +
    `"Mode":2,"miner_count":${boards.filter((board) => board.isPresent).length},"frequency":${mhz},"fan_num":${fansRpm.length},` +
    fansRpm.map((rpm, at) => `"fan${at + 1}":${rpm},`).join('') +
    eachSlot(boards, 'temp_pcb', (board) => corners(board.pcbC), '"0-0-0-0"') +
    eachSlot(boards, 'temp_chip', (board) => corners(board.chipC), '"0-0-0-0"') +
    eachSlot(boards, 'chain_acn', (board) => String(board.chips), '0') +
    eachSlot(boards, 'chain_acs', (board) => `"${chipMap(board.chips, 4)}"`, '""') +
    eachSlot(boards, 'chain_hw', (board) => String(board.hardwareErrors), '0') +
    // Averages since the start; the present rates stand in `devs`.
    eachSlot(boards, 'chain_rate', (board) => `"${f2(board.ghs)}"`, '"0"') +
    eachSlot(boards, 'freq', () => mhz.toFixed(1), '0.0') +
    `"total_freqavg":${mhz.toFixed(1)},"total_rateideal":${f2(idealGhs(scene))},"rate_unit":"GH","total rate":${f2(reading.ghs)},` +
    `"miner_id":"${macOf(miner, '')}","miner_version":"${miner.model.firmware}"}`
  );
}

function deviceItem(scene: Scene, at: number): string {
  const { reading, miner } = scene;
  const board = reading.boards[at];
  const nominal = idealGhs(scene) / reading.boards.length;
  return (
    `{"ASC":${at},"ID":${at},"Name":"","Board":"BHB","Connector":"J${at + 6}","Enabled":"Y","Status":"${board?.isPresent === true ? 'Alive' : 'Dead'}",` +
    `"IsRamping":${reading.state === 'starting'},"IsUserShutdown":false,"MHS av":${mhs(board?.ghs ?? 0)},"MHS 5s":${mhs(board?.ghs5s ?? 0)},"MHS 1m":${mhs(board?.ghs ?? 0)},` +
    `"MHS 5m":${mhs(board?.ghs ?? 0)},"MHS 15m":${mhs(board?.ghs ?? 0)},"Nominal MHS":${mhs(nominal)},"Hardware Errors":${board?.hardwareErrors ?? 0},` +
    `"Temperature":${board?.pcbC ?? 0},"SerialNumber":"HFL${hexOf(miner)}${at}","Device Elapsed":${reading.elapsedS}}`
  );
}

function configItem(scene: Scene): string {
  const { miner, reading } = scene;
  return (
    `{"ASC Count":${reading.boards.length},"PGA Count":0,"Pool Count":${miner.listPools(0).length},"Strategy":"Failover","OS":"LuxOS","Model":"${miner.model.type}",` +
    `"CurtailMode":"${reading.state === 'sleeping' ? 'Sleep' : 'None'}","IsPowerSupplyOn":${reading.state !== 'sleeping'},"Hostname":"${hostOf(scene)}",` +
    `"IPAddr":"${miner.address}","MACAddr":"${macOf(miner, ':')}","SerialNumber":"HFLX${hexOf(miner)}","Cooling":"Air","SystemStatus":"Normal"}`
  );
}

/** LuxOS on an S19k Pro: Bitmain's layout in `stats`, and commands of its own beside it. */
export const luxosReplies: Replies = {
  version: ({ miner: { model } }) =>
    listing(22, 'LUXminer versions', 'VERSION', [
      `{"API":"3.7","LUXminer":"${model.description.replace('LUXminer ', '')}","Miner":"${model.firmware}","CompileTime":"${model.build}","Type":"${model.type}"}`,
    ]),
  summary: (scene) => listing(11, 'Summary', 'SUMMARY', [summaryGhs(scene)]),
  stats: (scene) =>
    listing(70, 'LUXminer stats', 'STATS', [
      `{"Type":"${scene.miner.model.type}","Miner":"${scene.miner.model.firmware}","CompileTime":"${scene.miner.model.build}"}`,
      statsItem(scene),
    ]),
  devs: (scene) =>
    listing(
      9,
      `${scene.reading.boards.length} ASC(s)`,
      'DEVS',
      scene.reading.boards.map((_, at) => deviceItem(scene, at)),
    ),
  pools: (scene) => poolsReply(scene, 'instant'),
  config: (scene) => listing(33, 'LUXminer config', 'CONFIG', [configItem(scene)]),
  power: ({ reading }) => listing(311, 'Power usage', 'POWER', [`{"PSU":false,"Watts":${reading.powerW}}`]),
  temps: ({ reading }) =>
    listing(
      201,
      `${reading.boards.length} Temp(s)`,
      'TEMPS',
      reading.boards.map(
        ({ pcbC }, at) =>
          `{"TEMP":${at},"ID":${at},"TopLeft":${pcbC},"TopRight":${pcbC - 9},"BottomLeft":${pcbC},"BottomRight":${pcbC - 9}}`,
      ),
    ),
  fans: ({ reading }) =>
    listing(
      202,
      `${reading.fansRpm.length} Fan(s)`,
      'FANS',
      reading.fansRpm.map(
        (rpm, at) => `{"FAN":"FAN${at + 1}","ID":${at},"RPM":${rpm},"Speed":${reading.fanPct}}`,
      ),
    ),
  events: () => listing(357, 'Miner Events', 'EVENTS', []),
};
