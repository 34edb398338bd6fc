import type { FanSample, MinerState, PowerSource, Repair } from '../../domain/telemetry.js';
import type { Family, ReadContext } from '../family.js';
import { toCount, toNumber, toTemperature } from '../numbers.js';
import { isObject } from '../reply-status.js';
import type { JsonObject, JsonValue, Replies } from '../reply.js';
import { positive } from './antminer-chains.js';
import { cleanMac, cleanVersion } from './model-names.js';
import { poolsOf, sumShares } from './pools.js';
import { deriveState, emptyBoard, emptyReading, finish, startupS, withIdentity } from './reading.js';
import type { BoardReading } from './reading.js';
import { largest, mean, own, sum, textOf } from './records.js';
import { readTemperatures } from './temperatures.js';
import { scaleTo, times } from './units.js';
import { errorCodesOf, readErrors } from './whatsminer-errors.js';
import { stateOfErrors } from './whatsminer-states.js';
import { whatsminerV3Sources } from './field-sources.js';

/**
 * MicroBT's API v3 on port 4433 (firmware of 2024 and later, where 4028 may be shut): JSON with its
 * length in front, see `whatsminer-frame.ts`. A command is its name and, behind a colon, its parameter.
 */
export const whatsminerV3: Family = {
  name: 'whatsminer-v3',
  transport: 'whatsminer-v3',
  port: 4433,
  commands: [
    'get.miner.status:summary',
    'get.miner.status:edevs',
    'get.miner.status:pools',
    'get.device.info',
  ],
  identityCommands: [],
  mayJoin: false,
  request,
  sources: whatsminerV3Sources,
  matches: (replies) => messages(replies).length > 0,
  read,
};

function request(command: string): string {
  const colon = command.indexOf(':');
  return JSON.stringify(
    colon === -1 ? { cmd: command } : { cmd: command.slice(0, colon), param: command.slice(colon + 1) },
  );
}

const sections = ['summary', 'edevs', 'pools', 'miner', 'system', 'network', 'power', 'error-code'];

/** `msg` of every answer of this API: `code` and `msg` in lower case, no `STATUS`, and a section it knows. */
function messages(replies: Replies): JsonObject[] {
  const found: JsonObject[] = [];
  for (const reply of replies.values()) {
    if (reply.kind !== 'ok' || own(reply.value, 'code') === undefined) continue;
    const message = own(reply.value, 'msg');
    if (isObject(message) && sections.some((name) => own(message, name) !== undefined)) found.push(message);
  }
  return found;
}

/** What stands under `name` in the first message that has it. */
function section(replies: Replies, name: string): JsonValue | undefined {
  return messages(replies)
    .map((message) => own(message, name))
    .find((value) => value !== undefined);
}

function objectOf(replies: Replies, name: string): JsonObject {
  const value = section(replies, name);
  return isObject(value) ? value : {};
}

function listOf(replies: Replies, name: string): JsonObject[] {
  const value = section(replies, name);
  return Array.isArray(value) ? value.filter(isObject) : [];
}

/** No machine does 5 PH/s: a figure beyond is GH/s and not, as it should be, TH/s. */
const mostGhs = 5e6;

/** GH/s of a figure in TH/s; `isScaled` when it was GH/s already. */
function ghsOf(value: JsonValue | undefined): { readonly ghs: number | null; readonly isScaled: boolean } {
  const ghs = times(toNumber(value), 1e3);
  return ghs !== null && ghs > mostGhs ? { ghs: times(ghs, 1e-3), isScaled: true } : { ghs, isScaled: false };
}

function read(replies: Replies, context: ReadContext) {
  const summary = objectOf(replies, 'summary');
  const miner = objectOf(replies, 'miner');
  const rates = readRates(summary, readBoards(replies, summary, miner));
  const pools = poolsOf(listOf(replies, 'pools'));
  const uptimeS = toNumber(own(summary, 'elapsed'));
  const acceptedShares = sumShares(pools, 'accepted');
  const codes = messages(replies)
    .map(errorCodesOf)
    .find((it) => it !== undefined);
  const deviceErrors = readErrors({}, codes);
  return finish(
    {
      ...emptyReading,
      family: 'whatsminer-v3',
      identity: withIdentity(readIdentity(replies, miner), context),
      hashrateGhs: rates.hashrateGhs,
      hashrateExpectedGhs: rates.nominalGhs,
      nominalSource: rates.nominalGhs === null ? null : 'device',
      temperatureAvgC: toTemperature(own(summary, 'chip-temp-avg')),
      temperatureMinC: toTemperature(own(summary, 'chip-temp-min')),
      temperatureMaxC: toTemperature(own(summary, 'chip-temp-max')),
      boards: rates.boards,
      fans: readFans(replies, summary),
      pools,
      acceptedShares,
      rejectedShares: sumShares(pools, 'rejected'),
      frequencyAvgMhz:
        positive(toNumber(own(summary, 'freq-avg'))) ?? mean(rates.boards.map((board) => board.frequencyMhz)),
      uptimeS,
      ...readPower(replies, summary),
      deviceErrors,
      repairs: rates.repairs,
      state: deriveState({
        told:
          toldSleep(replies) ??
          stateOfErrors(deviceErrors, rates.hashrateGhs, rates.boards.length) ??
          toldState(replies, summary, rates.hashrateGhs),
        hashrateGhs: rates.hashrateGhs,
        averageGhs: ghsOf(own(summary, 'hash-average')).ghs,
        acceptedShares,
        uptimeS,
        neverHashed: 'stopped',
      }),
    },
    replies,
    context,
  );
}

