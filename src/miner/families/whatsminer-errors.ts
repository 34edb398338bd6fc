import type { DeviceError } from '../../domain/telemetry.js';
import { toCount } from '../numbers.js';
import type { JsonObject, JsonValue } from '../reply.js';
import { isObject } from '../reply-status.js';
import { own } from './records.js';

/** Meanings of MicroBT's codes, by first and last code of a range. */
const meanings: readonly (readonly [number, number, string])[] = [
  [110, 110, 'intake fan speed'],
  [111, 111, 'exhaust fan speed'],
  [120, 131, 'fan speed deviates'],
  [140, 140, 'fan speed too high'],
  [200, 201, 'power supply not recognised'],
  [202, 202, 'power supply output voltage'],
  [203, 205, 'power supply protecting itself'],
  [206, 207, 'power supply input too low'],
  [210, 217, 'power supply status'],
  [218, 218, 'mains voltage too low for this power mode'],
  [219, 299, 'power supply protecting itself'],
  [300, 302, 'board temperature sensor'],
  [320, 329, 'temperature cannot be read'],
  [350, 352, 'board too hot'],
  [410, 477, 'board memory contents'],
  [510, 512, 'board of another model'],
  [530, 532, 'board not found'],
  [540, 542, 'chips cannot be read'],
  [550, 552, 'bad chips on board'],
  [560, 592, 'board out of balance'],
  [600, 610, 'surroundings too hot'],
  [700, 800, 'control board'],
  [2000, 2040, 'pool'],
  [2310, 2350, 'hashrate too low'],
];

/**
 * Error codes wherever Whatsminers put them: `Error Code 0` in `summary` (v1), or `error_code` of
 * `get_error_code` (v2, v3) as `[{"218":"time"}]`, `{"218":"time"}`, or flat `["329","time"]`.
 * `Factory Error Code N` are records of the factory, not faults.
 */
export function readErrors(summary: JsonObject, errorCodes: JsonValue | undefined): DeviceError[] {
  const codes = new Set<number>();
  for (const key of Object.keys(summary)) {
    if (/^Error Code \d+$/.test(key)) add(codes, summary[key]);
  }
  const listed: readonly JsonValue[] = Array.isArray(errorCodes)
    ? errorCodes
    : isObject(errorCodes)
      ? [errorCodes]
      : [];
  for (const item of listed.slice(0, 200)) {
    if (isObject(item)) for (const key of Object.keys(item)) add(codes, key);
    else add(codes, item);
  }
  return [...codes].slice(0, 50).map((code) => ({ code: String(code), text: meaningOf(code) }));
}

function add(codes: Set<number>, value: JsonValue | undefined): void {
  const code = typeof value === 'string' && !/^\d{2,6}$/.test(value.trim()) ? null : toCount(value);
  if (code !== null && code > 0 && code < 1e6) codes.add(code);
}

function meaningOf(code: number): string {
  return meanings.find(([first, last]) => code >= first && code <= last)?.[2] ?? '';
}

/** The `error_code` of a `get_error_code` reply. */
export function errorCodesOf(message: JsonObject): JsonValue | undefined {
  return own(message, 'error_code', 'error-code');
}
