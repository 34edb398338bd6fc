import { toCount, toNumber, toTemperature } from '../numbers.js';
import { isObject } from '../reply-status.js';
import type { JsonObject, JsonValue } from '../reply.js';
import { emptyBoard } from './reading.js';
import { largest, own, sum } from './records.js';
import { times } from './units.js';

const maxText = 64 * 1024;

/**
 * Spondoolies' SPx36 puts its boards into `stats` as JSON inside a string (`json-stats`): each with power
 * (W), rates (MH/s), board and chip temperatures, and the fans (rpm) beside them. Null when the record
 * has none.
 */
export function readJsonStats(record: JsonObject) {
  const told = parse(own(record, 'json-stats'));
  if (told === null) return null;
  const boards = Object.entries(told).filter((entry): entry is [string, JsonObject] => isObject(entry[1]));
  const fans = own(told, 'fan-speeds');
  return {
    boards: boards.slice(0, 16).map(([, board], index) => toBoard(board, index)),
    fans: (Array.isArray(fans) ? fans : []).slice(0, 16).map((rpm, index) => ({ index, rpm: toNumber(rpm) })),
    powerW: sum(boards.map(([, board]) => toNumber(own(board, 'power')))),
  };
}

function parse(value: JsonValue | undefined): JsonObject | null {
  if (typeof value !== 'string' || value.length > maxText) return null;
  try {
    const told = JSON.parse(value) as JsonValue;
    return isObject(told) ? told : null;
  } catch {
    return null;
  }
}

function toBoard(board: JsonObject, index: number) {
  const read = (names: readonly string[]) =>
    names.map((name) => toTemperature(own(board, name))).filter((temp) => temp !== null);
  const boardTempsC = read(['front-temp', 'rear-temp']);
  const chipTempsC = read(['min-temp', 'max-temp']);
  return {
    ...emptyBoard(index),
    hashrateGhs: times(toNumber(own(board, 'reported-hashrate', 'avg-hashrate')), 1e-3),
    boardTempC: largest(boardTempsC),
    boardTempsC,
    chipTempC: largest(chipTempsC),
    chipTempsC,
    chipsOk: toCount(own(board, 'working-asics')),
  };
}
