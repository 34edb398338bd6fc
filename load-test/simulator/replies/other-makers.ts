import { listing } from '../answer.js';
import { mix } from '../random.js';
import { cgminerReplies, deviceItem, summaryMhs, windowsOfMinutes } from './cgminer.js';
import { f2, hexOf, macOf, mhs, poolsReply, rawReply, share, type Replies, type Scene } from './common.js';

/** Records of `devs`, one a board, with fields of the maker behind cgminer's. */
const devices =
  (more: (scene: Scene, at: number) => string) =>
  (scene: Scene): ReturnType<typeof listing> =>
    listing(
      9,
      `${scene.reading.boards.length} ASC(s)`,
      'DEVS',
      scene.reading.boards.map(
        (_, at) => deviceItem(scene, at, scene.miner.model.build).slice(0, -1) + `${more(scene, at)}}`,
      ),
    );

/** A SUMMARY with fields of the maker behind cgminer's. */
const summary =
  (more: (scene: Scene) => string) =>
  (scene: Scene): ReturnType<typeof listing> =>
    listing(11, 'Summary', 'SUMMARY', [summaryMhs(scene, windowsOfMinutes).slice(0, -1) + `${more(scene)}}`]);

/** Records of `stats`, one a board. */
const boardStats =
  (id: string, fields: (scene: Scene, at: number) => string) =>
  (scene: Scene): ReturnType<typeof listing> =>
    listing(
      70,
      'CGMiner stats',
      'STATS',
      scene.reading.boards.map(
        (_, at) =>
          `{"STATS":${at},"ID":"${id}${at}","Elapsed":${scene.reading.elapsedS},"Calls":0,"Wait":0.000000,"Max":0.000000,"Min":99999999.000000,${fields(scene, at)}}`,
      ),
    );

const devdetails = (scene: Scene): ReturnType<typeof listing> =>
  listing(
    69,
    'Device Details',
    'DEVDETAILS',
    scene.reading.boards.map(
      (_, at) =>
        `{"DEVDETAILS":${at},"Name":"${scene.miner.model.build}","ID":${at},"Driver":"${scene.miner.model.build}","Kernel":"","Model":"${at}","Device Path":""}`,
    ),
  );

const base: Replies = { ...cgminerReplies, devdetails };

function chipFields(scene: Scene, at: number): string {
  const board = scene.reading.boards[at];
  const chips = board?.chips ?? 0;
  return `"Num chips":${scene.miner.model.chipsPerBoard},"Num active chips":${chips},"Temp max":${f2(board?.chipC ?? 0)},"Temp min":${f2((board?.chipC ?? 0) - 14)}`;
}

const boardRate = (scene: Scene, at: number): string => mhs(scene.reading.boards[at]?.ghs ?? 0);

/** Innosilicon T3: the software names the machine, `stats` the boards; fans as a duty only. */
export const innosiliconReplies: Replies = {
  ...base,
  devs: devices(() => ''),
  stats: boardStats(
    'HLT',
    (scene, at) =>
      `"Chain ID":${at},${chipFields(scene, at)},"Fan duty":${scene.reading.fanPct},"Voltage Avg":${410 + at},"PLL":${scene.reading.frequencyMhz},` +
      `"MHS av":${boardRate(scene, at)},"Disabled":false,"Temp":${f2(scene.reading.boards[at]?.pcbC ?? 0)}`,
  ),
};

/** Baikal X10, sgminer: the boards in `devs` and nothing else. */
export const baikalReplies: Replies = {
  summary: summary(() => ''),
  version: ({ miner: { model } }) =>
    listing(22, 'SGMiner versions', 'VERSION', [
      `{"Miner":"sgminer ${model.firmware}","SGMiner":"${model.firmware}","API":"4.0"}`,
    ]),
  devs: devices(() => ',"No Device":false'),
  pools: (scene) => poolsReply(scene, 'instant'),
};

const stamp = (seconds: number): string => new Date(seconds * 1000).toUTCString().slice(0, -4);

/** StrongU STU-U6: volts and clock in `devs`, fans in `summary`, and a newline left in the time of a share. */
export const stronguReplies: Replies = {
  ...base,
  summary: summary(
    ({ reading }) =>
      `,"Miner type":"dash","Fan Num":${reading.fansRpm.length},${reading.fansRpm.map((rpm, at) => `"Fan${at + 1}":${rpm}`).join(',')}`,
  ),
  devs: devices(({ reading }) => `,"volt":10.600,"Frequency":${reading.frequencyMhz}`),
  stats: boardStats('UX', () => '"USB Pipe":"0"'),
  pools: (scene) => {
    const pools = poolsReply(scene, 'instant');
    if (pools.kind !== 'sections') return pools;
    const time = `"Last Share Time":"${stamp(scene.whenS - 7)}\n"`;
    return { ...pools, items: pools.items.map((item) => item.replace(/"Last Share Time":\d+/, time)) };
  },
};

