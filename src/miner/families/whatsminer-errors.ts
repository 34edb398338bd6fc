import type { DeviceError } from '../../domain/telemetry.js';
import { toCount, toText } from '../numbers.js';
import { isObject } from '../reply-status.js';
import type { JsonObject, JsonValue } from '../reply.js';
import { own } from './records.js';
import { whatsminerErrorText } from './whatsminer-error-texts.js';

const maxListed = 200;
const maxErrors = 50;
const maxText = 120;

/**
 * Error codes wherever Whatsminers put them: `Error Code 0` in `summary` (v1), or `error_code` of
 * `get_error_code` (v2, v3) as `[{"218":"time"}]`, `[{"264":"time","reason":"…"}]`, `{"218":"time"}`,
 * flat `["329","time"]`, plain numbers, or words (`btminer process is down`). Each code once.
 * `Factory Error Code N` are records of the factory, not faults.
 */
export function readErrors(summary: JsonObject, errorCodes: JsonValue | undefined): DeviceError[] {
  const found = new Map<string, DeviceError>();
  for (const key of Object.keys(summary)) {
    if (/^Error Code \d+$/.test(key)) addCode(found, summary[key], null);
  }
  const listed = Array.isArray(errorCodes) ? errorCodes : errorCodes === undefined ? [] : [errorCodes];
  for (const item of listed.slice(0, maxListed)) {
    if (isObject(item)) {
      const reason = toText(own(item, 'reason', 'Reason'));
      for (const key of Object.keys(item).slice(0, maxListed)) addCode(found, key, reason);
    } else if (!addCode(found, item, null)) addWords(found, item);
  }
  return [...found.values()].slice(0, maxErrors);
}

/** False when the value is no code. */
function addCode(
  found: Map<string, DeviceError>,
  value: JsonValue | undefined,
  reason: string | null,
): boolean {
  const isCode = typeof value === 'number' || (typeof value === 'string' && /^\s*\d{2,6}\s*$/.test(value));
  const code = isCode ? toCount(value) : null;
  if (code === null || code <= 0 || code >= 1e6) return false;
  const key = String(code);
  const known = whatsminerErrorText(code);
  found.set(key, { code: key, text: known === '' ? (reason ?? '').slice(0, maxText) : known });
  return true;
}

/** Words instead of a code; what begins with a digit is the time of the code before it. */
function addWords(found: Map<string, DeviceError>, value: JsonValue): void {
  const text = typeof value === 'string' ? toText(value) : null;
  if (text !== null && !/^\d/.test(text)) found.set(text, { code: '', text: text.slice(0, maxText) });
}

/** The `error_code` of a `get_error_code` reply. */
export function errorCodesOf(message: JsonObject): JsonValue | undefined {
  return own(message, 'error_code', 'error-code');
}