function readRates(summary: JsonObject, listed: readonly BoardReading[]) {
  const told = [own(summary, 'hash-realtime'), own(summary, 'hash-1min'), own(summary, 'hash-average')]
    .map(ghsOf)
    .find((it) => it.ghs !== null);
  const nominal = ghsOf(own(summary, 'factory-hash'));
  const boardSum = sum(listed.map((board) => board.hashrateGhs));
  const hashrateGhs = told?.ghs ?? boardSum;
  const factor = scaleTo(boardSum, hashrateGhs);
  const isScaled = told?.isScaled === true || nominal.isScaled || factor !== 1;
  const repairs: Repair[] = isScaled
    ? [{ command: 'get.miner.status:summary', kind: 'unit_scale', count: 1 }]
    : [];
  return {
    hashrateGhs,
    nominalGhs: positive(nominal.ghs),
    boards: listed.map((board) => ({ ...board, hashrateGhs: times(board.hashrateGhs, factor) })),
    repairs,
  };
}

/** `edevs`; board sensors stand in `summary`, serials in `get.device.info` as `pcbsn0`. */
function readBoards(replies: Replies, summary: JsonObject, miner: JsonObject): BoardReading[] {
  const boardTemps = own(summary, 'board-temperature');
  const temps = Array.isArray(boardTemps) ? boardTemps : [];
  return listOf(replies, 'edevs')
    .slice(0, 16)
    .map((device, position) => {
      const slot = toCount(own(device, 'slot', 'id')) ?? position;
      const extremes = readTemperatures([
        own(device, 'chip-temp-min') ?? null,
        own(device, 'chip-temp-max') ?? null,
      ]);
      const boardTempC = toTemperature(temps[position]);
      return {
        ...emptyBoard(slot),
        hashrateGhs: ghsOf(own(device, 'hash-realtime', 'hash-average')).ghs,
        nominalGhs: positive(ghsOf(own(device, 'factory-hash')).ghs),
        boardTempC,
        boardTempsC: boardTempC === null ? [] : [boardTempC],
        chipTempC: largest(extremes) ?? toTemperature(own(device, 'chip-temp-avg')),
        chipTempsC: extremes,
        chipsOk: positive(toCount(own(device, 'effective-chips'))),
        frequencyMhz: positive(toNumber(own(device, 'freq'))),
        serial: textOf(miner, `pcbsn${slot}`) ?? textOf(device, 'pcbsn', 'pcb-sn'),
      };
    });
}

/** Intake, exhaust, power supply; liquid-cooled machines tell 0 for the first two. */
function readFans(replies: Replies, summary: JsonObject): FanSample[] {
  const blowers = ['fan-speed-in', 'fan-speed-out'].map((key) => toNumber(own(summary, key)));
  const isLiquid = own(objectOf(replies, 'power'), 'liquid-temperature') !== undefined;
  const rpms = [...blowers, toNumber(own(objectOf(replies, 'power'), 'fanspeed'))];
  return rpms.flatMap((rpm, index) => (rpm === null || (rpm === 0 && isLiquid) ? [] : [{ index, rpm }]));
}

/** What the supply takes in (`pin`), else btminer's own figure. */
function readPower(
  replies: Replies,
  summary: JsonObject,
): { powerW: number | null; powerSource: PowerSource } {
  const realtimeW =
    positive(toNumber(own(summary, 'power-realtime'))) ?? positive(toNumber(own(summary, 'power-5min')));
  const powerW = realtimeW ?? positive(toNumber(own(objectOf(replies, 'power'), 'pin')));
  return { powerW, powerSource: 'reported' };
}

/** `working` is false while the machine is told not to hash. */
function toldSleep(replies: Replies): MinerState | null {
  const working = textOf(objectOf(replies, 'miner'), 'working') ?? '';
  return /^(?:false|0)$/i.test(working) ? 'sleeping' : null;
}

/** −4 is a command this account may not give. */
function toldState(replies: Replies, summary: JsonObject, hashrateGhs: number | null): MinerState | null {
  const main = replies.get('get.miner.status:summary');
  if (main?.kind === 'device_error') return main.code === -4 ? 'denied' : 'stopped';
  const isTuning = toNumber(own(summary, 'up-freq-finish')) === 0;
  const uptimeS = toNumber(own(summary, 'elapsed'));
  const isNew = uptimeS !== null && uptimeS < 3 * startupS;
  return isTuning && (isNew || hashrateGhs === 0) ? 'starting' : null;
}

function readIdentity(replies: Replies, miner: JsonObject) {
  const system = objectOf(replies, 'system');
  return {
    vendor: 'MicroBT',
    model: textOf(miner, 'type'),
    firmware: 'btminer',
    firmwareVersion: cleanVersion(textOf(system, 'fwversion')),
    mac: cleanMac(textOf(objectOf(replies, 'network'), 'mac')),
    serial: textOf(miner, 'miner-sn'),
  };
}
