import { listing, statusOnly } from '../answer.js';
import { mix } from '../random.js';
import type { BoardReading } from '../reading.js';
import {
  coinReply,
  configReply,
  f2,
  idealGhs,
  macOf,
  poolsReply,
  type Replies,
  type Scene,
} from './common.js';
import { deviceItem, summaryMhs } from './cgminer.js';

/** Per-chip lists of boards of one size; what says nothing of the machine's health is built once for all. */
interface ChipLists {
  readonly volts: string;
  readonly works: string;
  /** `PVT_T`: one whole °C per chip, padded to three characters. */
  temps(hottestC: number): string;
}

const listsBySize = new Map<number, ChipLists>();

/** The lists of a board with so many chips; one of them is the hottest. */
export function chipLists(chips: number): ChipLists {
  let lists = listsBySize.get(chips);
  if (lists === undefined) {
    const steady = (base: number, spread: number, salt: number): string =>
      Array.from({ length: chips }, (_, i) => base + (mix(salt, i) % spread)).join(' ');
    const hottest = Math.min(17, chips - 1);
    const below = Array.from({ length: chips }, (_, i) => (i === hottest ? 0 : 1 + (mix(3, i) % 11)));
    const written = new Map<number, string>();
    const temps = (hottestC: number): string => {
      let text = written.get(hottestC);
      if (text === undefined) {
        text = below.map((drop) => String(hottestC - drop).padStart(3)).join(' ');
        written.set(hottestC, text);
      }
      return text;
    };
    lists = { volts: steady(305, 24, 1), works: steady(3400, 500, 2), temps };
    listsBySize.set(chips, lists);
  }
  return lists;
}

const avgChipC = (board: BoardReading): number => (board.isPresent ? board.chipC - 6 : 0);
const perBoard = (
  boards: readonly BoardReading[],
  value: (board: BoardReading, index: number) => string,
): string => boards.map(value).join(' ');

/** A10: the boards' power. A11 and later: the wall's besides. */
function supply({ miner, reading: { powerW } }: Scene): string {
  const boards = `PS[0 1214 1316 ${Math.round(powerW / 14)} ${Math.round(powerW * 0.94)} 1320`;
  return miner.model.type.startsWith('10') ? `${boards}] ` : `${boards} ${powerW}] `;
}

/** The bracket string of an A10 or later up to its per-chip lists. Meanings: Canaan's A10 API manual. */
export function moduleHead(scene: Scene): string {
  const { miner, reading } = scene;
  const { boards } = reading;
  const present = boards.filter((board) => board.isPresent);
  const isAsleep = reading.state === 'sleeping';
  const work = isAsleep ? 'In Idle' : reading.state === 'starting' ? 'In Init' : 'In Work';
  const mean = present.reduce((sum, board) => sum + avgChipC(board), 0) / Math.max(1, present.length);
  const ideal = idealGhs(scene);
  let text =
    `Ver[${miner.model.type}-${miner.model.firmware}] DNA[0201${miner.key.toString(16).padStart(12, '0')}] MEMFREE[1201472.0] NETFAIL[0 0 0 0 0 0 0 0] ` +
    `SYSTEMSTATU[Work: ${work}, Hash Board: ${present.length} ] Elapsed[${reading.elapsedS}] BOOTBY[0x08.00000000] LW[${scene.accepted * 211}] ` +
    `MH[${perBoard(boards, (board) => String(board.hardwareErrors))}] HW[${reading.hardwareErrors}] DH[1.732%] Temp[${reading.inletC}] ` +
    `TMax[${Math.max(...boards.map((board) => board.chipC))}] TAvg[${Math.round(mean)}] ${reading.fansRpm.map((rpm, i) => `Fan${i + 1}[${rpm}]`).join(' ')} ` +
    `FanR[${reading.fanPct}%] Vo[329] ${supply(scene)}`;
  boards.forEach((_, index) => {
    text += `PLL${index}[1796 4524 5435 2165] `;
  });
  text +=
    `GHSspd[${f2(reading.ghs5s)}] DHspd[1.732%] GHSmm[${f2(ideal)}] GHSavg[${f2(reading.ghs)}] WU[${f2((reading.ghs * 60) / 4.295)}] ` +
    `Freq[${f2(reading.frequencyMhz)}] Led[0] MGHS[${perBoard(boards, (board) => f2(board.ghs))}] MTmax[${perBoard(boards, (board) => String(board.chipC))}] ` +
    `MTavg[${perBoard(boards, (board) => String(avgChipC(board)))}] TA[${present.length * miner.model.chipsPerBoard}] Core[A3201] PING[${30 + (scene.whenS % 9)}] POWS[0] ` +
    `HASHS[${perBoard(boards, (board) => (board.isPresent ? '0' : '1'))}] POOLS[0] SoftOFF[${isAsleep ? 1 : 0}] ECHU[${perBoard(boards, (board) => (board.isPresent ? '0' : '512'))}] ECMM[0] `;
  boards.forEach((_, index) => {
    text += `SF${index}[472 492 512 532] `;
  });
  return text;
}

