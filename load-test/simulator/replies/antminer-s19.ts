import { listing, statusOnly } from '../answer.js';
import type { BoardReading } from '../reading.js';
import { configReply, f2, poolsReply, summaryTail, type Replies, type Scene } from './common.js';

/** Chains a board of this generation can number. */
const slots = [1, 2, 3, 4] as const;

const maps = new Map<number, string>();

/** Chip map in groups of three, `o` for a chip that answers. */
function chipMap(chips: number): string {
  let map = maps.get(chips);
  if (map === undefined) {
    map = 'o'.repeat(chips).replace(/.{1,3}/g, ' $&');
    maps.set(chips, map);
  }
  return map;
}

/** Four corner sensors, the hottest third. */
function corners(hottestC: number): string {
  return hottestC === 0 ? '"0-0-0-0"' : `"${hottestC - 7}-${hottestC - 5}-${hottestC}-${hottestC - 1}"`;
}

function each(
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

function statsItem(scene: Scene): string {
  const { miner, reading } = scene;
  const { boards, fansRpm } = reading;
  const isAsleep = reading.state === 'sleeping';
  const present = boards.filter((board) => board.isPresent);
  const mhz = isAsleep ? 0 : reading.frequencyMhz;
  const idealGhs = (miner.model.nominalGhs * reading.frequencyMhz) / miner.model.frequencyMhz;
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
    each(boards, 'temp_pcb', (board) => corners(board.pcbC), '"0-0-0-0"') +
    each(boards, 'temp_chip', (board) => corners(board.chipC), '"0-0-0-0"') +
    each(boards, 'temp_pic', (board) => corners(board.pcbC - 8), '"0-0-0-0"') +
    `"total_rateideal":${f2(idealGhs)},"rate_unit":"GH","total_freqavg":${mhz},"total_acn":${chips},"total rate":${f2(reading.ghs)},` +
    `"temp_max":${Math.max(...boards.map((board) => board.chipC))},"no_matching_work":${reading.hardwareErrors},` +
    each(boards, 'chain_acn', (board) => String(board.chips), '0') +
    each(boards, 'chain_acs', (board) => `"${chipMap(board.chips)}"`, '""') +
    each(boards, 'chain_hw', (board) => String(board.hardwareErrors), '0') +
    each(boards, 'chain_rate', (board) => `"${f2(board.ghs5s)}"`, '""') +
    each(boards, 'freq', () => String(mhz), '0') +
    `"miner_version":"${miner.model.firmware}","miner_id":"80${miner.key.toString(16).padStart(8, '0')}501c"}`
  );
}

/** S19 and later number one device; the S21 prints GH/s under the name MHS. */
function devsItem(scene: Scene): string {
  const { reading, miner } = scene;
  const scale = miner.model.name === 'antminer-s21' ? 1 : 1000;
  return (
    `{"ASC":0,"Name":"BTM_SOC","ID":0,"Enabled":"${miner.isAsleep ? 'N' : 'Y'}","Status":"Alive","Temperature":0.00,"MHS av":${f2(reading.ghs * scale)},` +
    `"MHS 5s":${f2(reading.ghs5s * scale)},"Accepted":${scene.accepted},"Rejected":${scene.rejected},"Hardware Errors":${reading.hardwareErrors},` +
    `"Utility":${f2((scene.accepted / Math.max(1, reading.elapsedS)) * 60)},"Last Share Pool":${miner.activePool},"Last Share Time":${scene.whenS - 7},` +
    `"Total MH":${f2(reading.ghs * 1000 * reading.elapsedS)},"Diff1 Work":0,"Device Hardware%":0.0000,"Device Rejected%":0.0000,"Device Elapsed":${reading.elapsedS}}`
  );
}

const identity = (scene: Scene): string =>
  `"Miner":"${scene.miner.model.firmware}","CompileTime":"${scene.miner.model.build}","Type":"${scene.miner.model.type}"`;

/** Antminer S19, S19 XP, S21: well-formed JSON, no joined commands, no devdetails. */
export const antminerS19Replies: Replies = {
  version: (scene) =>
    listing(22, 'CGMiner versions', 'VERSION', [`{"BMMiner":"1.0.0","API":"3.1",${identity(scene)}}`]),
  summary: (scene) =>
    listing(11, 'Summary', 'SUMMARY', [
      `{"Elapsed":${scene.reading.elapsedS},"GHS 5s":${f2(scene.reading.ghs5s)},"GHS av":${f2(scene.reading.ghs)},"GHS 30m":${f2(scene.reading.ghs)},${summaryTail(scene)}}`,
    ]),
  stats: (scene) =>
    listing(70, 'CGMiner stats', 'STATS', [`{"BMMiner":"1.0.0",${identity(scene)}}`, statsItem(scene)]),
  devs: (scene) => listing(9, '1 ASC(s)', 'DEVS', [devsItem(scene)]),
  pools: (scene) => poolsReply(scene, 'ago'),
  config: (scene) => configReply(scene, 1),
  privileged: () => statusOnly('S', 46, 'Privileged access OK'),
};
