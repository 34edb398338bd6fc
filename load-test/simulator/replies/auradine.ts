import { listing } from '../answer.js';
import { hexOf, hostOf, macOf, poolsReply, type Replies, type Scene } from './common.js';
import { summaryMhs, windowsOfMinutes } from './cgminer.js';

/** Sensors told per board; a board has more chips than that. */
const sensors = [0, 1, 2];

/** A list with an entry for each board, numbered from 1; 0 is the control board. */
const perBoard = (
  { reading }: Scene,
  fields: (board: Scene['reading']['boards'][number], at: number) => object,
): string[] =>
  reading.boards.flatMap((board, at) =>
    board.isPresent
      ? [JSON.stringify({ ID: at + 1, Name: `Hash Board ${at + 1}`, ...fields(board, at) })]
      : [],
  );

function devsItem(scene: Scene, at: number): string {
  const board = scene.reading.boards[at];
  return JSON.stringify({
    DEV: at + 1,
    ID: at + 1,
    Name: 'ASICBoard',
    Enabled: true,
    Status: 'Alive',
    'MHS 5s': (board?.ghs5s ?? 0) * 1000,
    Temperature: board?.pcbC ?? 0,
  });
}

function supplyItem({ reading: { powerW } }: Scene): string {
  return JSON.stringify({
    PowerIn: `${powerW.toFixed(2)}W`,
    PowerOut: `${(powerW * 0.94).toFixed(2)}W`,
    Vin: '229.00V',
    Iin: `${(powerW / 229).toFixed(2)}A`,
    Vout: '13.48V',
    FanSpeed1: '4052.00 RPM',
  });
}

function reportItem(scene: Scene): string {
  const { miner, reading } = scene;
  return JSON.stringify({
    command: 'ipreport',
    model: miner.model.type,
    version: miner.model.firmware,
    SerialNo: `HFA${hexOf(miner)}`,
    HBSerialNo: reading.boards.map((_, at) => `HFAB${hexOf(miner)}${at}`),
    hostname: hostOf(scene),
    ip: miner.address,
    mac: macOf(miner, ':'),
  });
}

/** Auradine Teraflux AT1500: cgminer's answers with numbers unrounded, and a command for each part. */
export const auradineReplies: Replies = {
  version: () => listing(22, 'GCMiner versions', 'VERSION', ['{"API":"1.0","GCMiner":"0.5"}']),
  summary: (scene) => listing(11, 'Summary', 'SUMMARY', [summaryMhs(scene, windowsOfMinutes)]),
  devs: (scene) =>
    listing(
      9,
      'Dev(s)',
      'DEVS',
      scene.reading.boards.flatMap((board, at) => (board.isPresent ? [devsItem(scene, at)] : [])),
    ),
  pools: (scene) => poolsReply(scene, 'instant'),
  temperature: (scene) =>
    listing(590, 'System temperature', 'Temperature', [
      JSON.stringify({
        ID: 0,
        Name: 'Control Board',
        BoardTemp: [{ ID: 0, Temperature: scene.reading.inletC }],
        ChipTemp: null,
      }),
      ...perBoard(scene, ({ pcbC, chipC }) => ({
        BoardTemp: sensors.map((ID) => ({ ID, Temperature: pcbC - ID * 2.5 })),
        ChipTemp: sensors.map((ID) => ({ ID, Temperature: chipC - ID * 1.125 })),
      })),
    ]),
  fan: ({ reading, miner }) =>
    listing(
      510,
      `Total fans: ${reading.fansRpm.length}`,
      'Fan',
      reading.fansRpm.map((Speed, at) => JSON.stringify({ ID: at + 1, Max: miner.model.maxRpm, Speed })),
    ),
  psu: (scene) => listing(570, 'PSU status', 'PSU', [supplyItem(scene)]),
  frequency: (scene) =>
    listing(
      640,
      'System frequency',
      'Frequency',
      perBoard(scene, () => ({
        ChipFrequency: sensors.map((ID) => ({ ID, Frequency: scene.reading.frequencyMhz + (ID - 1) * 2.5 })),
      })),
    ),
  voltage: (scene) =>
    listing(
      630,
      'System voltage',
      'Voltage',
      perBoard(scene, () => ({ ChipVoltage: sensors.map((ID) => ({ ID, Voltage: 0.242 + ID / 1000 })) })),
    ),
  asccount: ({ reading }) =>
    listing(104, 'ASC count', 'ASCCount', [
      JSON.stringify({
        AsicCount: reading.boards.reduce((sum, board) => sum + board.chips, 0),
        BoardCount: reading.boards.filter((board) => board.isPresent).length,
      }),
    ]),
  ipreport: (scene) => listing(620, 'IP Report', 'IPReport', [reportItem(scene)]),
  mode: ({ reading, miner }) =>
    listing(540, 'Operating mode', 'Mode', [
      JSON.stringify({
        Mode: 'custom',
        Power: miner.powerLimitW,
        Sleep: reading.state === 'sleeping' ? 'on' : 'off',
        Ths: miner.model.nominalGhs / 1000,
      }),
    ]),
};
