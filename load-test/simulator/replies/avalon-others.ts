import { listing, statusOnly, type Answer } from '../answer.js';
import { avalonReplies, avalonSummary, chipFields, moduleHead, moduleTail } from './avalon.js';
import { summaryMhs, windowsOfMinutes } from './cgminer.js';
import { configReply, f2, idealGhs, macOf, poolsReply, type Replies, type Scene } from './common.js';

const counters = ({ reading }: Scene): string =>
  `"Elapsed":${reading.elapsedS},"Calls":0,"Wait":0.000000,"Max":0.000000,"Min":99999999.000000`;

/** One module of a 7xx, a machine of its own on the controller: no rate, but its work utility. */
function module7(scene: Scene, at: number): string {
  const { reading, miner } = scene;
  const board = reading.boards[at];
  const nominal = idealGhs(scene) / reading.boards.length;
  return (
    `"MM ID${at + 1}":"Ver[${miner.model.type}${miner.model.firmware}] DNA[013${at}${miner.key.toString(16).padStart(12, '0')}] Elapsed[${reading.elapsedS}] ` +
    `MW[1302 1298 1305 1290] LW[5195] MH[0 0 0 0] HW[${board?.hardwareErrors ?? 0}] DH[0.000%] Temp[${reading.inletC + 8}] TMax[${board?.chipC ?? 0}] ` +
    `Fan[${reading.fansRpm[at] ?? 0}] FanR[${reading.fanPct}%] Vi[1215 1216 1215 1215] Vo[4074 4069 4065 4078] GHSmm[${f2(nominal)}] ` +
    `WU[${f2(((board?.ghs5s ?? 0) * 60e9) / 2 ** 32)}] Freq[${f2(reading.frequencyMhz)}] PG[15] Led[0] TA[${board?.chips ?? 0}] ECHU[0 0 0 0] ECMM[0] FM[1] ` +
    `CRC[0 0 0 0] PAIRS[0 0 0] PVT_T[21-80/14-88/84 0-81/11-89/86 21-78/10-87/83 20-77/11-85/81]"`
  );
}

/** AvalonMiner 741, cgminer 4.10: four modules on one controller, which `version` does not name. */
export const avalonModulesReplies: Replies = {
  version: () => listing(22, 'CGMiner versions', 'VERSION', ['{"CGMiner":"4.10.0","API":"3.7"}']),
  summary: (scene) => listing(11, 'Summary', 'SUMMARY', [summaryMhs(scene, windowsOfMinutes)]),
  stats: (scene) =>
    listing(70, 'CGMiner stats', 'STATS', [
      `{"STATS":0,"ID":"AV70",${counters(scene)},${scene.reading.boards
        .flatMap((board, at) => (board.isPresent ? [module7(scene, at)] : []))
        .join(',')},"MM Count":${scene.reading.boards.length},"Smart Speed":1,"Nonce Mask":29}`,
    ]),
  pools: (scene) => poolsReply(scene, 'instant'),
  config: (scene) => configReply(scene, scene.reading.boards.length),
  privileged: () => statusOnly('S', 46, 'Privileged access OK'),
};

/** A Q splits the string into a summary and its boards; a Nano keeps it in one. */
function homeFields(scene: Scene): string {
  const { boards } = scene.reading;
  if (scene.miner.model.type !== 'Q')
    return `"MM ID0":"${moduleHead(scene)}${boards.map(chipFields).join('')}${moduleTail(scene)}"`;
  const listed = boards.map((board, at) => `'HB${at}':{${chipFields(board, at).trim()}}`).join(',');
  return `"MM ID0:Summary":"${moduleHead(scene)}${moduleTail(scene)}","HBinfo":"${listed}"`;
}

const homeStats = (scene: Scene): Answer =>
  listing(70, 'CGMiner stats', 'STATS', [
    `{"STATS":0,"ID":"AVALON0",${counters(scene)},${homeFields(scene)},"MM Count":1}`,
  ]);

/** Now and then `stats` comes without what counts, while `estats` has it. */
const isShort = ({ miner, whenS }: Scene): boolean => (miner.key + Math.floor(whenS / 10)) % 16 === 0;

/** Avalon Nano 3S and Q. */
export const avalonHomeReplies: Replies = {
  ...avalonReplies,
  version: ({ miner }) =>
    listing(22, 'CGMiner versions', 'VERSION', [
      `{"CGMiner":"4.11.1","API":"3.7","PROD":"Avalon ${miner.model.type}","MODEL":"${miner.model.type}","HWTYPE":"${miner.model.type === 'Q' ? 'Q' : 'N'}_MM1v1_X1",` +
        `"SWTYPE":"MM319","LVERSION":"${miner.model.firmware}","BVERSION":"${miner.model.firmware}","CGVERSION":"${miner.model.firmware}",` +
        `"DNA":"0201${miner.key.toString(16).padStart(12, '0')}","MAC":"${macOf(miner, '')}"}`,
    ]),
  summary: (scene) => listing(11, 'Summary', 'SUMMARY', [avalonSummary(scene)]),
  stats: (scene) =>
    isShort(scene)
      ? listing(70, 'CGMiner stats', 'STATS', [`{"STATS":0,"ID":"AVALON0",${counters(scene)}}`])
      : homeStats(scene),
  estats: homeStats,
  litestats: homeStats,
};
