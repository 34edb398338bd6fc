import type { PollErrorClass, Repair } from '../domain/telemetry.js';
import { fingerprintOf, textShape } from './fingerprint.js';
import { defaultMaxReplyBytes } from './framing.js';
import { parseMissingComma } from './missing-comma.js';
import { parsePlainText } from './plain-text.js';
import { accessDeniedCode, isObject, readDeviceError } from './reply-status.js';
import type { JsonObject, JsonValue, Reply } from './reply.js';
import { parseTolerant } from './tolerant-json.js';
import type { RepairCount } from './tolerant-scan.js';

/** Bounds of reading. */
export interface DecodeOptions {
  /** Longer replies are not looked at, bytes. */
  readonly maxBytes?: number;
}

/** A reply's object with what it took to read it. */
export interface ReadObject {
  readonly kind: 'object';
  readonly value: JsonObject;
  readonly repairs: readonly RepairCount[];
  readonly isTruncated: boolean;
  /** Root member the cut fell into. */
  readonly cutMember: string | null;
  /** Repairs by root member ('' for those between members); `null` when not told apart. */
  readonly memberRepairs: ReadonlyMap<string, readonly RepairCount[]> | null;
}

type Unreadable = Extract<Reply, { kind: 'unreadable' }>;

/**
 * Reads one command's reply: strict JSON, then damaged JSON, then CGMiner's `|` text.
 *
 * `bytes` are as they came, with the NUL that ended them where there was one; what follows it is dropped.
 * No bytes at all is how a device refuses an address, so that is `denied`. Never throws.
 */
export function decodeReply(command: string, bytes: Uint8Array, options: DecodeOptions = {}): Reply {
  const read = readObject(command, bytes, options);
  return read.kind === 'object' ? classify(command, read, bytes.length) : read;
}

/** Reads bytes to an object without judging what it says; else the reply that says why not. */
export function readObject(
  command: string,
  bytes: Uint8Array,
  options: DecodeOptions = {},
): ReadObject | Reply {
  if (bytes.length === 0) return { kind: 'denied', command, message: 'closed without an answer', bytes: 0 };
  const maxBytes = options.maxBytes ?? defaultMaxReplyBytes;
  if (bytes.length > maxBytes)
    return unreadable(command, bytes, 'too_large', null, toBody(bytes, maxBytes).text);
  // The usual case is kept short: strict JSON with one NUL behind it or none.
  const buffer = asBuffer(bytes);
  const text = buffer.toString('utf8', 0, buffer.length - (buffer[buffer.length - 1] === 0 ? 1 : 0));
  const strict = parseStrict(text);
  if (typeof strict === 'object' && strict !== null && isShallowText(text, strict)) {
    const read = toObject(command, strict);
    return text.includes(replacement) ? withBodyRepairs(read, text, nothing) : read;
  }
  return readDamaged(command, bytes, text, strict);
}

function readDamaged(
  command: string,
  bytes: Uint8Array,
  tried: string,
  strict: JsonValue | undefined,
): ReadObject | Reply {
  const isWhole = !tried.includes('\0') && tried.charCodeAt(0) !== byteOrderMark;
  const endsInNul = bytes[bytes.length - 1] === 0;
  const { text, hasEnd, rest } = isWhole
    ? { text: tried, hasEnd: endsInNul, rest: nothing }
    : toBody(bytes, bytes.length);
  const read = readText(command, text, hasEnd, text === tried ? strict : parseStrict(text));
  if (read !== null && read.kind === 'object') return withBodyRepairs(read, text, rest);
  if (text.trim() === '') return unreadable(command, bytes, 'empty_reply', hasEnd ? 'nul' : 'empty', '');
  // The head of the text form says nothing yet.
  const isHead = textHead.startsWith(text.trimStart());
  const errorClass = isHead ? 'truncated' : 'not_json';
  return unreadable(command, bytes, errorClass, read === null ? null : 'json_scalar', text);
}

const textHead = 'STATUS=';

function unreadable(
  command: string,
  bytes: Uint8Array,
  errorClass: PollErrorClass,
  known: Unreadable['shape'] | null,
  text: string,
): Unreadable {
  const shape = known ?? shapeOf(text);
  const fingerprint = fingerprintOf(`${shape}\n${shape === 'binary' ? text.slice(0, 4) : textShape(text)}`);
  return { kind: 'unreadable', command, errorClass, shape, fingerprint, bytes: bytes.length };
}

const none: readonly Repair[] = [];

/** Turns an object read into the reply it is: an answer, an error of the device, or a refusal. */
export function classify(command: string, read: ReadObject, bytes: number): Reply {
  const repairs =
    read.repairs.length === 0 ? none : read.repairs.map(({ kind, count }) => ({ command, kind, count }));
  const { value, isTruncated } = read;
  const error = readDeviceError(value);
  if (error === null) return { kind: 'ok', command, value, repairs, isTruncated, bytes };
  const { code, message } = error;
  if (code === accessDeniedCode) return { kind: 'denied', command, message, bytes };
  return { kind: 'device_error', command, code, message, value, repairs, bytes };
}

interface Body {
  readonly text: string;
  /** A NUL stood behind the text. */
  readonly hasEnd: boolean;
  /** Bytes behind that NUL. */
  readonly rest: Uint8Array;
}

const asBuffer = (bytes: Uint8Array): Buffer =>
  Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);

const byteOrderMark = 0xfeff;
/** What undecodable bytes become. */
const replacement = '\ufffd';
const nothing = new Uint8Array(0);

