import type { MinerState } from '../../domain/telemetry.js';
import type { Family } from '../family.js';
import { toCount, toNumber } from '../numbers.js';
import type { JsonObject, Replies } from '../reply.js';
import { positive } from './antminer-chains.js';
import { auradineSources } from './field-sources.js';
import { readLayout, type Layout } from './generic-reading.js';
import { cleanMac } from './model-names.js';
import { emptyBoard, type BoardReading } from './reading.js';
import { descriptions, largest, mean, own, row, rows, textOf, toRows } from './records.js';
import { readTemperatures } from './temperatures.js';
import { presentGhs, ratesOf, times } from './units.js';

/** Auradine's Teraflux (`GCMiner`, FluxOS) on 4028: cgminer's answers, and a command for each part. */
export const auradine: Family = {
  name: 'auradine',
  transport: 'cgminer',
  port: null,
  commands: ['summary', 'devs', 'pools', 'temperature', 'fan', 'psu', 'frequency'],
  identityCommands: ['version', 'ipreport', 'asccount', 'voltage'],
  mayJoin: false,
  request: (command) => JSON.stringify({ command }),
  sources: auradineSources,
  followUp: (replies) => {
    const now = presentGhs(ratesOf(row(replies, ['summary'], 'SUMMARY')));
    return now !== null && now > 0 ? [] : ['mode'];
  },
  matches: (replies) =>
    /gcminer|fluxos/i.test(descriptions(replies)) ||
    own(row(replies, ['version'], 'VERSION'), 'GCMiner') !== undefined,
  read: (replies, context) => readLayout('auradine', layoutOf(replies), replies, context),
};

function layoutOf(replies: Replies): Layout {
  const mode = row(replies, ['mode'], 'Mode');
  const devices = rows(replies, ['devs'], 'DEVS').slice(0, 16);
  const supplies = rows(replies, ['psu'], 'PSU').slice(0, 16);
  const watts = supplies.map((it) => positive(toNumber(own(it, 'PowerIn')))).filter((it) => it !== null);
  return {
    boards: devices.map((device, position) => toBoard(replies, device, position)),
    boardRates: devices.map(ratesOf),
    fans: rows(replies, ['fan'], 'Fan')
      .slice(0, 16)
      .map((fan, at) => ({ index: toCount(own(fan, 'ID')) ?? at, rpm: toNumber(own(fan, 'Speed')) })),
    identity: readIdentity(replies),
    powerW: watts.length === 0 ? null : watts.reduce((a, b) => a + b, 0),
    powerSource: 'measured',
    nominalGhs: times(positive(toNumber(own(mode, 'Ths'))), 1e3),
    idleState: toldState(mode),
  };
}

/** Boards are numbered from 1; 0 is the control board. */
function toBoard(replies: Replies, device: JsonObject, position: number): BoardReading {
  const id = toCount(own(device, 'ID', 'DEV')) ?? position + 1;
  const part = (command: string, name: string) =>
    rows(replies, [command], name).find((it) => toCount(own(it, 'ID')) === id) ?? {};
  const heat = part('temperature', 'Temperature');
  const boardTempsC = readTemperatures(readings(heat, 'BoardTemp', 'Temperature'));
  const chipTempsC = readTemperatures(readings(heat, 'ChipTemp', 'Temperature'));
  const clocks = readings(part('frequency', 'Frequency'), 'ChipFrequency', 'Frequency');
  const volts = readings(part('voltage', 'Voltage'), 'ChipVoltage', 'Voltage');
  const counts = row(replies, ['asccount'], 'ASCCount');
  const perBoard = (toCount(own(counts, 'AsicCount')) ?? 0) / (toCount(own(counts, 'BoardCount')) ?? 0);
  const serials = own(row(replies, ['ipreport'], 'IPReport'), 'HBSerialNo');
  const serial = Array.isArray(serials) ? serials[position] : null;
  return {
    ...emptyBoard(id),
    hashrateGhs: presentGhs(ratesOf(device)),
    boardTempC: largest([...boardTempsC, ...readTemperatures(own(device, 'Temperature'))]),
    boardTempsC,
    chipTempC: largest(chipTempsC),
    chipTempsC,
    chipsOk: Number.isFinite(perBoard) && perBoard > 0 ? Math.round(perBoard) : null,
    frequencyMhz: positive(mean(clocks.map(toNumber))),
    voltageMv: times(positive(mean(volts.map(toNumber))), 1e3),
    hardwareErrors: toCount(own(device, 'Hardware Errors')),
    serial: typeof serial === 'string' ? serial.slice(0, 256) : null,
  };
}

function readings(record: JsonObject, list: string, name: string) {
  return toRows(own(record, list))
    .slice(0, 512)
    .map((it) => own(it, name) ?? null);
}

function toldState(mode: JsonObject): MinerState | null {
  return /^(?:on|true)$/i.test(textOf(mode, 'Sleep') ?? '') ? 'sleeping' : null;
}

function readIdentity(replies: Replies) {
  const report = row(replies, ['ipreport'], 'IPReport');
  const build = /(?:FluxOS|GCMiner)-(\d[\w.-]*?)(?:-[\da-f]{8,})?$/im.exec(descriptions(replies))?.[1];
  return {
    vendor: 'Auradine',
    model: textOf(report, 'model'),
    firmware: 'FluxOS',
    firmwareVersion: textOf(report, 'version') ?? build ?? null,
    mac: cleanMac(textOf(report, 'mac')),
    serial: textOf(report, 'SerialNo', 'ChassisSerialNo'),
  };
}
