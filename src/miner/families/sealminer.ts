import type { DeviceError, MinerState } from '../../domain/telemetry.js';
import type { Family } from '../family.js';
import { toCount, toNumber, toTemperature } from '../numbers.js';
import type { JsonObject, Replies } from '../reply.js';
import { megahertz, positive } from './antminer-chains.js';
import { sealminerSources } from './field-sources.js';
import { readLayout, type Layout } from './generic-reading.js';
import { cleanMac } from './model-names.js';
import { emptyBoard, type BoardReading } from './reading.js';
import { descriptions, largest, own, row, textOf } from './records.js';
import { times } from './units.js';

const maxBoards = 16;

/**
 * Bitdeer's SealMiner (`bdminer`): one flat record in `stats` with a board's number in front of each of
 * its names (`0 Temp 0`, `0 MHS(Sample)`); rates in MH/s.
 */
export const sealminer: Family = {
  name: 'sealminer',
  transport: 'cgminer',
  port: null,
  commands: ['summary', 'stats', 'pools'],
  identityCommands: ['version', 'devdetails'],
  mayJoin: true,
  request: (command) => JSON.stringify({ command }),
  sources: sealminerSources,
  matches,
  read: (replies, context) => readLayout('sealminer', layoutOf(replies), replies, context),
};

function matches(replies: Replies): boolean {
  if (/bdminer|sealminer/i.test(descriptions(replies))) return true;
  const version = row(replies, ['version'], 'VERSION');
  if (Object.keys(version).some((key) => /^(?:bdminer|sealminer)/i.test(key))) return true;
  const stats = row(replies, ['stats'], 'STATS');
  return own(stats, '0 MHS(Sample)', '0 MHS(Ideal)', '0 Bad Chip Count') !== undefined;
}

function layoutOf(replies: Replies): Layout {
  const stats = row(replies, ['stats'], 'STATS');
  return {
    isSteady: true,
    boards: Array.from({ length: maxBoards }, (_, at) => toBoard(stats, at)).filter(
      (board) => board !== null,
    ),
    fans: readFans(stats),
    identity: readIdentity(replies, stats),
    powerW: positive(toNumber(own(stats, 'PSU Input Power'))),
    powerSource: 'measured',
    nominalGhs: times(positive(toNumber(own(stats, 'MHS(Rated)', 'MHS(Ideal)'))), 1e-3),
    uptimeS: toNumber(own(stats, 'Elapsed', 'System Uptime')),
    deviceErrors: readErrors(stats),
    idleState: idleState(stats),
  };
}

/** Null for a slot without a board. */
function toBoard(stats: JsonObject, at: number): BoardReading | null {
  const of = (name: string) => own(stats, `${at} ${name}`);
  const total = toCount(of('Chip Count'));
  if ((total ?? 0) === 0 && of('MHS(Sample)') === undefined && of('Temp 0') === undefined) return null;
  if (of('Online') === false && (total ?? 0) === 0) return null;
  const bad = toCount(of('Bad Chip Count'));
  const temps = [0, 1, 2, 3, 4, 5, 6, 7].map((sensor) => toTemperature(of(`Temp ${sensor}`)));
  const boardTempsC = temps.filter((temp) => temp !== null);
  return {
    ...emptyBoard(at),
    hashrateGhs: times(toNumber(of('MHS(Sample)')) ?? toNumber(of('MHS av')), 1e-3),
    nominalGhs: times(positive(toNumber(of('MHS(Ideal)'))), 1e-3),
    boardTempC: largest(boardTempsC),
    boardTempsC,
    chipsOk: total === null || bad === null ? null : Math.max(0, total - bad),
    chipsTotal: positive(total),
    frequencyMhz: megahertz(toNumber(of('Freq'))),
    serial: typeof of('SN') === 'string' ? textOf(stats, `${at} SN`) : null,
  };
}

function readFans(stats: JsonObject) {
  const count = Math.min(toCount(own(stats, 'Fan Count')) ?? 8, 16);
  return Array.from({ length: count }, (_, index) => ({
    index,
    rpm: toNumber(own(stats, `${index} Speed`, `${index} Fan Speed`)),
  })).filter((fan) => fan.rpm !== null);
}

function readErrors(stats: JsonObject): DeviceError[] {
  const code = textOf(stats, 'Error Code');
  return code === null || /^(?:0|0x0+|none|ok)$/i.test(code) ? [] : [{ code, text: '' }];
}

/** `PM State` is `Running` while it works or should. */
function idleState(stats: JsonObject): MinerState | null {
  const state = textOf(stats, 'PM State') ?? '';
  if (/suspend|sleep|pause|idle|standby/i.test(state)) return 'sleeping';
  if (/over-?heat|over-?temp/i.test(state)) return 'overheated';
  if (/init|start|tun|boot/i.test(state)) return 'starting';
  return toCount(own(stats, 'Board Count')) === 0 ? 'no_boards' : null;
}

function readIdentity(replies: Replies, stats: JsonObject) {
  const details = row(replies, ['devdetails'], 'DEVDETAILS');
  const version = row(replies, ['version'], 'VERSION');
  return {
    vendor: 'Bitdeer',
    model: textOf(stats, 'Model') ?? textOf(version, 'Type', 'Model') ?? textOf(details, 'Model'),
    firmware: 'bdminer',
    firmwareVersion: textOf(stats, 'Firmware') ?? textOf(version, 'bdminer', 'BDMiner', 'CGMiner'),
    mac: cleanMac(textOf(stats, 'MAC')),
    serial: textOf(stats, 'Ctrl Board SN'),
  };
}
