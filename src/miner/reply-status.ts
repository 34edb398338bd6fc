import { toNumber, toText } from './numbers.js';
import type { JsonObject, JsonValue } from './reply.js';

/** What a reply says of itself. `isError` stands for status E or F without anything else in the reply. */
export interface ReplyStatus {
  readonly isError: boolean;
  readonly code: number | null;
  readonly message: string;
}

/** "Access denied to 'x' command"; Whatsminer: "can't access write cmd". */
export const accessDeniedCode = 45;
/** Longest message kept, characters. */
const maxMessage = 500;
const envelope = new Set(['status', 'id', 'when', 'code', 'msg', 'description', 'desc']);

/**
 * Reads the status of a reply: `STATUS` is a list, an object or a bare letter, with `Code`/`code` and
 * `Msg`/`msg` in it or beside it; Whatsminer's v3 API has only `code` (0 is good) and `msg`.
 *
 * A reply that also brings data is no error, whatever its status.
 */
export function readStatus(value: JsonObject): ReplyStatus {
  const status = pick(value, 'STATUS', 'status', 'Status');
  const first = Array.isArray(status) ? status[0] : status;
  const record = isObject(first) ? first : value;
  const level = isObject(first) ? pick(first, 'STATUS', 'status', 'Status') : first;
  const code = toNumber(pick(record, 'Code', 'code') ?? pick(value, 'Code', 'code'));
  const message =
    pick(record, 'Msg', 'msg') ?? pick(value, 'Msg', 'msg') ?? pick(record, 'Description', 'desc');
  const isBad =
    typeof level === 'string' ? /^\s*[EF](?:rror|atal)?\s*$/i.test(level) : isBadV3(value, level, code);
  return {
    isError: isBad && !hasPayload(value),
    code,
    message: (toText(message) ?? '').slice(0, maxMessage),
  };
}

function isBadV3(value: JsonObject, level: JsonValue | undefined, code: number | null): boolean {
  return level === undefined && 'code' in value && 'msg' in value && code !== null && code !== 0;
}

/** True when anything but the envelope holds a list or an object with something in it. */
function hasPayload(value: JsonObject): boolean {
  for (const key of Object.keys(value)) {
    const member = value[key];
    if (typeof member !== 'object' || member === null) continue;
    const isEnvelope = envelope.has(key.toLowerCase()) && !(isObject(member) && key.toLowerCase() === 'msg');
    if (!isEnvelope && Object.keys(member).length > 0) return true;
  }
  return false;
}

/** True for a JSON object: neither list nor null. */
export function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function pick(record: JsonObject, ...keys: readonly string[]): JsonValue | undefined {
  for (const key of keys) if (Object.hasOwn(record, key)) return record[key];
  return undefined;
}
