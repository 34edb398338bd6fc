import type { FanSample, MinerState, PowerSource } from '../../domain/telemetry.js';
import type { Family, ReadContext } from '../family.js';
import { toCount, toNumber, toTemperature } from '../numbers.js';
import type { JsonObject, Replies, Reply } from '../reply.js';
import { positive } from './antminer-chains.js';
import { whatsminerSources } from './field-sources.js';
import { cleanMac, cleanVersion } from './model-names.js';
import { readPools, sumShares } from './pools.js';
import { deriveState, emptyBoard, emptyReading, finish, startupS, withIdentity } from './reading.js';
import { scaleBoards } from './reading.js';
import type { BoardReading, Reading } from './reading.js';
import { isObject } from '../reply-status.js';
import { descriptions, largest, mean, own, row, rows, sum, textOf } from './records.js';
import { ratesOf, scaleTo, scaleToNominal, steadyGhs, times } from './units.js';
import { errorCodesOf, readErrors } from './whatsminer-errors.js';
import { stateOfErrors, stateOfRefusal } from './whatsminer-states.js';

/** MicroBT's btminer and the cgminer 4.9.2 before it; port 4028, API v1 and v2. */
export const whatsminer: Family = {
  name: 'whatsminer',
  transport: 'cgminer',
  port: null,
  commands: ['summary', 'pools', 'edevs'],
  identityCommands: ['get_version', 'devdetails', 'get_miner_info', 'status', 'get_error_code'],
  mayJoin: true,
  // Firmware before 2020 reads `command`, later also or only `cmd`; each ignores the other key.
  request: (command) => JSON.stringify({ cmd: command, command }),
  followUp,
  sources: whatsminerSources,
  matches,
  read,
};

/**
 * Sleep is told by `status` alone, and from API 2.0.5 on errors by `get_error_code` alone: `status` is
 * asked of a machine that does not hash, the errors where `summary` does not count them.
 */
function followUp(replies: Replies): readonly string[] {
  const summary = row(replies, ['summary'], 'SUMMARY');
  const isHashing = (toNumber(own(summary, 'HS RT', 'MHS 1m', 'MHS av')) ?? 0) > 0;
  const hasErrors = own(summary, 'Error Code Count', 'Error Code 0') !== undefined;
  return [...(isHashing ? [] : ['status']), ...(hasErrors ? [] : ['get_error_code'])];
}

const boardCommands = ['edevs', 'devs'];

function matches(replies: Replies): boolean {
  if (/whatsminer|btminer|bitmicro/i.test(descriptions(replies))) return true;
  if ([...replies.values()].some(hasLetterStatus)) return true;
  if (messageOf(replies, 'version', 'get_version').some((it) => own(it, 'api_ver', 'fw_ver') !== undefined))
    return true;
  const details = row(replies, ['devdetails'], 'DEVDETAILS');
  if (/bitmicro|btminer/i.test(`${textOf(details, 'Driver') ?? ''} ${textOf(details, 'Kernel') ?? ''}`))
    return true;
  const summary = row(replies, ['summary'], 'SUMMARY');
  if (own(summary, 'Fan Speed In', 'HS RT', 'Factory GHS', 'Power_RT') !== undefined) return true;
  if (rows(replies, boardCommands, 'DEVS').some((it) => own(it, 'Upfreq Complete', 'PCB SN') !== undefined))
    return true;
  return rows(replies, ['stats'], 'STATS').some((it) => own(it, 'freqs_avg') !== undefined);
}

/**
 * btminer answers with a bare letter as `STATUS` and `Code`, `Msg`, `Description` beside it. Others may have
 * their list of states flattened so; but they say what they are there, and have a section beside it.
 */
function hasLetterStatus(reply: Reply): boolean {
  if (reply.kind !== 'ok' && reply.kind !== 'device_error') return false;
  const { value } = reply;
  return (
    /^[SEIW]$/.test(textOf(value, 'STATUS') ?? '') &&
    own(value, 'Code') !== undefined &&
    own(value, 'Description') === '' &&
    (reply.kind === 'device_error' || isObject(own(value, 'Msg')))
  );
}

/** `Msg` of the first of `commands` that has one. */
function messageOf(replies: Replies, ...commands: readonly string[]): JsonObject[] {
  for (const command of commands) {
    const reply = replies.get(command);
    const message = reply?.kind === 'ok' ? own(reply.value, 'Msg') : undefined;
    if (isObject(message)) return [message];
  }
  return [];
}

