import { listing, statusOnly } from '../answer.js';
import type { BoardReading } from '../reading.js';
import {
  chipMap,
  configReply,
  f2,
  idealGhs,
  poolsReply,
  summaryTail,
  type Replies,
  type Scene,
} from './common.js';

/** Chains a board of this generation can number. */
const slots = [1, 2, 3, 4] as const;

/** Four corner sensors, the hottest third. */
export function corners(hottestC: number): string {
  return hottestC === 0 ? '"0-0-0-0"' : `"${hottestC - 7}-${hottestC - 5}-${hottestC}-${hottestC - 1}"`;
}

/** `name1`…`name4`, each with a comma behind it. */
export function eachSlot(
  boards: readonly BoardReading[],
  name: string,
  value: (board: BoardReading) => string,
  absent: string,
): string {
  let text = '';
  for (const slot of slots) {
    const board = boards[slot - 1];
    text += `"${name}${slot}":${board?.isPresent === true ? value(board) : absent},`;
  }
  return text;
}

function statsItem(scene: Scene, more: string): string {
  const { miner, reading } = scene;
  const { boards, fansRpm } = reading;
  const isAsleep = reading.state === 'sleeping';
  const present = boards.filter((board) => board.isPresent);
  const mhz = isAsleep ? 0 : reading.frequencyMhz;
  let numbered = '';
  boards.forEach((board, index) => {
    if (board.isPresent) numbered += `"temp${index + 1}":${board.pcbC},"temp2_${index + 1}":${board.chipC},`;
  });
  const chips = present.reduce((sum, board) => sum + board.chips, 0);
  return (
    `{"STATS":0,"ID":"BTM_SOC0","Elapsed":${reading.elapsedS},"Calls":0,"Wait":0,"Max":0,"Min":99999999,` +
    `"GHS 5s":${f2(reading.ghs5s)},"GHS av":${f2(reading.ghs)},"rate_30m":${f2(reading.ghs)},"Mode":${isAsleep ? 254 : 2},` +
    `"miner_count":${present.length},"frequency":${isAsleep ? '""' : mhz},"fan_num":${fansRpm.length},` +
    fansRpm.map((rpm, index) => `"fan${index + 1}":${rpm},`).join('') +
    `"temp_num":${present.length},${numbered}` +
    eachSlot(boards, 'temp_pcb', (board) => corners(board.pcbC), '"0-0-0-0"') +
    eachSlot(boards, 'temp_chip', (board) => corners(board.chipC), '"0-0-0-0"') +
    eachSlot(boards, 'temp_pic', (board) => corners(board.pcbC - 8), '"0-0-0-0"') +
    `"total_rateideal":${f2(idealGhs(scene))},"rate_unit":"GH","total_freqavg":${mhz},"total_acn":${chips},"total rate":${f2(reading.ghs)},` +
    `"temp_max":${Math.max(...boards.map((board) => board.chipC))},"no_matching_work":${reading.hardwareErrors},` +
    eachSlot(boards, 'chain_acn', (board) => String(board.chips), '0') +
    eachSlot(boards, 'chain_acs', (board) => `"${chipMap(board.chips, 3)}"`, '""') +
    eachSlot(boards, 'chain_hw', (board) => String(board.hardwareErrors), '0') +
    eachSlot(boards, 'chain_rate', (board) => `"${f2(board.ghs5s)}"`, '""') +
    eachSlot(boards, 'freq', () => String(mhz), '0') +
    more +
    `"miner_version":"${miner.model.firmware}","miner_id":"80${miner.key.toString(16).padStart(8, '0')}501c"}`
  );
}

/** S19 and later number one device; the S21 prints GH/s under the name MHS. */
function devsItem(scene: Scene): string {
  const { reading, miner } = scene;
  const scale = miner.modelName === 'antminer-s21' ? 1 : 1000;
  return (
    `{"ASC":0,"Name":"BTM_SOC","ID":0,"Enabled":"${miner.isAsleep ? 'N' : 'Y'}","Status":"Alive","Temperature":0.00,"MHS av":${f2(reading.ghs * scale)},` +
    `"MHS 5s":${f2(reading.ghs5s * scale)},"Accepted":${scene.accepted},"Rejected":${scene.rejected},"Hardware Errors":${reading.hardwareErrors},` +
    `"Utility":${f2((scene.accepted / Math.max(1, reading.elapsedS)) * 60)},"Last Share Pool":${miner.activePool},"Last Share Time":${scene.whenS - 7},` +
    `"Total MH":${f2(reading.ghs * 1000 * reading.elapsedS)},"Diff1 Work":0,"Device Hardware%":0.0000,"Device Rejected%":0.0000,"Device Elapsed":${reading.elapsedS}}`
  );
}

/** What firmware in this layout may do otherwise. */
export interface ModernLayout {
  /** Version of `BMMiner`. */
  readonly engine: string;
  /** Fields of `stats` behind those of the layout, each with a comma behind it. */
  readonly more?: (scene: Scene) => string;
}

/** A SUMMARY with GH/s averages. */
export function summaryGhs(scene: Scene): string {
  const { elapsedS, ghs, ghs5s } = scene.reading;
  return `{"Elapsed":${elapsedS},"GHS 5s":${f2(ghs5s)},"GHS av":${f2(ghs)},"GHS 30m":${f2(ghs)},${summaryTail(scene)}}`;
}

/** Replies of a firmware in the layout of the S17 and later. */
export function modernReplies({ engine, more }: ModernLayout): Replies {
  const identity = ({ miner: { model } }: Scene): string =>
    `"Miner":"${model.firmware}","CompileTime":"${model.build}","Type":"${model.type}"`;
  return {
    version: (scene) =>
      listing(22, 'CGMiner versions', 'VERSION', [`{"BMMiner":"${engine}","API":"3.1",${identity(scene)}}`]),
    summary: (scene) => listing(11, 'Summary', 'SUMMARY', [summaryGhs(scene)]),
    stats: (scene) =>
      listing(70, 'CGMiner stats', 'STATS', [
        `{"BMMiner":"${engine}",${identity(scene)}}`,
        statsItem(scene, more?.(scene) ?? ''),
      ]),
    devs: (scene) => listing(9, '1 ASC(s)', 'DEVS', [devsItem(scene)]),
    pools: (scene) => poolsReply(scene, 'ago'),
    config: (scene) => configReply(scene, 1),
    privileged: () => statusOnly('S', 46, 'Privileged access OK'),
  };
}

/** Antminer S17 to S21: well-formed JSON, no joined commands, no devdetails. */
export const antminerS19Replies: Replies = modernReplies({ engine: '1.0.0' });
