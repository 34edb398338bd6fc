import { listing } from '../answer.js';
import { summaryMhs, windowsOfMinutes } from './cgminer.js';
import { coinReply, hexOf, idealGhs, macOf, poolsReply, type Replies, type Scene } from './common.js';

const states = { mining: 'Running', starting: 'Tuning', sleeping: 'Suspend' } as const;

/** GH/s as whole MH/s. */
const whole = (ghs: number): number => Math.round(ghs * 1000);

/** Bitdeer's one flat record, a board's number in front of each of its names. */
function statsItem(scene: Scene): string {
  const { reading, miner } = scene;
  const ideal = idealGhs(scene);
  const fields: Record<string, string | number | boolean> = {
    STATS: 0,
    ID: 'BDM0',
    Elapsed: reading.elapsedS,
    Model: miner.model.type,
    Firmware: miner.model.firmware,
    'Ctrl Board SN': `HFC${hexOf(miner)}`,
    MAC: macOf(miner, ':'),
    'Board Count': reading.boards.filter((board) => board.isPresent).length,
    'Fan Count': reading.fansRpm.length,
    'MHS(Rated)': whole(ideal),
    'PSU Input Power': reading.powerW,
    'Power Limit': miner.powerLimitW,
    'System Uptime': reading.uptimeS,
    'PM State': states[reading.state],
    'Error Code': '',
  };
  reading.boards.forEach((board, at) => {
    fields[`${at} Online`] = board.isPresent;
    fields[`${at} Chip Count`] = board.chips;
    fields[`${at} Bad Chip Count`] = 0;
    fields[`${at} SN`] = board.isPresent ? `HFB${hexOf(miner)}${at}` : '';
    fields[`${at} Freq`] = board.isPresent ? reading.frequencyMhz : 0;
    fields[`${at} Temp 0`] = board.pcbC === 0 ? 0 : board.pcbC - 6;
    fields[`${at} Temp 1`] = board.pcbC;
    fields[`${at} Temp 2`] = board.chipC;
    fields[`${at} MHS(Sample)`] = whole(board.ghs5s);
    fields[`${at} MHS(Ideal)`] = board.isPresent ? whole(ideal / reading.boards.length) : 0;
    fields[`${at} Tune Status`] = 'Done';
  });
  reading.fansRpm.forEach((rpm, at) => {
    fields[`${at} Speed`] = rpm;
  });
  return JSON.stringify(fields);
}

/** SealMiner A2, `bdminer`. */
export const sealminerReplies: Replies = {
  version: ({ miner: { model } }) =>
    listing(22, 'BDMiner versions', 'VERSION', [`{"BDMiner":"1.0.0","API":"3.7","Type":"${model.type}"}`]),
  summary: (scene) => listing(11, 'Summary', 'SUMMARY', [summaryMhs(scene, windowsOfMinutes)]),
  stats: (scene) => listing(70, 'BDMiner stats', 'STATS', [statsItem(scene)]),
  devdetails: ({ miner: { model } }) =>
    listing(69, 'Device Details', 'DEVDETAILS', [
      `{"DEVDETAILS":0,"Name":"BDM","ID":0,"Driver":"bdminer","Kernel":"","Model":"${model.type}","Device Path":""}`,
    ]),
  pools: (scene) => poolsReply(scene, 'instant'),
  coin: coinReply,
};