function read(replies: Replies, context: ReadContext) {
  const summary = row(replies, ['summary'], 'SUMMARY');
  const boards = readBoards(replies);
  const nominalGhs =
    positive(toNumber(own(summary, 'Factory GHS'))) ??
    positive(sum(boards.list.map((board) => board.nominalGhs)));
  const uptimeS = toNumber(own(summary, 'Elapsed'));
  const hash = readRates(summary, boards.list, nominalGhs, uptimeS);
  const pools = readPools(replies);
  const deviceErrors = readErrors(summary, messageOf(replies, 'get_error_code').map(errorCodesOf)[0]);
  const acceptedShares = toCount(own(summary, 'Accepted')) ?? sumShares(pools, 'accepted');
  const reading: Reading = {
    ...emptyReading,
    family: 'whatsminer',
    identity: withIdentity(readIdentity(replies, summary), context),
    hashrateGhs: hash.hashrateGhs,
    hashrate5sGhs: hash.hashrate5sGhs,
    hashrateExpectedGhs: nominalGhs,
    nominalSource: nominalGhs === null ? null : 'device',
    temperatureAvgC: toTemperature(own(summary, 'Chip Temp Avg')),
    temperatureMinC: toTemperature(own(summary, 'Chip Temp Min')),
    temperatureMaxC: largest([
      toTemperature(own(summary, 'Chip Temp Max')),
      toTemperature(own(summary, 'Temperature')),
    ]),
    boards: hash.boards,
    fans: readFans(summary),
    pools,
    acceptedShares,
    rejectedShares: toCount(own(summary, 'Rejected')) ?? sumShares(pools, 'rejected'),
    hardwareErrors:
      toCount(own(summary, 'Hardware Errors')) ?? sum(hash.boards.map((board) => board.hardwareErrors)),
    frequencyAvgMhz:
      positive(toNumber(own(summary, 'freq_avg'))) ?? mean(hash.boards.map((board) => board.frequencyMhz)),
    uptimeS,
    ...readPower(replies, summary),
    deviceErrors,
    repairs: hash.isScaled ? [{ command: 'summary', kind: 'unit_scale', count: 1 }] : [],
    state: deriveState({
      told:
        toldSleep(replies) ??
        stateOfErrors(deviceErrors, hash.hashrateGhs, hash.boards.length) ??
        toldState(replies, boards.isUpfreqComplete, uptimeS, hash.hashrateGhs),
      hashrateGhs: hash.hashrateGhs,
      averageGhs: hash.averageGhs,
      acceptedShares,
      uptimeS,
      neverHashed: 'stopped',
    }),
  };
  return finish(reading, replies, context);
}

/**
 * `HS RT` is the device's own steady figure, in MH/s on most, in TH/s on some (M60S): the rest of the
 * record tells which. Firmware before it has windows and an average alone.
 */
function readRates(
  summary: JsonObject,
  boards: readonly BoardReading[],
  nominalGhs: number | null,
  uptimeS: number | null,
) {
  const rates = ratesOf(summary);
  const realtime = times(toNumber(own(summary, 'HS RT')), 1e-3);
  const reference = largest([rates.averageGhs, ...rates.windows.map((it) => it.ghs)]);
  const realtimeFactor = scaleTo(realtime, positive(reference) ?? nominalGhs);
  const told =
    times(realtime, realtimeFactor) ??
    steadyGhs(rates, uptimeS) ??
    sum(boards.map((board) => board.hashrateGhs));
  const factor = scaleToNominal({ nowGhs: told, averageGhs: rates.averageGhs, nominalGhs, uptimeS });
  const hashrateGhs = times(told, factor);
  const boardFactor = scaleTo(sum(boards.map((board) => board.hashrateGhs)), hashrateGhs);
  return {
    hashrateGhs,
    hashrate5sGhs: times(rates.nowGhs, factor),
    averageGhs: rates.averageGhs,
    boards: scaleBoards(boards, boardFactor),
    isScaled: realtimeFactor !== 1 || factor !== 1 || boardFactor !== 1,
  };
}

function readBoards(replies: Replies): { list: BoardReading[]; isUpfreqComplete: (boolean | null)[] } {
  const devices = rows(replies, boardCommands, 'DEVS').slice(0, 16);
  if (devices.length > 0) {
    return {
      list: devices.map(toBoard),
      isUpfreqComplete: devices.map((it) => flag(toNumber(own(it, 'Upfreq Complete')))),
    };
  }
  const boards = rows(replies, ['stats'], 'STATS')
    .filter((it) => own(it, 'freqs_avg') !== undefined)
    .slice(0, 16);
  return {
    list: boards.map(toOldBoard),
    isUpfreqComplete: boards.map((it) => flag(toNumber(own(it, 'upfreq_complete')))),
  };
}

function flag(value: number | null): boolean | null {
  return value === null ? null : value !== 0;
}

