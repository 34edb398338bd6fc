import type { FanSample } from '../../domain/telemetry.js';
import { toCount, toNumber, toTemperature } from '../numbers.js';
import { isObject } from '../reply-status.js';
import type { JsonObject, JsonValue, Replies } from '../reply.js';
import { mergedRecord } from '../respelled.js';
import { megahertz, positive } from './antminer-chains.js';
import { readNumberedFans } from './fans.js';
import { emptyBoard, type BoardReading } from './reading.js';
import { largest, own, rows, textOf } from './records.js';
import { presentGhs, ratesOf } from './units.js';

const maxBoards = 64;

/**
 * Records of boards: `DEVS`, what `stats` tells of the same boards beside them; without `DEVS` the
 * entries of `stats` that have a rate or a chip count. Some write `STATS0`, `STATS1` for `STATS`, some
 * an object a channel (`CH1`) inside one.
 */
export function boardRecords(replies: Replies): JsonObject[] {
  const devices = rows(replies, ['devs', 'edevs'], 'DEVS').slice(0, maxBoards);
  const details = statsRecords(replies)
    .flatMap((it) => channelsOf(it) ?? [it])
    .filter((it) => own(it, ...boardKeys) !== undefined)
    .slice(0, maxBoards);
  if (devices.length === 0) return details;
  if (devices.length !== details.length) return devices;
  return devices.map((device, at) => mergedRecord(details[at] ?? {}, device));
}

const boardKeys = ['MHS av', 'GHS av', 'MHS 30S', 'Num chips', 'Chip Count'] as const;

/** Every record of `stats`. */
export function statsRecords(replies: Replies): JsonObject[] {
  const reply = replies.get('stats');
  if (reply?.kind !== 'ok') return [];
  const names = Object.keys(reply.value).filter((name) => /^STATS\d*$/.test(name));
  return names.slice(0, maxBoards).flatMap((name) => rows(replies, ['stats'], name));
}

/** `CH1`, `CH2`, … of a record; null when it has none. */
function channelsOf(record: JsonObject): JsonObject[] | null {
  const names = Object.keys(record).filter((name) => /^CH\d+$/.test(name));
  const channels = names.map((name) => record[name]).filter(isObject);
  return channels.length === 0 ? null : channels;
}

/** A board from one record; what `summary` numbers by board (`Temp1`) stands in for what it lacks. */
export function toBoard(device: JsonObject, position: number, summary: JsonObject): BoardReading {
  const index = toCount(own(device, 'ID')) ?? toCount(own(device, 'ASC', 'PGA', 'GPU', 'STATS')) ?? position;
  // Goldshell numbers its sensors: chips first, the board last.
  const extremes = ['Temp min', 'Temp max', 'tstemp-0', 'tstemp-1']
    .map((key) => toTemperature(own(device, key)))
    .filter((temp) => temp !== null);
  const boardTempC =
    toTemperature(own(device, 'Temperature', 'temperature', 'Temp Avg', 'Temp', 'tstemp-2')) ??
    toTemperature(own(summary, `Temp${position + 1}`));
  return {
    ...emptyBoard(index),
    hashrateGhs: presentGhs(ratesOf(device)),
    nominalGhs: nominalOf(device),
    boardTempC,
    boardTempsC: boardTempC === null ? [] : [boardTempC],
    chipTempC: largest(extremes),
    chipTempsC: extremes,
    chipsOk: toCount(own(device, 'Num active chips', 'Effective Chips')),
    chipsTotal: positive(toCount(own(device, 'Num chips', 'Chip Count', 'Asics'))),
    frequencyMhz: megahertz(
      toNumber(own(device, 'Chip Frequency', 'Frequency', 'Device Freq', 'PLL', 'GPU Clock')),
    ),
    voltageMv: millivolts(own(device, 'Voltage', 'volt', 'Voltage Avg', 'Voltage avg', 'GPU Voltage')),
    hardwareErrors: toCount(own(device, 'Hardware Errors')),
    serial: textOf(device, 'PCB SN', 'SerialNumber', 'Chain SN', 'Serial'),
  };
}

function nominalOf(device: JsonObject): number | null {
  const mhs = positive(toNumber(own(device, 'Nominal MHS')));
  return mhs === null ? null : mhs / 1000;
}

/** mV; figures below 100 are volts: no board runs on 0.1 V. */
function millivolts(value: JsonValue | undefined): number | null {
  const told = positive(toNumber(value));
  return told !== null && told < 100 ? Math.round(told * 1000) : told;
}

/** Fans of `fans`, `summary`, or `stats`, where each board may repeat the same ones. */
export function readFans(replies: Replies, summary: JsonObject): FanSample[] {
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
  const first = statsRecords(replies)[0] ?? {};
  const named = [0, 1, 2, 3, 4, 5, 6, 7].flatMap((index) => {
    const rpm = toNumber(own(first, `Fan${index} rpm`, `Fan${index} Speed`, `Fan${index} speed`));
    return rpm === null ? [] : [{ index, rpm }];
  });
  if (named.length > 0) return named;
  const ends = ['Fan In', 'Fan Out'].flatMap((name, index) => {
    const rpm = toNumber(own(first, name));
    return rpm === null ? [] : [{ index, rpm }];
  });
  if (ends.length > 0) return ends;
  const turning = readNumberedFans(first);
  return turning.length > 0 ? turning : deviceFans(rows(replies, ['devs'], 'DEVS').slice(0, 16));
}

/** Goldshell's boards each repeat the machine's fans; of a row of graphics cards each has its own. */
function deviceFans(devices: readonly JsonObject[]): FanSample[] {
  const repeated = readNumberedFans(devices[0] ?? {});
  if (repeated.length > 0) return repeated;
  return devices.flatMap((device, index) => {
    const rpm = toNumber(own(device, 'Fan Speed'));
    return rpm === null || rpm <= 0 ? [] : [{ index, rpm }];
  });
}
