import { listing, type Answer } from '../answer.js';
import { lostBoard } from '../reading.js';
import { f2, f4, macOf, mhs, poolsReply, share, summaryTail, type Replies, type Scene } from './common.js';

/** The bare-object answers of btminer API 2: `STATUS` is a letter, `Msg` a text or an object. */
export function btminerAnswer(scene: Scene, letter: 'S' | 'E', code: number, message: string): Answer {
  const json = `{"STATUS":"${letter}","When":${scene.whenS},"Code":${code},"Msg":${message},"Description":"whatsminer v${scene.miner.model.build}"}`;
  return { kind: 'raw', json, text: json };
}

function deviceItem(scene: Scene, index: number): string {
  const { reading, miner } = scene;
  const board = reading.boards[index];
  const ghs = board?.ghs ?? 0;
  const accepted = share(scene.accepted, index, reading.boards.length);
  const isReady = reading.state === 'mining' ? 1 : 0;
  const serial = `HFM${miner.key.toString(16).toUpperCase().padStart(8, '0')}K${index}`;
  return (
    `{"ASC":${index},"Name":"SM","ID":${index},"Slot":${index},"Enabled":"Y","Status":"Alive","Temperature":${f2(board?.pcbC ?? 0)},"Chip Frequency":${reading.frequencyMhz},` +
    `"Fan Speed In":${reading.fansRpm[0] ?? 0},"Fan Speed Out":${reading.fansRpm[1] ?? 0},"MHS av":${mhs(ghs)},"MHS 5s":${mhs(board?.ghs5s ?? 0)},"MHS 1m":${mhs(ghs)},` +
    `"MHS 5m":${mhs(ghs)},"MHS 15m":${mhs(ghs)},"HS Factory":${f2(miner.model.nominalGhs / miner.model.boards)},"Accepted":${accepted},` +
    `"Rejected":${share(scene.rejected, index, reading.boards.length)},"Hardware Errors":${board?.hardwareErrors ?? 0},"Utility":${f2((accepted / Math.max(1, reading.elapsedS)) * 60)},` +
    `"Last Share Pool":0,"Last Share Time":${scene.whenS - 7},"Total MH":${f4(ghs * 1000 * reading.elapsedS)},"Device Elapsed":${reading.elapsedS},"Upfreq Complete":${isReady},` +
    `"Effective Chips":${board?.chips ?? 0},"PCB SN":"${serial}","Chip Data":"HPND05-20101912 BINV01-195001C","Chip Temp Min":${f2((board?.chipC ?? 0) - 14)},` +
    `"Chip Temp Max":${f2(board?.chipC ?? 0)},"Chip Temp Avg":${f2((board?.chipC ?? 0) - 6)},"chip_vol_diff":11}`
  );
}

/** A board that is gone is missing from the list. */
function devices(scene: Scene): Answer {
  const items = scene.reading.boards.flatMap((board, index) =>
    board.isPresent ? [deviceItem(scene, index)] : [],
  );
  return listing(9, `${items.length} ASC(s)`, 'DEVS', items);
}

const modeNames = { low: 'Low', normal: 'Normal', high: 'High' } as const;

function summaryItem(scene: Scene): string {
  const { reading, miner } = scene;
  const present = reading.boards.filter((board) => board.isPresent);
  const hottestC = Math.max(0, ...present.map((board) => board.chipC));
  const codes = errorCodes(scene);
  const boardC = present.reduce((sum, board) => sum + board.pcbC, 0) / Math.max(1, present.length);
  return (
    `{"Elapsed":${reading.elapsedS},"MHS av":${mhs(reading.ghs)},"MHS 5s":${mhs(reading.ghs5s)},"MHS 1m":${mhs(reading.ghs)},"MHS 5m":${mhs(reading.ghs)},` +
    `"MHS 15m":${mhs(reading.ghs)},"HS RT":${mhs(reading.ghs)},${summaryTail(scene)},"Temperature":${f2(boardC)},"freq_avg":${reading.frequencyMhz},` +
    `"Fan Speed In":${reading.fansRpm[0] ?? 0},"Fan Speed Out":${reading.fansRpm[1] ?? 0},"Voltage":1330,"Power":${reading.powerW},"Power_RT":${reading.powerW},` +
    `"Power Rate":${f2(reading.ghs5s > 0 ? reading.powerW / (reading.ghs5s / 1000) : 0)},"Power Fanspeed":6480,"Factory GHS":${miner.model.nominalGhs},` +
    `"Power Mode":"${modeNames[miner.powerMode]}","Power Limit":${miner.powerLimitW},"Chip Temp Min":${f2(hottestC - 14)},"Chip Temp Max":${f2(hottestC)},` +
    `"Chip Temp Avg":${f2(hottestC - 6)},"Target Freq":${reading.frequencyMhz},"Target MHS":${miner.model.nominalGhs * 1000},"Env Temp":${f2(reading.inletC)},` +
    `"Error Code Count":${codes.length},${codes.map((code, i) => `"Error Code ${i}":${code},`).join('')}"Factory Error Code Count":0,"Hash Stable":${reading.state === 'mining'},` +
    `"Upfreq Complete":${reading.state === 'mining' ? 1 : 0},"Uptime":${reading.uptimeS},"Security Mode":0,"Liquid Cooling":false,"Btminer Fast Boot":"disable",` +
    `"MAC":"${macOf(miner, ':').toUpperCase()}","Firmware Version":"'${miner.model.firmware}'"}`
  );
}

