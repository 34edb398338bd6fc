import { listing, statusOnly, type Answer } from '../answer.js';
import { summaryMhs, windowsOfMinutes } from './cgminer.js';
import {
  coinReply,
  configReply,
  f2,
  idealGhs,
  mhs,
  poolsReply,
  share,
  type Replies,
  type Scene,
} from './common.js';

/** Boards have the numbers of their connectors: 6 to 8 on an S9, 1 to 3 later. */
const idOf = ({ miner }: Scene, at: number): number => at + (miner.model.dialect === 'bosminer' ? 6 : 1);

/** While it is paused whatever tells of boards is unavailable. */
const running =
  (reply: (scene: Scene) => Answer) =>
  (scene: Scene): Answer =>
    scene.reading.state === 'sleeping' ? statusOnly('E', 302, 'Unavailable') : reply(scene);

/** A board that is gone is missing from every list. */
const perBoard = (scene: Scene, write: (at: number, id: number) => string): string[] =>
  scene.reading.boards.flatMap((board, at) => (board.isPresent ? [write(at, idOf(scene, at))] : []));

function deviceItem(scene: Scene, at: number, id: number): string {
  const { reading } = scene;
  const board = reading.boards[at];
  const rate = mhs(board?.ghs ?? 0);
  const accepted = share(scene.accepted, at, reading.boards.length);
  return (
    `{"ASC":${at},"ID":${id},"Name":"","Enabled":"Y","Status":"Alive","Accepted":${accepted},"Rejected":0,"Hardware Errors":${board?.hardwareErrors ?? 0},` +
    `"MHS 5s":${mhs(board?.ghs5s ?? 0)},"MHS 1m":${rate},"MHS 5m":${rate},"MHS 15m":${rate},"MHS av":${rate},` +
    `"Nominal MHS":${mhs(idealGhs(scene) / reading.boards.length)},"Temperature":0.0,"Device Elapsed":${reading.elapsedS},"Last Share Pool":-1}`
  );
}

function detailItem(scene: Scene, at: number, id: number): string {
  const { miner, reading } = scene;
  return (
    `{"DEVDETAILS":${at},"ID":${id},"Name":"","Driver":"","Kernel":"","Device Path":"","Model":"${miner.model.type}","Chips":${reading.boards[at]?.chips ?? 0},` +
    `"Cores":${(reading.boards[at]?.chips ?? 0) * 114},"Frequency":${reading.frequencyMhz * 1_000_000},"Voltage":${miner.model.dialect === 'bosminer' ? '8.9' : '13.6'}}`
  );
}

function tunerItem(scene: Scene): string {
  const { reading, miner } = scene;
  const status = reading.state === 'starting' ? 'Testing performance profile' : 'Stable';
  const chains = perBoard(
    scene,
    (at, id) =>
      `{"HashchainIndex":${id},"Status":"${status}","ApproximatePowerConsumptionWatt":${share(reading.powerW, at, reading.boards.length)}}`,
  );
  return (
    `{"PowerLimit":${miner.powerLimitW},"ApproximateMinerPowerConsumption":${reading.powerW},"ApproximateChainPowerConsumption":${Math.round(reading.powerW * 0.95)},` +
    `"TunerRunning":true,"TunerChainStatus":[${chains.join(',')}]}`
  );
}

/** Four slots, whatever is plugged in. */
const fanItems = ({ reading }: Scene): string[] =>
  [0, 1, 2, 3].map(
    (at) => `{"FAN":${at},"ID":${at},"RPM":${reading.fansRpm[at] ?? 0},"Speed":${reading.fanPct}}`,
  );

/** Braiins OS: `bosminer` on an S9, `boser` on an S19; cgminer's layout with commands of its own. */
export const braiinsReplies: Replies = {
  version: ({ miner: { model } }) =>
    listing(22, `${model.build} versions`, 'VERSION', [`{"API":"3.7","${model.build}":"${model.firmware}"}`]),
  summary: (scene) => listing(11, 'Summary', 'SUMMARY', [summaryMhs(scene, windowsOfMinutes)]),
  devs: running((scene) =>
    listing(
      9,
      'ASC(s)',
      'DEVS',
      perBoard(scene, (at, id) => deviceItem(scene, at, id)),
    ),
  ),
  devdetails: running((scene) =>
    listing(
      69,
      'Device Details',
      'DEVDETAILS',
      perBoard(scene, (at, id) => detailItem(scene, at, id)),
    ),
  ),
  temps: running((scene) =>
    listing(
      201,
      'Temp(s)',
      'TEMPS',
      perBoard(
        scene,
        (at, id) =>
          `{"TEMP":${at},"ID":${id},"Board":${f2(scene.reading.boards[at]?.pcbC ?? 0)},"Chip":${f2(scene.reading.boards[at]?.chipC ?? 0)}}`,
      ),
    ),
  ),
  fans: (scene) => listing(202, '4 Fan(s)', 'FANS', fanItems(scene)),
  tunerstatus: running((scene) => listing(205, 'Tuner Status', 'TUNERSTATUS', [tunerItem(scene)])),
  pools: (scene) => poolsReply(scene, 'instant'),
  config: (scene) => configReply(scene, scene.reading.boards.length),
  coin: coinReply,
};
