import type { JsonObject, JsonValue } from './reply.js';
import {
  CLOSE_BRACE,
  CLOSE_BRACKET,
  COLON,
  COMMA,
  DOUBLE_QUOTE,
  END,
  hasMember,
  note,
  OPEN_BRACE,
  OPEN_BRACKET,
  peek,
  readBare,
  readScalar,
  readString,
  setOwn,
  SINGLE_QUOTE,
} from './tolerant-scan.js';
import type { Scan } from './tolerant-scan.js';

/** What stood before the present position inside a container. */
type Gap = 'start' | 'comma' | 'member';

/**
 * Reads members up to the closing brace, or to where the object must have ended, into `object`.
 * `pos` stands behind the opening brace. `depth` of the root is 1.
 */
export function readMembers(scan: Scan, object: JsonObject, depth: number): void {
  const earlier = new Map<string, number>();
  let gap: Gap = 'start';
  scan.openObjects += 1;
  for (;;) {
    const code = peek(scan);
    if (code === COMMA) {
      if (gap !== 'member') note(scan, 'extra_comma');
      gap = 'comma';
      scan.pos += 1;
    } else if (code === END || code === CLOSE_BRACE || code === CLOSE_BRACKET) {
      if (closes(scan, code, gap, CLOSE_BRACE, scan.openArrays)) break;
    } else {
      if (gap === 'member') note(scan, 'missing_comma');
      const key = readKey(scan, code);
      if (scan.isCut) break;
      if (key === undefined) continue;
      const isDone = readMember(scan, object, key, depth, earlier);
      if (!isDone) break;
      gap = 'member';
    }
  }
  scan.openObjects -= 1;
}

/** Handles what may end a container; false when it was a stray closer and reading goes on. */
function closes(scan: Scan, code: number, gap: Gap, own: number, openOthers: number): boolean {
  if (code === END) {
    scan.isCut = true;
    return true;
  }
  if (code === own) {
    if (gap === 'comma') note(scan, 'extra_comma');
    scan.pos += 1;
    return true;
  }
  if (openOthers > 0) {
    note(scan, 'mismatched_closer');
    return true;
  }
  note(scan, 'stray_closer');
  scan.pos += 1;
  return false;
}

/** Reads a key; `undefined` when what stood there is none (then it was dropped), or at the end of the text. */
function readKey(scan: Scan, code: number): string | undefined {
  if (code === DOUBLE_QUOTE || code === SINGLE_QUOTE) return readString(scan);
  if (code === OPEN_BRACE || code === OPEN_BRACKET) {
    note(scan, 'missing_key');
    return '';
  }
  const word = code === COLON ? ':' : readBare(scan);
  if (code === COLON) scan.pos += 1;
  if (word === undefined) return undefined;
  const isKey = code !== COLON && peek(scan) === COLON;
  note(scan, isKey ? 'bare_key' : 'stray_text');
  return isKey ? word : undefined;
}

/** Reads what follows a key and stores it; false when the text ended first. */
function readMember(
  scan: Scan,
  object: JsonObject,
  key: string,
  depth: number,
  earlier: Map<string, number>,
): boolean {
  if (depth === 1) scan.member = key;
  const value = readMemberValue(scan, depth);
  if (depth === 1) {
    scan.member = '';
    if (scan.isCut && value !== undefined && typeof value === 'object') scan.cutMember = key;
  }
  if (value === undefined) return false;
  if (hasMember(object, key)) keepEarlier(scan, object, key, earlier);
  setOwn(object, key, value);
  scan.strong += 1;
  return !scan.isCut;
}

function keepEarlier(scan: Scan, object: JsonObject, key: string, earlier: Map<string, number>): void {
  note(scan, 'duplicate_key');
  let number = earlier.get(key) ?? 0;
  do number += 1;
  while (hasMember(object, `${key}#${String(number)}`));
  earlier.set(key, number);
  object[`${key}#${String(number)}`] = object[key] ?? null;
}

/** The value behind a key, `null` where there is none; `undefined` when the cut took or shortened it. */
function readMemberValue(scan: Scan, depth: number): JsonValue | undefined {
  let code = peek(scan);
  const hasColon = code === COLON;
  if (hasColon) {
    scan.pos += 1;
    code = peek(scan);
  }
  if (code === END) {
    scan.isCut = true;
    return undefined;
  }
  const isValue = code !== COMMA && code !== CLOSE_BRACE && code !== CLOSE_BRACKET && code !== COLON;
  if (isValue && hasColon) return readValue(scan, code, depth);
  const isPlainly =
    code === OPEN_BRACE || code === OPEN_BRACKET || code === 0x2d || (code >= 0x30 && code <= 0x39);
  note(scan, isPlainly ? 'missing_colon' : 'missing_value');
  return isPlainly ? readValue(scan, code, depth) : null;
}

function readValue(scan: Scan, code: number, depth: number): JsonValue | undefined {
  if (code === DOUBLE_QUOTE || code === SINGLE_QUOTE) return readString(scan);
  if (code !== OPEN_BRACE && code !== OPEN_BRACKET) return readScalar(scan);
  if (depth >= scan.maxDepth) {
    scan.isTooDeep = true;
    scan.isCut = true;
    scan.pos = scan.text.length;
    return undefined;
  }
  if (code === OPEN_BRACKET) return readArray(scan, depth + 1);
  scan.pos += 1;
  const object: JsonObject = {};
  readMembers(scan, object, depth + 1);
  return object;
}

/** Reads the elements of the list whose opening bracket is at `pos`. */
export function readArray(scan: Scan, depth: number): JsonValue[] {
  const array: JsonValue[] = [];
  let gap: Gap = 'start';
  scan.pos += 1;
  scan.openArrays += 1;
  for (;;) {
    const code = peek(scan);
    if (code === COMMA) {
      if (gap !== 'member') note(scan, 'extra_comma');
      gap = 'comma';
      scan.pos += 1;
    } else if (code === END || code === CLOSE_BRACE || code === CLOSE_BRACKET) {
      if (closes(scan, code, gap, CLOSE_BRACKET, scan.openObjects)) break;
    } else if (code === COLON) {
      note(scan, 'stray_text');
      scan.pos += 1;
    } else {
      if (gap === 'member') note(scan, 'missing_comma');
      const value = readElement(scan, code, depth);
      if (value !== undefined) array.push(value);
      if (scan.isCut) break;
      gap = 'member';
    }
  }
  scan.openArrays -= 1;
  return array;
}

/** One element; a scalar with a colon behind it is a member that stands in a list. */
function readElement(scan: Scan, code: number, depth: number): JsonValue | undefined {
  const value = readValue(scan, code, depth);
  if (value === undefined || typeof value === 'object') return value;
  if (peek(scan) !== COLON) return value;
  note(scan, 'list_member');
  const behind = readMemberValue(scan, depth);
  if (behind === undefined) return undefined;
  const object: JsonObject = {};
  setOwn(object, String(value), behind);
  scan.strong += 1;
  return object;
}