/** Codes as WhatsMiner numbers them: 110 intake fan, 350 and up temperature, 530 and up missing board. */
export function errorCodes({ miner }: Scene): number[] {
  const kind = miner.fault?.kind;
  if (kind === 'fan_failed') return [110];
  if (kind === 'hot') return [350];
  return kind === 'board_lost' ? [530 + lostBoard(miner.key, miner.model)] : [];
}

/** Local time as btminer writes it. */
export const stamp = (seconds: number): string =>
  new Date(seconds * 1000).toISOString().slice(0, 19).replace('T', ' ');

/** While btminer is off everything that asks the mining process fails; `status` says why. */
const running =
  (reply: (scene: Scene) => Answer) =>
  (scene: Scene): Answer =>
    scene.reading.state === 'sleeping'
      ? btminerAnswer(scene, 'E', 132, '"btminer process is down err"')
      : reply(scene);

/** Whatsminer M30S+ and M50S, API 2.0.x. */
export const whatsminerReplies: Replies = {
  summary: running((scene) => listing(11, 'Summary', 'SUMMARY', [summaryItem(scene)])),
  devs: running(devices),
  edevs: running(devices),
  pools: running((scene) => poolsReply(scene, 'instant', 1)),
  devdetails: running((scene) =>
    listing(
      69,
      'Device Details',
      'DEVDETAILS',
      scene.reading.boards.map(
        (_, index) =>
          `{"DEVDETAILS":${index},"Name":"SM","ID":${index},"Driver":"bitmicro","Kernel":"","Model":"${scene.miner.model.type}"}`,
      ),
    ),
  ),
  get_version: (scene) =>
    btminerAnswer(
      scene,
      'S',
      131,
      `{"api_ver":"${scene.miner.model.build}","fw_ver":"${scene.miner.model.firmware}","platform":"H616","chip":"K5"}`,
    ),
  get_psu: (scene) =>
    btminerAnswer(
      scene,
      'S',
      131,
      `{"name":"P222B","hw_version":"V02","sw_version":"230208.220429","model":"P222B","iin":"${Math.round((scene.reading.powerW / 224) * 1000)}",` +
        `"vin":"22400","pin":"${scene.reading.powerW}","fan_speed":"6480","version":"-1","serial_no":"PSU${scene.miner.key.toString(16).toUpperCase()}","vendor":"7"}`,
    ),
  get_miner_info: (scene) =>
    btminerAnswer(
      scene,
      'S',
      131,
      `{"ip":"${scene.miner.address}","proto":"dhcp","netmask":"255.255.0.0","dns":"127.0.0.1","mac":"${macOf(scene.miner, ':').toUpperCase()}",` +
        `"ledstat":"auto","hostname":"WhatsMiner","minersn":"HF${scene.miner.key.toString(16).toUpperCase()}"}`,
    ),
  get_error_code: (scene) =>
    btminerAnswer(
      scene,
      'S',
      131,
      `{"error_code":[${errorCodes(scene)
        .map((code) => `{"${code}":"${stamp(scene.whenS - 600)}"}`)
        .join(',')}]}`,
    ),
  status: (scene) =>
    btminerAnswer(
      scene,
      'S',
      131,
      `{"btmineroff":"${scene.reading.state === 'sleeping'}","Firmware Version":"'${scene.miner.model.firmware}'","power_mode":"${scene.miner.powerMode}",` +
        `"power_limit_set":"${scene.miner.powerLimitW}","hash_percent":"0"}`,
    ),
};

/** Whatsminer M20S, API 1: errors in `summary` alone, and less in `status`. */
export const whatsminerV1Replies: Replies = {
  ...Object.fromEntries(
    Object.entries(whatsminerReplies).filter(([command]) => command !== 'get_error_code'),
  ),
  status: (scene) =>
    btminerAnswer(
      scene,
      'S',
      131,
      `{"btmineroff":"${scene.reading.state === 'sleeping'}","Firmware Version":"'${scene.miner.model.firmware}'"}`,
    ),
};
