import { listing, statusOnly } from '../answer.js';
import type { BoardReading } from '../reading.js';
import {
  coinReply,
  configReply,
  chipMap,
  f2,
  idealGhs,
  poolsReply,
  summaryTail,
  type Replies,
  type Scene,
} from './common.js';
import { deviceItem } from './cgminer.js';

/** What differs between firmware that numbers its chains one by one. */
export interface ChainLayout {
  /** Name and version of the mining software. */
  readonly engine: readonly [name: string, version: string];
  /** `ID` of the record, and the name of a board in `devs`. */
  readonly id: string;
  readonly device: string;
  /** Chains it numbers, and the first that a board is plugged into. */
  readonly chains: number;
  readonly firstChain: number;
  /** Slots of fans it numbers, and which have one. */
  readonly fanSlots: number;
  readonly fans: readonly number[];
  /** What a rate of GH/s is multiplied by, and under which name it is printed: an L3+ prints MH/s under `GHS`. */
  readonly scale: number;
  readonly rateName: 'GHS' | 'MHS';
  /** Rates of boards, and besides them the nominal ones and frequencies. */
  readonly tells: 'nothing' | 'rates' | 'ideal';
  /** Between the two objects of STATS: many forget the comma. */
  readonly glue: '' | ',';
  readonly chipGroup: number;
  /** How often `tempN` of a board is told, the hottest last; with more than one there is no `temp2_N`. */
  readonly sensors: 1 | 4;
  /** Fields behind those of the layout, each with a comma behind it. */
  readonly more?: (scene: Scene) => string;
}

/** A run of `name1`…`nameN` with `zero` where no board is; the constant ends are built once. */
function series(
  layout: ChainLayout,
  name: string,
  zero: string,
  text = (value: string) => value,
): (values: readonly string[]) => string {
  const run = (from: number, to: number): string =>
    Array.from({ length: Math.max(0, to - from + 1) }, (_, i) => `"${name}${from + i}":${zero},`).join('');
  const { firstChain, chains } = layout;
  const head = run(1, firstChain - 1);
  const tails = Array.from({ length: chains - firstChain + 2 }, (_, used) => run(firstChain + used, chains));
  return (values) => {
    let middle = '';
    values.forEach((value, at) => {
      middle += `"${name}${firstChain + at}":${text(value)},`;
    });
    return head + middle + (tails[values.length] ?? '');
  };
}

const quoted = (value: string): string => `"${value}"`;

/** `stats`, its second record, in the order the firmware prints it. */
function statsWriter(layout: ChainLayout): (scene: Scene) => string {
  const write = {
    pcb: series(layout, 'temp', '0'),
    chip: series(layout, 'temp2_', '0'),
    third: series(layout, 'temp3_', '0')([]),
    frequency: series(layout, 'freq_avg', '0.00'),
    ideal: series(layout, 'chain_rateideal', '0.00'),
    count: series(layout, 'chain_acn', '0'),
    map: series(layout, 'chain_acs', '""', quoted),
    hardware: series(layout, 'chain_hw', '0'),
    rate: series(layout, 'chain_rate', '""', quoted),
  };
  const { scale, tells, rateName } = layout;
  const told = (boards: readonly BoardReading[], value: (board: BoardReading) => number): string[] =>
    boards.map((board) => (board.isPresent ? String(value(board)) : '0'));
  const temperatures = (boards: readonly BoardReading[]): string =>
    write.pcb(told(boards, (board) => board.pcbC)) +
    write.chip(told(boards, (board) => board.chipC)) +
    write.third;
  return (scene) => {
    const { reading, miner } = scene;
    const { boards } = reading;
    const present = boards.filter((board) => board.isPresent);
    const mhz = f2(reading.frequencyMhz);
    const ideal = idealGhs(scene) * scale;
    const pick = (value: (board: BoardReading) => string, absent = '0'): string[] =>
      boards.map((board) => (board.isPresent ? value(board) : absent));
    const nominal =
      tells !== 'ideal'
        ? ''
        : write.frequency(pick(() => mhz, '0.00')) +
          `"total_rateideal":${f2(ideal)},"total_freqavg":${mhz},"total_acn":${present.reduce((sum, board) => sum + board.chips, 0)},` +
          `"total_rate":${f2(reading.ghs5s * scale)},` +
          write.ideal(pick(() => f2(ideal / miner.model.boards), '0.00'));
    return (
      `{"STATS":0,"ID":"${layout.id}","Elapsed":${reading.elapsedS},"Calls":0,"Wait":0.000000,"Max":0.000000,"Min":99999999.000000,` +
      `"${rateName} 5s":"${f2(reading.ghs5s * scale)}","${rateName} av":${f2(reading.ghs * scale)},"miner_count":${present.length},"frequency":"${reading.frequencyMhz}",` +
      `${fanFields(layout, reading.fansRpm)}"temp_num":${present.length},` +
      (layout.sensors === 4 ? sensorFields(boards) : temperatures(boards)) +
      nominal +
      `"temp_max":${Math.max(...boards.map((board) => board.chipC))},"Device Hardware%":0.0000,"no_matching_work":${reading.hardwareErrors},` +
      write.count(pick((board) => String(board.chips))) +
      write.map(pick((board) => chipMap(board.chips, layout.chipGroup), '')) +
      write.hardware(pick((board) => String(board.hardwareErrors))) +
      (tells === 'nothing' ? '' : write.rate(pick((board) => f2(board.ghs5s * scale), ''))) +
      (layout.more?.(scene) ?? '') +
      `"miner_version":"${miner.model.firmware}"}`
    );
  };
}