/** Per-chip temperatures, volts and work of one board. */
export function chipFields(board: BoardReading, index: number): string {
  if (!board.isPresent) return '';
  const lists = chipLists(board.chips);
  return `PVT_T${index}[ ${lists.temps(board.chipC).trimStart()}] PVT_V${index}[${lists.volts}] MW${index}[${lists.works}] `;
}

/** What stands behind the per-chip lists. */
export function moduleTail({ miner, reading }: Scene): string {
  const mode = miner.powerMode === 'low' ? 0 : miner.powerMode === 'normal' ? 1 : 2;
  const power = miner.model.type.startsWith('10') ? '' : `POWER[${reading.powerW}] `;
  return `CRC[${perBoard(reading.boards, () => '0')}] ${power}WORKMODE[${mode}]`;
}

const moduleString = (scene: Scene): string =>
  moduleHead(scene) + scene.reading.boards.map(chipFields).join('') + moduleTail(scene);

function statsItems(scene: Scene): string[] {
  const common = `"Elapsed":${scene.reading.elapsedS},"Calls":0,"Wait":0.000000,"Max":0.000000,"Min":99999999.000000`;
  return [
    `{"STATS":0,"ID":"AVA100",${common},"MM ID0":"${moduleString(scene)}","MM Count":1,"Smart Speed":1,"Voltage Level Offset":0,"Nonce Mask":25}`,
    `{"STATS":1,"ID":"POOL0",${common},"Pool Calls":0,"Pool Attempts":0,"Pool Wait":0.000000,"Pool Max":0.000000,"Pool Min":99999999.000000,"Pool Av":0.000000}`,
  ];
}

/** Just started, cgminer divides 0 by 0 and prints it. */
export function avalonSummary(scene: Scene): string {
  const item = summaryMhs(scene, ['30s', '1m', '5m', '15m']);
  return scene.reading.state === 'starting' ? item.replace(/"MHS av":[\d.]+/, '"MHS av":nan') : item;
}

const stats = (scene: Scene) => listing(70, 'CGMiner stats', 'STATS', statsItems(scene));

/** AvalonMiner A10 to A15, cgminer 4.11.1: one device, the boards inside `MM ID0`. */
export const avalonReplies: Replies = {
  version: ({ miner }) =>
    listing(22, 'CGMiner versions', 'VERSION', [
      `{"CGMiner":"4.11.1","API":"3.7","STM8":"20.08.01","PROD":"AvalonMiner ${miner.model.type}","MODEL":"${miner.model.type}","HWTYPE":"MM3v2_X3",` +
        `"SWTYPE":"MM314","VERSION":"${miner.model.firmware}","LOADER":"d0d779de.00","DNA":"0201${miner.key.toString(16).padStart(12, '0')}","MAC":"${macOf(miner, '')}","UPAPI":"2"}`,
    ]),
  summary: (scene) => listing(11, 'Summary', 'SUMMARY', [avalonSummary(scene)]),
  stats,
  estats: stats,
  devs: (scene) => listing(9, '1 ASC(s)', 'DEVS', [wholeDevice(scene)]),
  devdetails: () =>
    listing(69, 'Device Details', 'DEVDETAILS', [
      '{"DEVDETAILS":0,"Name":"AVA10","ID":0,"Driver":"avalon10","Kernel":"","Model":"","Device Path":""}',
    ]),
  pools: (scene) => poolsReply(scene, 'instant'),
  config: (scene) => configReply(scene, 1),
  coin: coinReply,
  privileged: () => statusOnly('S', 46, 'Privileged access OK'),
};

function wholeDevice(scene: Scene): string {
  const { reading } = scene;
  const sum = {
    ...(reading.boards[0] as BoardReading),
    isPresent: true,
    ghs: reading.ghs,
    ghs5s: reading.ghs5s,
    hardwareErrors: reading.hardwareErrors,
  };
  return deviceItem({ ...scene, reading: { ...reading, boards: [sum] } }, 0, 'AVA10');
}
