import { listing, statusOnly } from '../answer.js';
import { coinReply, configReply, f2, poolsReply, summaryTail, type Replies, type Scene } from './common.js';
import { deviceItem } from './cgminer.js';

/** The S9 numbers sixteen chains and fits three, at 6 to 8. */
const chains = 16;
const firstChain = 6;

/** A run of `name1`…`name16` with `zero` where no board can be: the constant ends are built once. */
function series(name: string, zero: string): (values: readonly string[]) => string {
  const end = (from: number, to: number): string =>
    Array.from({ length: to - from + 1 }, (_, i) => `"${name}${from + i}":${zero},`).join('');
  const head = end(1, firstChain - 1);
  const tail = end(firstChain + 3, chains);
  return ([a = zero, b = zero, c = zero]) => `${head}"${name}6":${a},"${name}7":${b},"${name}8":${c},${tail}`;
}

const pcb = series('temp', '0');
const chip = series('temp2_', '0');
const third = series('temp3_', '0')([]);
const frequency = series('freq_avg', '0.00');
const ideal = series('chain_rateideal', '0.00');
const chipCount = series('chain_acn', '0');
const chipMap = series('chain_acs', '""');
const hardware = series('chain_hw', '0');
const rate = series('chain_rate', '""');
const goodChips = '" oooooooo oooooooo oooooooo oooooooo oooooooo oooooooo oooooooo ooooooo"';

function head(scene: Scene): string {
  const { firmware, build, type } = scene.miner.model;
  return `"BMMiner":"2.0.0","API":"3.1","Miner":"${firmware}","CompileTime":"${build}","Type":"${type}"`;
}

function statsItem(scene: Scene): string {
  const { miner, reading } = scene;
  const { boards, fansRpm } = reading;
  const present = boards.filter((board) => board.isPresent);
  const mhz = f2(reading.frequencyMhz);
  const idealGhs = (miner.model.nominalGhs * reading.frequencyMhz) / miner.model.frequencyMhz;
  const boardIdeal = f2(idealGhs / miner.model.boards);
  const chips = present.reduce((sum, board) => sum + board.chips, 0);
  const pick = (value: (board: (typeof boards)[number]) => string, absent: string): string[] =>
    boards.map((board) => (board.isPresent ? value(board) : absent));
  return (
    `{"STATS":0,"ID":"BC50","Elapsed":${reading.elapsedS},"Calls":0,"Wait":0.000000,"Max":0.000000,"Min":99999999.000000,` +
    `"GHS 5s":"${f2(reading.ghs5s)}","GHS av":${f2(reading.ghs)},"miner_count":${present.length},"frequency":"${reading.frequencyMhz}",` +
    `"fan_num":2,"fan1":0,"fan2":0,"fan3":0,"fan4":0,"fan5":${fansRpm[0] ?? 0},"fan6":${fansRpm[1] ?? 0},"fan7":0,"fan8":0,"temp_num":${present.length},` +
    pcb(pick((board) => String(board.pcbC), '0')) +
    chip(pick((board) => String(board.chipC), '0')) +
    third +
    frequency(pick(() => mhz, '0.00')) +
    `"total_rateideal":${f2(idealGhs)},"total_freqavg":${mhz},"total_acn":${chips},"total_rate":${f2(reading.ghs5s)},` +
    ideal(pick(() => boardIdeal, '0.00')) +
    `"temp_max":${Math.max(...boards.map((board) => board.chipC))},"Device Hardware%":0.0000,"no_matching_work":${reading.hardwareErrors},` +
    chipCount(pick((board) => String(board.chips), '0')) +
    chipMap(pick(() => goodChips, '""')) +
    hardware(pick((board) => String(board.hardwareErrors), '0')) +
    rate(pick((board) => `"${f2(board.ghs5s)}"`, '""')) +
    '"chain_xtime6":"{}","chain_xtime7":"{}","chain_xtime8":"{}","chain_offside_6":"0","chain_offside_7":"0","chain_offside_8":"0",' +
    `"chain_opencore_6":"0","chain_opencore_7":"0","chain_opencore_8":"0","miner_version":"${miner.model.firmware}"}`
  );
}

/**
 * Antminer S9, bmminer. Its `stats` forgets the comma between the two objects of STATS, as every
 * unit in the field does.
 */
export const antminerS9Replies: Replies = {
  version: (scene) => listing(22, 'BMMiner versions', 'VERSION', [`{${head(scene)}}`]),
  summary: (scene) =>
    listing(11, 'Summary', 'SUMMARY', [
      `{"Elapsed":${scene.reading.elapsedS},"GHS 5s":"${f2(scene.reading.ghs5s)}","GHS av":${f2(scene.reading.ghs)},${summaryTail(scene)}}`,
    ]),
  stats: (scene) =>
    listing(
      70,
      'BMMiner stats',
      'STATS',
      [`{${head(scene).replace('"API":"3.1",', '')}}`, statsItem(scene)],
      '',
    ),
  devs: (scene) =>
    listing(
      9,
      `${scene.reading.boards.length} ASC(s)`,
      'DEVS',
      scene.reading.boards.map((_, index) => deviceItem(scene, index, 'BC5')),
    ),
  pools: (scene) => poolsReply(scene, 'ago'),
  config: (scene) => configReply(scene, scene.reading.boards.length),
  coin: coinReply,
  privileged: () => statusOnly('S', 46, 'Privileged access OK'),
};
