import type { Family } from '../family.js';
import { toNumber } from '../numbers.js';
import type { JsonObject, Replies } from '../reply.js';
import { positive } from './antminer-chains.js';
import { genericSources } from './field-sources.js';
import { boardRecords, readFans, statsRecords, toBoard } from './generic-boards.js';
import { deviceUptimeS, readLayout, type Layout } from './generic-reading.js';
import { makerOf } from './generic-vendors.js';
import { cleanMac, cleanModel, customFirmware } from './model-names.js';
import { readTemperatures } from './temperatures.js';
import { descriptions, own, row, rows, textOf } from './records.js';
import { readJsonStats } from './spondoolies.js';
import { ratesOf } from './units.js';

/** Whatever speaks the cgminer API; always matches. */
export const generic: Family = {
  name: 'generic',
  transport: 'cgminer',
  port: null,
  commands: ['summary', 'devs', 'pools', 'stats'],
  identityCommands: ['version', 'devdetails'],
  mayJoin: true,
  request: (command) => JSON.stringify({ command }),
  sources: genericSources,
  matches: () => true,
  read: (replies, context) => readLayout('generic', layoutOf(replies), replies, context),
};

function layoutOf(replies: Replies): Layout {
  const summary = row(replies, ['summary'], 'SUMMARY');
  const identity = readIdentity(replies, summary);
  for (const record of statsRecords(replies)) {
    const told = readJsonStats(record);
    if (told !== null) return { ...told, identity, uptimeS: toNumber(own(record, 'Elapsed')) };
  }
  const devices = boardRecords(replies);
  const sensors = rows(replies, ['temps'], 'TEMPS');
  const boards = devices.map((device, position) => {
    const board = toBoard(device, position, summary);
    const sensor = sensors.find((it) => toNumber(own(it, 'ID')) === board.index);
    return sensor === undefined ? board : withSensor(board, sensor);
  });
  const first = statsRecords(replies)[0] ?? {};
  const totals = Object.keys(first).some((key) => /^CH\d+$/.test(key))
    ? [ratesOf(first)]
    : devices.map(ratesOf);
  return {
    boards,
    boardRates: totals,
    fans: readFans(replies, summary),
    identity,
    uptimeS: deviceUptimeS(devices) ?? toNumber(own(first, 'Elapsed')),
    ...readPower(replies),
  };
}

/** `temps` of Braiins and LuxOS. */
function withSensor(board: Layout['boards'][number], sensor: JsonObject) {
  const [boardTempsC, chipTempsC] = [
    readTemperatures(own(sensor, 'Board')),
    readTemperatures(own(sensor, 'Chip')),
  ];
  return {
    ...board,
    ...(boardTempsC.length === 0 ? {} : { boardTempC: boardTempsC[0] ?? null, boardTempsC }),
    ...(chipTempsC.length === 0 ? {} : { chipTempC: chipTempsC[0] ?? null, chipTempsC }),
  };
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
  const engine = /^\s*([a-z]\w*(?:miner|os)\w*)[ -](?:[a-z]\d+\w*-)?v?(\d[\w.-]*)/im.exec(status);
  const custom = customFirmware(status);
  const maker = makerOf(replies);
  return {
    vendor: maker.vendor,
    model:
      cleanModel(textOf(version, 'Type', 'Model', 'PROD')) ??
      maker.model ??
      modelText(textOf(details, 'Model')),
    firmware: custom?.firmware ?? engine?.[1] ?? null,
    firmwareVersion: custom?.firmwareVersion ?? engine?.[2] ?? null,
    mac: cleanMac(textOf(version, 'MAC') ?? textOf(summary, 'macaddress', 'MAC', 'mac', 'Netid')),
    serial: textOf(version, 'SerialNumber', 'SN') ?? textOf(summary, 'SerialNumber'),
  };
}

function modelText(text: string | null): string | null {
  return text === null || /^\d+$/.test(text) ? null : text;
}
