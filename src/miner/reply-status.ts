import { toNumber, toText } from './numbers.js';
import type { JsonObject, JsonValue } from './reply.js';

/** What a device gave as the reason of its refusal. */
export interface DeviceErrorStatus {
  readonly code: number | null;
  readonly message: string;
}

/** "Access denied to 'x' command"; Whatsminer: "can't access write cmd". */
export const accessDeniedCode = 45;
/** Longest message kept, characters. */
const maxMessage = 500;
const envelope = new Set(['status', 'id', 'when', 'code', 'msg', 'description', 'desc']);

/**
 * The error a reply consists of; `null` when it is none.
 *
 * `STATUS` is a list, an object or a bare letter (E and F are errors), with `Code`/`code` and `Msg`/`msg`
 * in it or beside it; Whatsminer's v3 API has only `code` (0 is good) and `msg`. A reply that also brings
 * data is no error, whatever its status.
 */
export function readDeviceError(value: JsonObject): DeviceErrorStatus | null {
  const status = value.STATUS ?? value.status ?? value.Status;
  const first = Array.isArray(status) ? status[0] : status;
  const record = isObject(first) ? first : value;
  const level = isObject(first) ? (first.STATUS ?? first.status ?? first.Status) : first;
  const isBad = typeof level === 'string' ? badLevel.test(level) : isBadV3(value, level);
  if (!isBad || hasPayload(value)) return null;
  const message =
    record.Msg ?? record.msg ?? record.MSG ?? value.Msg ?? value.msg ?? record.Description ?? value.desc;
  const code = toNumber(record.Code ?? record.code ?? record.CODE ?? value.Code ?? value.code);
  return { code, message: (toText(message) ?? '').slice(0, maxMessage) };
}

const badLevel = /^\s*[EF](?:rror|atal)?\s*$/i;

function isBadV3(value: JsonObject, level: JsonValue | undefined): boolean {
  if (level !== undefined || value.msg === undefined) return false;
  return (toNumber(value.code) ?? 0) !== 0;
}

/** True when anything but the envelope holds a list or an object with something in it. */
function hasPayload(value: JsonObject): boolean {
  for (const key in value) {
    const member = value[key];
    if (key === 'STATUS' || typeof member !== 'object' || member === null) continue;
    const isEnvelope = envelope.has(key.toLowerCase()) && !(isObject(member) && key.toLowerCase() === 'msg');
    if (!isEnvelope && Object.keys(member).length > 0) return true;
  }
  return false;
}

/** True for a JSON object: neither list nor null. */
export function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