function toBoard(device: JsonObject, position: number): BoardReading {
  const extremes = [toTemperature(own(device, 'Chip Temp Min')), toTemperature(own(device, 'Chip Temp Max'))];
  const average = toTemperature(own(device, 'Chip Temp Avg'));
  const boardTempC = toTemperature(own(device, 'Temperature'));
  const rates = ratesOf(device);
  return {
    ...emptyBoard(toCount(own(device, 'Slot', 'ASC')) ?? position),
    hashrateGhs: steadyGhs(rates, toNumber(own(device, 'Device Elapsed'))),
    nominalGhs: positive(toNumber(own(device, 'Factory GHS', 'HS Factory'))),
    boardTempC,
    boardTempsC: boardTempC === null ? [] : [boardTempC],
    chipTempC: extremes[1] ?? average,
    chipTempsC: extremes.filter((temp) => temp !== null),
    chipsOk: positive(toCount(own(device, 'Effective Chips'))),
    frequencyMhz: positive(toNumber(own(device, 'Chip Frequency', 'Frequency'))),
    hardwareErrors: toCount(own(device, 'Hardware Errors')),
    serial: textOf(device, 'PCB SN'),
  };
}

/** A board in `stats` of cgminer 4.9.2 (M3, first M20S), which tells no rate per board. */
function toOldBoard(record: JsonObject, position: number): BoardReading {
  const boardTempsC = [1, 2, 3, 4, 5, 6, 7, 8]
    .map((at) => toTemperature(own(record, `temp_${at}`)))
    .filter((temp) => temp !== null);
  return {
    ...emptyBoard(toCount(own(record, 'slot')) ?? position),
    boardTempC: largest(boardTempsC),
    boardTempsC,
    chipsOk: toCount(own(record, 'ok_chips', 'chip_model_effective_count')),
    chipsTotal: positive(toCount(own(record, 'chip_num'))),
    frequencyMhz: positive(toNumber(own(record, 'freqs_avg'))),
    hardwareErrors: toCount(own(record, 'nonce_err_count')),
  };
}

/** Intake, exhaust and power-supply fan, in that order; liquid-cooled machines have none. */
function readFans(summary: JsonObject): FanSample[] {
  const isLiquid = /^true$/i.test(textOf(summary, 'Liquid Cooling') ?? '');
  return ['Fan Speed In', 'Fan Speed Out', 'Power Fanspeed'].flatMap((key, index) => {
    const rpm = toNumber(own(summary, key));
    return rpm === null || (rpm === 0 && isLiquid) ? [] : [{ index, rpm }];
  });
}

/** btminer's own figure; without it what the supply takes in, when `get_psu` was asked. */
function readPower(
  replies: Replies,
  summary: JsonObject,
): { powerW: number | null; powerSource: PowerSource } {
  const powerW = positive(toNumber(own(summary, 'Power'))) ?? positive(toNumber(own(summary, 'Power_RT')));
  if (powerW !== null) return { powerW, powerSource: 'reported' };
  const supply = messageOf(replies, 'get_psu')[0] ?? {};
  return { powerW: positive(toNumber(own(supply, 'pin', 'Pin'))), powerSource: 'measured' };
}

function toldSleep(replies: Replies): MinerState | null {
  const status = messageOf(replies, 'status')[0] ?? {};
  return /^(?:true|1)$/i.test(textOf(status, 'btmineroff', 'mineroff') ?? '') ? 'sleeping' : null;
}

/** With the miner process down `summary` is an error; while boards are tuned they say so. */
function toldState(
  replies: Replies,
  isUpfreqComplete: readonly (boolean | null)[],
  uptimeS: number | null,
  hashrateGhs: number | null,
): MinerState | null {
  const told = replies.get('summary');
  if (told?.kind === 'device_error') return stateOfRefusal(told.code);
  const incomplete = isUpfreqComplete.filter((it) => it === false).length;
  const isNew = uptimeS !== null && uptimeS < 3 * startupS;
  if (incomplete > 0 && (incomplete === isUpfreqComplete.length || isNew)) return 'starting';
  return hashrateGhs === null && replies.get('summary')?.kind === 'ok' && isNew ? 'starting' : null;
}

function readIdentity(replies: Replies, summary: JsonObject) {
  const version = messageOf(replies, 'get_version', 'version')[0] ?? {};
  const info = messageOf(replies, 'get_miner_info')[0] ?? {};
  const details = row(replies, ['devdetails'], 'DEVDETAILS');
  const description = descriptions(replies);
  const mac = textOf(summary, 'MAC') ?? textOf(info, 'mac');
  return {
    vendor: 'MicroBT',
    model: textOf(version, 'miner_type') ?? textOf(details, 'Model') ?? textOf(info, 'model', 'miner_type'),
    firmware: /btminer|whatsminer/i.test(description) || mac !== null ? 'btminer' : 'cgminer',
    firmwareVersion: cleanVersion(textOf(version, 'fw_ver') ?? textOf(summary, 'Firmware Version')),
    mac: cleanMac(mac),
    serial: textOf(info, 'minersn', 'miner_sn') ?? textOf(version, 'minersn'),
  };
}
