import type { FanSample } from '../../domain/telemetry.js';
import type { Family, ReadContext } from '../family.js';
import { toCount, toNumber, toTemperature } from '../numbers.js';
import type { JsonObject, Replies } from '../reply.js';
import { megahertz, positive } from './antminer-chains.js';
import { readNumberedFans } from './fans.js';
import { cleanMac, cleanModel, customFirmware } from './model-names.js';
import { readPools, sumShares } from './pools.js';
import { deriveState, emptyBoard, emptyReading, finish, withIdentity } from './reading.js';
import type { BoardReading, Reading } from './reading.js';
import { descriptions, largest, mean, own, row, rows, sum, textOf } from './records.js';
import { ratesOf, scaleTo, times } from './units.js';

/** Whatever speaks the cgminer API; always matches. */
export const generic: Family = {
  name: 'generic',
  transport: 'cgminer',
  port: null,
  commands: ['summary', 'devs', 'pools', 'stats'],
  identityCommands: ['version', 'devdetails'],
  mayJoin: true,
  request: (command) => JSON.stringify({ command }),
  matches: () => true,
  read,
};

function read(replies: Replies, context: ReadContext) {
  const summary = row(replies, ['summary'], 'SUMMARY');
  const told = ratesOf(summary);
  const listed = readBoards(replies, summary);
  const boardSum = sum(listed.map((board) => board.hashrateGhs));
  const hashrateGhs = told.nowGhs ?? told.averageGhs ?? boardSum;
  const factor = scaleTo(boardSum, hashrateGhs);
  const boards = listed.map((board) => ({ ...board, hashrateGhs: times(board.hashrateGhs, factor) }));
  const pools = readPools(replies);
  const acceptedShares = toCount(own(summary, 'Accepted')) ?? sumShares(pools, 'accepted');
  const uptimeS =
    toNumber(own(summary, 'Elapsed')) ??
    largest(devices(replies).map((it) => toNumber(own(it, 'Device Elapsed', 'Elapsed'))));
  const reading: Reading = {
    ...emptyReading,
    family: 'generic',
    identity: withIdentity(readIdentity(replies, summary), context),
    hashrateGhs,
    hashrate5sGhs: told.nowGhs,
    hashrateExpectedGhs: sum(
      devices(replies).map((it) => times(positive(toNumber(own(it, 'Nominal MHS'))), 1e-3)),
    ),
    boards,
    fans: readFans(replies, summary),
    pools,
    acceptedShares,
    rejectedShares: toCount(own(summary, 'Rejected')) ?? sumShares(pools, 'rejected'),
    hardwareErrors:
      toCount(own(summary, 'Hardware Errors')) ?? sum(boards.map((board) => board.hardwareErrors)),
    frequencyAvgMhz: mean(boards.map((board) => board.frequencyMhz)),
    uptimeS,
    ...readPower(replies),
    repairs: factor === 1 ? [] : [{ command: 'devs', kind: 'unit_scale', count: 1 }],
    state: deriveState({
      told: null,
      hashrateGhs,
      averageGhs: told.averageGhs,
      acceptedShares,
      uptimeS,
      neverHashed: 'stopped',
    }),
  };
  return finish(reading, replies, context);
}

/** Records of boards: `DEVS`, else entries of `stats` that have a rate or a chip count. */
function devices(replies: Replies): JsonObject[] {
  const listed = rows(replies, ['devs', 'edevs'], 'DEVS');
  if (listed.length > 0) return listed.slice(0, 64);
  const stats = ['STATS', 'STATS0', 'STATS1', 'STATS2', 'STATS3'].flatMap((name) => {
    const reply = replies.get('stats');
    return reply?.kind === 'ok' && own(reply.value, name) !== undefined ? rows(replies, ['stats'], name) : [];
  });
  return stats
    .filter((it) => own(it, 'MHS av', 'GHS av', 'Num chips', 'Chip Count') !== undefined)
    .slice(0, 64);
}

