import { listing, type Answer } from '../answer.js';
import { corners, eachSlot, modernReplies, summaryGhs } from './antminer-s19.js';
import {
  chipMap,
  configReply,
  f2,
  idealGhs,
  poolsReply,
  rawReply,
  share,
  type Replies,
  type Scene,
} from './common.js';

/** `name1`, `name2`, … for the boards there are. */
const numbered = (scene: Scene, name: string, value: (at: number) => string | number): string =>
  scene.reading.boards.map((_, at) => `"${name}${at + 1}":${value(at)},`).join('');

const boardW = ({ reading }: Scene, at: number): number => share(reading.powerW, at, reading.boards.length);

/** MSKMiner on an S19: watts and volts by chain, the state of its supply. */
export const mskminerReplies: Replies = modernReplies({
  engine: '4.11.1 rwglr',
  more: (scene) =>
    numbered(scene, 'chain_voltage', () => '13.40') +
    numbered(scene, 'chain_power', (at) => boardW(scene, at)) +
    `"total_power":${scene.reading.powerW},"tune_running":${scene.reading.state === 'starting' ? 1 : 0},"psu_status":"OK",`,
});

const fdStates = { mining: 'Mining', starting: 'Starting', sleeping: 'Curtailed' } as const;

/** FDMiner on an S19 XP: TH/s for boards, `DEVS` an object with an empty key, state and kW in `prodata`. */
export const fdminerReplies: Replies = {
  ...modernReplies({ engine: '2.4.2' }),
  stats: (scene) =>
    listing(70, 'CGMiner stats', 'STATS', [
      `{"BMMiner":"2.4.2","Miner":"${scene.miner.model.firmware}","CompileTime":"${scene.miner.model.build}","Type":"${scene.miner.model.type}"}`,
      fdStats(scene),
    ]),
  devs: ({ reading }) =>
    rawReply({
      STATUS: [{ STATUS: 'S', Code: 9, Msg: '1 ASC(s)', Description: 'BCFMiner 2.4.2' }],
      DEVS: { '': { ASC: 0, 'MHS av': Math.round(reading.ghs * 1000) } },
      id: 1,
    }),
  prodata: ({ reading }) =>
    rawReply({
      STATUS: [{ STATUS: 'S', Code: 99, Msg: 'PROData', Description: 'BCFMiner 2.4.2' }],
      PROData: { 'Miner Status': fdStates[reading.state], Power: (reading.powerW / 1000).toFixed(2) },
      id: 1,
    }),
};

function fdStats(scene: Scene): string {
  const { reading } = scene;
  const { boards, fansRpm } = reading;
  return (
    `{"STATS":0,"ID":"BTM_SOC0","Elapsed":${reading.elapsedS},"miner_count":${boards.filter((it) => it.isPresent).length},"frequency":${reading.frequencyMhz},` +
    `"fan_num":${fansRpm.length},${fansRpm.map((rpm, at) => `"fan${at + 1}":${rpm},`).join('')}` +
    eachSlot(boards, 'temp_pcb', (board) => corners(board.pcbC), '"0-0-0-0"') +
    eachSlot(boards, 'temp_chip', (board) => corners(board.chipC), '"0-0-0-0"') +
    eachSlot(boards, 'chain_acn', (board) => String(board.chips), '0') +
    eachSlot(boards, 'chain_acs', (board) => `"${chipMap(board.chips, 10)}"`, '""') +
    eachSlot(boards, 'chain_hw', (board) => String(board.hardwareErrors), '0') +
    eachSlot(boards, 'chain_rate', (board) => `"${f2(board.ghs5s / 1000)}"`, '""') +
    `"total_rateideal":${f2(idealGhs(scene))},"rate_unit":"GH","total rate":${f2(reading.ghs5s / 1000)}}`
  );
}

const vnishStates = { mining: 'mining', starting: 'initializing', sleeping: 'stopped' } as const;

/** VNish: no `version`, a state, an estimate of power per board, and a pool of its author. */
export const vnishReplies: Replies = {
  summary: (scene) => listing(11, 'Summary', 'SUMMARY', [summaryGhs(scene)]),
  stats: (scene) =>
    listing(70, 'CGMiner stats', 'STATS', [
      `{"Type":"${scene.miner.model.type}","Miner":"0.0.0","Cgminer":"${scene.miner.model.firmware}","CompileTime":"${scene.miner.model.build}"}`,
      vnishStats(scene),
    ]),
  devdetails: () =>
    listing(69, 'Device Details', 'DEVDETAILS', [
      '{"DEVDETAILS":0,"Name":"BTM_S19J","ID":0,"Driver":"bitmain_s19j_drv","Kernel":"","Model":"","Device Path":""}',
    ]),
  pools: (scene) => withDevFee(poolsReply(scene, 'ago')),
  config: (scene) => configReply(scene, 1),
};

function vnishStats(scene: Scene): string {
  const { reading } = scene;
  const { boards, fansRpm } = reading;
  const state = vnishStates[reading.state];
  const mhz = reading.state === 'sleeping' ? 0 : reading.frequencyMhz;
  const boardIdeal = idealGhs(scene) / boards.length;
  return (
    `{"Elapsed":${reading.elapsedS},"GHS 5s":"${f2(reading.ghs5s)}","GHS av":${f2(reading.ghs)},` +
    numbered(scene, 'temp', (at) => boards[at]?.pcbC ?? 0) +
    eachSlot(boards, 'temp_chip', (board) => corners(board.chipC), '""') +
    eachSlot(boards, 'temp_pcb', (board) => corners(board.pcbC), '""') +
    numbered(scene, 'chain_consumption', (at) => boardW(scene, at)) +
    eachSlot(boards, 'chain_hw', (board) => String(board.hardwareErrors), '0') +
    `"fan_num":${fansRpm.length},"fan_mode":0,"fan_pwm":${reading.fanPct},${fansRpm.map((rpm, at) => `"fan${at + 1}":${rpm},`).join('')}` +
    numbered(scene, 'chain_rateideal', () => f2(boardIdeal)) +
    eachSlot(boards, 'chain_rate', (board) => f2(board.ghs5s), '0') +
    numbered(scene, 'freq_avg', () => mhz.toFixed(1)) +
    numbered(scene, 'chain_vol', () => 13_200) +
    `"state":"${state}","total_rate":${f2(reading.ghs5s)},"total_rateideal":${f2(idealGhs(scene))},` +
    numbered(scene, 'chain_state', () => `"${state}"`) +
    numbered(scene, 'chain_fault', () => '""') +
    eachSlot(boards, 'chain_acn', (board) => String(board.chips), '0') +
    `"miner_version":"${scene.miner.model.firmware}"}`
  );
}

const devFee =
  '{"POOL":3,"URL":"DevFee","Type":1,"User":"DevFee","Status":"Alive","Diff":"16.4K","Accepted":0,"Rejected":0,"Stale":0,' +
  '"Last Share Difficulty":16384.0,"Last Share Time":"0:00:21","Stratum Active":true,"Has Vmask":true}';

function withDevFee(pools: Answer): Answer {
  return pools.kind === 'sections' ? { ...pools, items: [...pools.items, devFee] } : pools;
}
