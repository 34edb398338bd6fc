import { listing, statusOnly } from '../answer.js';
import {
  coinReply,
  configReply,
  f2,
  f4,
  mhs,
  poolsReply,
  share,
  summaryTail,
  type Replies,
  type Scene,
} from './common.js';

/** One DEVS object of a plain cgminer. Fields and order: `API-README` of cgminer 4. */
export function deviceItem(scene: Scene, index: number, name: string): string {
  const { reading, miner } = scene;
  const board = reading.boards[index];
  const isEnabled = reading.state !== 'sleeping' && (miner.disabledBoards & (1 << index)) === 0;
  const accepted = share(scene.accepted, index, reading.boards.length);
  return (
    `{"ASC":${index},"Name":"${name}","ID":${index},"Enabled":"${isEnabled ? 'Y' : 'N'}","Status":"${board?.isPresent === true ? 'Alive' : 'Dead'}",` +
    `"Temperature":${f2(board?.pcbC ?? 0)},"MHS av":${mhs(board?.ghs ?? 0)},"MHS 5s":${mhs(board?.ghs5s ?? 0)},"MHS 1m":${mhs(board?.ghs ?? 0)},` +
    `"MHS 5m":${mhs(board?.ghs ?? 0)},"MHS 15m":${mhs(board?.ghs ?? 0)},"Accepted":${accepted},"Rejected":${share(scene.rejected, index, reading.boards.length)},` +
    `"Hardware Errors":${board?.hardwareErrors ?? 0},"Utility":${f2((accepted / Math.max(1, reading.elapsedS)) * 60)},"Last Share Pool":${miner.activePool},` +
    `"Last Share Time":${scene.whenS - 7},"Total MH":${f4((board?.ghs ?? 0) * 1000 * reading.elapsedS)},"Diff1 Work":${accepted * 65_536},` +
    `"Difficulty Accepted":${f4(accepted * 65_536)},"Difficulty Rejected":0.00000000,"Last Share Difficulty":65536.00000000,` +
    `"Last Valid Work":${scene.whenS - 1},"Device Hardware%":0.0000,"Device Rejected%":0.0000,"Device Elapsed":${reading.elapsedS}}`
  );
}

/** A SUMMARY with MH/s averages. */
export function summaryMhs(scene: Scene, windows: readonly string[]): string {
  const { ghs, ghs5s, elapsedS } = scene.reading;
  const rates = windows
    .map((window) => `"MHS ${window}":${mhs(window === '5s' || window === '30s' ? ghs5s : ghs)},`)
    .join('');
  return `{"Elapsed":${elapsedS},"MHS av":${mhs(ghs)},${rates}${summaryTail(scene)}}`;
}

/** Windows that most of cgminer's offspring print. */
export const windowsOfMinutes = ['5s', '1m', '5m', '15m'];
const driver = 'HFX';

/** A plain cgminer 4.12 with USB or serial boards. */
export const cgminerReplies: Replies = {
  version: (scene) =>
    listing(22, 'CGMiner versions', 'VERSION', [`{"CGMiner":"${scene.miner.model.firmware}","API":"3.7"}`]),
  summary: (scene) => listing(11, 'Summary', 'SUMMARY', [summaryMhs(scene, windowsOfMinutes)]),
  devs: (scene) =>
    listing(
      9,
      `${scene.reading.boards.length} ASC(s)`,
      'DEVS',
      scene.reading.boards.map((_, index) => deviceItem(scene, index, driver)),
    ),
  devdetails: (scene) =>
    listing(
      69,
      'Device Details',
      'DEVDETAILS',
      scene.reading.boards.map(
        (_, index) =>
          `{"DEVDETAILS":${index},"Name":"${driver}","ID":${index},"Driver":"hashfast","Kernel":"","Model":"","Device Path":"/dev/ttyUSB${index}"}`,
      ),
    ),
  stats: (scene) =>
    listing(
      70,
      'CGMiner stats',
      'STATS',
      scene.reading.boards.map(
        (board, index) =>
          `{"STATS":${index},"ID":"${driver}${index}","Elapsed":${scene.reading.elapsedS},"Calls":0,"Wait":0.000000,"Max":0.000000,"Min":99999999.000000,` +
          `"frequency":${scene.reading.frequencyMhz},"temp":${f2(board.pcbC)},"temp max":${f2(board.chipC)},"fan":${scene.reading.fansRpm[0] ?? 0},"chips":${board.chips}}`,
      ),
    ),
  pools: (scene) => poolsReply(scene, 'instant'),
  config: (scene) => configReply(scene, scene.reading.boards.length),
  coin: coinReply,
  privileged: () => statusOnly('S', 46, 'Privileged access OK'),
};