/** CheetahMiner: the boards are named after the machine. */
export const cheetahReplies: Replies = {
  ...base,
  devs: devices(() => ''),
  stats: boardStats('CHT', (scene) => `"frequency":${scene.reading.frequencyMhz}`),
};

/** HonorKnight: every chip of every board in `stats`, tens of kB of it. */
export const honorknightReplies: Replies = {
  ...base,
  devs: devices(() => ''),
  edevs: devices(() => ''),
  stats: boardStats('IT1', (scene, at) => {
    const { reading } = scene;
    const board = reading.boards[at];
    let text =
      `"Chain ID":${at},${chipFields(scene, at)},"Num cores":${(board?.chips ?? 0) * 32},"Fan duty":${reading.fanPct},"Fan0 rpm":${reading.fansRpm[0] ?? 0},` +
      `"Fan1 rpm":${reading.fansRpm[1] ?? 0},"PLL":${reading.frequencyMhz},"Voltage Avg":404.000000,"MHS av":${boardRate(scene, at)},"Temp":${f2(board?.pcbC ?? 0)}`;
    for (let chip = 0; chip < (board?.chips ?? 0); chip++) {
      const name = String(chip).padStart(2, '0');
      text += `,"${name} HW errors":0,"${name} Nonces found":${220 + (mix(at, chip) % 60)},"${name} Temp":${(board?.chipC ?? 0) - (mix(at, chip) % 14)},"${name} nVol":${388 + (mix(chip, at) % 9)}`;
    }
    return text;
  }),
};

/** iBeLink BM-N1Max: boards as PGAs, their temperatures in `summary`. */
export const ibelinkReplies: Replies = {
  ...base,
  summary: summary(
    ({ reading, miner }) =>
      `,${reading.boards.map((board, at) => `"Temp${at + 1}":${f2(board.pcbC)}`).join(',')},"Temp4":0.00,"PLL":${reading.frequencyMhz},"PWM":2520,` +
      `"VOLTAGE":135,"Power Type":"QianBen3600","macaddress":"${macOf(miner, '')}"`,
  ),
  devs: (scene) => {
    const { reading, miner } = scene;
    const items = reading.boards.map(
      (board, at) =>
        `{"PGA":${at},"PLL":${reading.frequencyMhz},"CurPool":0,"Asics":${board.chips},"Temperature":0.00,"Name":"${miner.model.type}","ID":${at},` +
        `"Enabled":"${reading.state === 'sleeping' ? 'N' : 'Y'}","Status":"${board.isPresent ? 'Alive' : 'Dead'}","MHS av":${mhs(board.ghs)},"MHS 5s":${mhs(board.ghs5s)},` +
        `"Accepted":${share(scene.accepted, at, reading.boards.length)},"Rejected":${share(scene.rejected, at, reading.boards.length)},"Hardware Errors":${board.hardwareErrors},` +
        `"Frequency":0.00,"Device Elapsed":${reading.elapsedS},"Chain SN":"HFN${hexOf(miner)}${at}"}`,
    );
    return listing(9, ` - ${items.length} PGA(s) - `, 'DEVS', items);
  },
  stats: boardStats('N1', () => '"USB Pipe":"0"'),
};

/** Spondoolies SPx36: boards and fans as JSON inside a string of `stats`. */
export const spondooliesReplies: Replies = {
  summary: summary(() => ''),
  version: cgminerReplies['version'] ?? (() => rawReply({})),
  pools: (scene) => poolsReply(scene, 'instant'),
  config: cgminerReplies['config'] ?? (() => rawReply({})),
  stats: (scene) => {
    const { reading } = scene;
    const boards = reading.boards.flatMap((board, at) =>
      board.isPresent ? [[at === 0 ? 'top-board' : 'bottom-board', jsonBoard(scene, at)] as const] : [],
    );
    const told = JSON.stringify({
      ...Object.fromEntries(boards),
      'fan-speeds': reading.fansRpm,
      'fan-percent': reading.fanPct,
    });
    return listing(70, 'CGMiner stats', 'STATS', [
      `{"STATS":0,"ID":"SP360","Elapsed":${reading.elapsedS},"Calls":0,"json-stats":${JSON.stringify(told)}}`,
    ]);
  },
};

function jsonBoard({ reading }: Scene, at: number) {
  const board = reading.boards[at];
  return {
    power: share(reading.powerW, at, reading.boards.length),
    'reported-hashrate': Math.round((board?.ghs ?? 0) * 1000),
    'min-temp': (board?.chipC ?? 0) - 30,
    'max-temp': board?.chipC ?? 0,
    'front-temp': (board?.pcbC ?? 0) - 9,
    'rear-temp': board?.pcbC ?? 0,
    'working-asics': board?.chips ?? 0,
  };
}