/** Cuts at the first NUL behind content, leaves out those ahead of it, and decodes once as a whole. */
function toBody(bytes: Uint8Array, maxBytes: number): Body {
  const buffer = asBuffer(bytes).subarray(0, maxBytes);
  let start = 0;
  while (start < buffer.length && (buffer[start] ?? 0) <= 0x20) start += 1;
  const nul = buffer.indexOf(0, start);
  const end = nul === -1 ? buffer.length : nul;
  let text = buffer.toString('utf8', start, end);
  if (text.charCodeAt(0) === byteOrderMark) text = text.slice(1);
  const isAllLead = start === buffer.length && buffer.includes(0);
  return { text, hasEnd: nul !== -1 || isAllLead, rest: nul === -1 ? nothing : buffer.subarray(nul + 1) };
}

/** `null` when the text is nothing known, `scalar` when it is a bare JSON value. */
function readText(
  command: string,
  text: string,
  hasEnd: boolean,
  strict: JsonValue | undefined,
): ReadObject | { readonly kind: 'scalar' } | null {
  if (strict !== undefined) {
    if (typeof strict !== 'object' || strict === null) return { kind: 'scalar' };
    return isShallowText(text, strict) ? toObject(command, strict) : null;
  }
  const plain = parsePlainText(text, hasEnd);
  if (plain !== null) return { kind: 'object', ...plain, memberRepairs: null };
  const comma = parseMissingComma(text);
  if (comma !== null && isShallowText(text, comma.value)) {
    const memberRepairs = new Map([[comma.member, oneMissingComma]]);
    const { value, repairs } = namedRoot(command, comma.value, oneMissingComma);
    return { kind: 'object', value, repairs, isTruncated: false, cutMember: null, memberRepairs };
  }
  const damaged = parseTolerant(text);
  if (damaged === null) return null;
  const { isTruncated, cutMember, memberRepairs } = damaged;
  const { value, repairs } = namedRoot(command, damaged.value, damaged.repairs);
  return { kind: 'object', value, repairs, isTruncated, cutMember, memberRepairs };
}

function parseStrict(text: string): JsonValue | undefined {
  // Nobody reads the stack of the error, and capturing it costs as much as failing.
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 0;
  try {
    return JSON.parse(text) as JsonValue;
  } catch {
    return undefined;
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
}

function toObject(command: string, root: JsonObject | JsonValue[]): ReadObject {
  const { value, repairs } = namedRoot(command, root, noRepairs);
  return { kind: 'object', value, repairs, isTruncated: false, cutMember: null, memberRepairs: null };
}

const noRepairs: readonly RepairCount[] = [];
const oneMissingComma: readonly RepairCount[] = [{ kind: 'missing_comma', count: 1 }];

/** A list instead of an object: its only object, or the list under the command's section name. */
function namedRoot(
  command: string,
  value: JsonObject | JsonValue[],
  repairs: readonly RepairCount[],
): Pick<ReadObject, 'value' | 'repairs'> {
  if (!Array.isArray(value)) return { value, repairs };
  const only = value.length === 1 ? value[0] : undefined;
  const noted = [...repairs, { kind: 'array_root' as const, count: 1 }];
  return { value: isObject(only) ? only : { [command.toUpperCase()]: value }, repairs: noted };
}

/** Deepest nesting read of whole JSON; shorter texts than twice that cannot be nested deeper. */
const maxDepth = 500;
/** Objects and lists counted before walking costs less: texts in brackets hold hundreds of `[`. */
const maxObjects = 16;
const maxLists = 5;

/** As `isShallow`, but a short text or one with few openings need not be walked: most replies. */
function isShallowText(text: string, value: JsonObject | JsonValue[]): boolean {
  return (
    text.length < 2 * maxDepth ||
    (isRarer('{', maxObjects, text) && isRarer('[', maxLists, text)) ||
    isShallow(value, maxDepth)
  );
}

/** Whether a character stands in a text at most `most` times. */
function isRarer(character: string, most: number, text: string): boolean {
  let at = -1;
  for (let left = most; left >= 0; left -= 1) {
    at = text.indexOf(character, at + 1);
    if (at === -1) return true;
  }
  return false;
}

/** Whether nothing is nested deeper than `levels`; what reads the value may then recurse. */
function isShallow(value: JsonObject | JsonValue[], levels: number): boolean {
  if (levels === 0) return false;
  if (Array.isArray(value)) {
    for (const child of value) {
      if (typeof child === 'object' && child !== null && !isShallow(child, levels - 1)) return false;
    }
    return true;
  }
  for (const key in value) {
    const child = value[key];
    if (typeof child === 'object' && child !== null && !isShallow(child, levels - 1)) return false;
  }
  return true;
}

function withBodyRepairs(read: ReadObject, text: string, rest: Uint8Array): ReadObject {
  const extra: RepairCount[] = [];
  if (text.includes(replacement)) extra.push({ kind: 'invalid_utf8', count: 1 });
  if (rest.some((byte) => byte > 0x20)) extra.push({ kind: 'trailing_text', count: 1 });
  return extra.length === 0 ? read : { ...read, repairs: [...read.repairs, ...extra] };
}

/** Characters looked at to tell text from binary. */
const maxShapeText = 1024;

function shapeOf(text: string): Unreadable['shape'] {
  const head = text.slice(0, maxShapeText);
  if (/<(?:!doctype|html|head|body|title|h1|center|\?xml)\b/i.test(head) || /^\s*<\?xml/.test(head))
    return 'html';
  let odd = 0;
  for (let i = 0; i < head.length; i += 1) {
    const code = head.charCodeAt(i);
    if (code === 0xfffd || (code < 0x20 && code !== 0x09 && code !== 0x0a && code !== 0x0d)) odd += 1;
  }
  return odd * 10 > head.length ? 'binary' : 'text';
}
