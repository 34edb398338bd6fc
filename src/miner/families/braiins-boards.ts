import { toCount, toNumber, toTemperature } from '../numbers.js';
import { isObject } from '../reply-status.js';
import type { JsonObject, Replies } from '../reply.js';
import { megahertz, millivolts, positive } from './antminer-chains.js';
import { emptyBoard, type BoardReading } from './reading.js';
import { own, rows, textOf } from './records.js';
import { ratesOf, times } from './units.js';

const maxBoards = 16;

/**
 * Boards of Braiins OS, put together by their `ID` (6–8 on an S9) from `devs` (rates, nominal), `temps` (one
 * board and one chip sensor; 0 is none) and `devdetails` (chips, Hz, V). A board that `devs` has lost but
 * `devdetails` knows stays, without a rate.
 */
export function readBraiinsBoards(replies: Replies): BoardReading[] {
  const devs = byId(rows(replies, ['devs'], 'DEVS'), 'ASC');
  const temps = byId(rows(replies, ['temps'], 'TEMPS'), 'TEMP');
  const details = byId(rows(replies, ['devdetails'], 'DEVDETAILS'), 'DEVDETAILS');
  const ids = [...new Set([...devs.keys(), ...details.keys(), ...temps.keys()])].slice(0, maxBoards);
  return ids
    .sort((a, b) => a - b)
    .map((id) => readBoard(id, devs.get(id) ?? {}, temps.get(id) ?? {}, details.get(id) ?? {}));
}

function byId(records: readonly JsonObject[], other: string): Map<number, JsonObject> {
  return new Map(
    records
      .slice(0, maxBoards)
      .filter(isObject)
      .map((it, position) => [toCount(own(it, 'ID', other)) ?? position, it]),
  );
}

function readBoard(index: number, device: JsonObject, temps: JsonObject, details: JsonObject): BoardReading {
  const rates = ratesOf(device);
  const boardTempC = toTemperature(own(temps, 'Board')) ?? toTemperature(own(device, 'Temperature'));
  const chipTempC = toTemperature(own(temps, 'Chip'));
  const chips = positive(toCount(own(details, 'Chips')));
  return {
    ...emptyBoard(index),
    hashrateGhs: rates.nowGhs ?? rates.averageGhs,
    nominalGhs: times(positive(toNumber(own(device, 'Nominal MHS'))), 1e-3),
    boardTempC,
    boardTempsC: boardTempC === null ? [] : [boardTempC],
    chipTempC,
    chipTempsC: chipTempC === null ? [] : [chipTempC],
    chipsOk: chips,
    frequencyMhz: megahertz(toNumber(own(details, 'Frequency'))),
    voltageMv: millivolts(toNumber(own(details, 'Voltage'))),
    hardwareErrors: toCount(own(device, 'Hardware Errors')),
    serial: textOf(details, 'SerialNumber', 'Serial'),
  };
}