function readBoards(replies: Replies, summary: JsonObject): BoardReading[] {
  const sensors = rows(replies, ['temps'], 'TEMPS');
  return devices(replies).map((device, position) => {
    const index =
      toCount(own(device, 'ID')) ?? toCount(own(device, 'ASC', 'PGA', 'GPU', 'STATS')) ?? position;
    const sensor = sensors.find((it) => toCount(own(it, 'ID')) === index) ?? {};
    const rates = ratesOf(device);
    const chipTempC = toTemperature(own(sensor, 'Chip'));
    return {
      ...emptyBoard(index),
      hashrateGhs: rates.nowGhs ?? rates.averageGhs,
      boardTempC:
        toTemperature(own(sensor, 'Board')) ??
        toTemperature(own(device, 'Temperature', 'Temp Avg', 'Temp')) ??
        toTemperature(own(summary, `Temp${position + 1}`)),
      chipTempC,
      chipTempsC: chipTempC === null ? [] : [chipTempC],
      chipsOk: toCount(own(device, 'Num active chips', 'Effective Chips')),
      chipsTotal: positive(toCount(own(device, 'Num chips', 'Chip Count', 'Asics'))),
      frequencyMhz: megahertz(toNumber(own(device, 'Chip Frequency', 'Frequency', 'Device Freq', 'PLL'))),
      hardwareErrors: toCount(own(device, 'Hardware Errors')),
      serial: textOf(device, 'PCB SN', 'SerialNumber', 'Chain SN'),
    };
  });
}

/** Fans of `fans` (Braiins, LuxOS), `summary`, or `stats`, where each board may repeat the same ones. */
function readFans(replies: Replies, summary: JsonObject): FanSample[] {
  const listed = rows(replies, ['fans'], 'FANS').slice(0, 16);
  if (listed.length > 0) {
    const fans = listed.map((it, index) => ({
      index: toCount(own(it, 'ID')) ?? index,
      rpm: toNumber(own(it, 'RPM')),
    }));
    return fans.filter((fan) => fan.rpm !== 0);
  }
  const numbered = readNumberedFans(summary);
  if (numbered.length > 0) return numbered;
  const first = rows(replies, ['stats'], 'STATS')[0] ?? {};
  return [0, 1, 2, 3].flatMap((index) => {
    const rpm = toNumber(own(first, `Fan${index} rpm`, `Fan${index} Speed`, `Fan${index} speed`));
    return rpm === null ? [] : [{ index, rpm }];
  });
}

/** `power` of LuxOS; without a supply that measures, its own estimate. */
function readPower(replies: Replies) {
  const power = row(replies, ['power'], 'POWER');
  const isMeasured = own(power, 'PSU') === true;
  return {
    powerW: positive(toNumber(own(power, 'Watts'))),
    powerSource: isMeasured ? ('measured' as const) : ('estimated' as const),
  };
}

function readIdentity(replies: Replies, summary: JsonObject) {
  const version = row(replies, ['version'], 'VERSION');
  const details = row(replies, ['devdetails'], 'DEVDETAILS');
  const status = descriptions(replies).slice(0, 300);
  const engine = /^\s*([a-z]\w*(?:miner|os)\w*)[ -]v?(\d[\w.-]*)/im.exec(status);
  const custom = customFirmware(status);
  return {
    vendor: null,
    model: cleanModel(textOf(version, 'Type', 'Model', 'PROD')) ?? modelText(textOf(details, 'Model')),
    firmware: custom?.firmware ?? engine?.[1] ?? null,
    firmwareVersion: custom?.firmwareVersion ?? engine?.[2] ?? null,
    mac: cleanMac(textOf(version, 'MAC') ?? textOf(summary, 'macaddress', 'MAC')),
    serial: null,
  };
}

function modelText(text: string | null): string | null {
  return text === null || /^\d+$/.test(text) ? null : text;
}