/** The same name four times for a board. */
function sensorFields(boards: readonly BoardReading[]): string {
  let text = '';
  boards.forEach(({ isPresent, pcbC }, at) => {
    for (const below of [20, 2, 21, 0]) text += `"temp${at + 1}":${isPresent ? pcbC - below : 0},`;
  });
  return text;
}

function fanFields({ fanSlots, fans }: ChainLayout, rpms: readonly number[]): string {
  let text = `"fan_num":${fans.length},`;
  for (let slot = 1; slot <= fanSlots; slot++) text += `"fan${slot}":${rpms[fans.indexOf(slot)] ?? 0},`;
  return text;
}

/** Replies of a firmware with numbered chains. */
export function chainReplies(layout: ChainLayout): Replies {
  const stats = statsWriter(layout);
  const [engine, version] = layout.engine;
  const head = (scene: Scene, api: string): string => {
    const { firmware, build, type } = scene.miner.model;
    return `{"${engine}":"${version}",${api}"Miner":"${firmware}","CompileTime":"${build}","Type":"${type}"}`;
  };
  return {
    version: (scene) => listing(22, `${engine} versions`, 'VERSION', [head(scene, '"API":"3.1",')]),
    summary: (scene) =>
      listing(11, 'Summary', 'SUMMARY', [
        `{"Elapsed":${scene.reading.elapsedS},"${layout.rateName} 5s":"${f2(scene.reading.ghs5s * layout.scale)}","${layout.rateName} av":${f2(scene.reading.ghs * layout.scale)},${summaryTail(scene)}}`,
      ]),
    stats: (scene) => listing(70, `${engine} stats`, 'STATS', [head(scene, ''), stats(scene)], layout.glue),
    devs: (scene) =>
      listing(
        9,
        `${scene.reading.boards.length} ASC(s)`,
        'DEVS',
        scene.reading.boards.map((_, index) => deviceItem(scene, index, layout.device)),
      ),
    pools: (scene) => poolsReply(scene, 'ago'),
    config: (scene) => configReply(scene, scene.reading.boards.length),
    coin: coinReply,
    privileged: () => statusOnly('S', 46, 'Privileged access OK'),
  };
}

/** The S9's own: sixteen chains, boards at 6 to 8, fans at 5 and 6. */
export const s9Layout: ChainLayout = {
  engine: ['BMMiner', '2.0.0'],
  id: 'BC50',
  device: 'BC5',
  chains: 16,
  firstChain: 6,
  fanSlots: 8,
  fans: [5, 6],
  scale: 1,
  rateName: 'GHS',
  sensors: 1,
  tells: 'ideal',
  glue: '',
  chipGroup: 8,
};

const extras =
  '"chain_xtime6":"{}","chain_xtime7":"{}","chain_xtime8":"{}","chain_offside_6":"0","chain_offside_7":"0","chain_offside_8":"0",' +
  '"chain_opencore_6":"0","chain_opencore_7":"0","chain_opencore_8":"0",';

/**
 * Antminer S9, bmminer. Its `stats` forgets the comma between the two objects of STATS, as every
 * unit in the field does.
 */
export const antminerS9Replies: Replies = chainReplies({ ...s9Layout, more: () => extras });
