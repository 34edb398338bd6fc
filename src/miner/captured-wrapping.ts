import { isObject } from './reply-status.js';
import type { JsonObject, JsonValue } from './reply.js';

/** What was found inside what a tool put around a reply. */
export interface Unwrapped {
  /** The command the wrapping names; null when it names none. */
  readonly command: string | null;
  readonly bytes: Uint8Array;
}

/**
 * Takes off what tools put around captured bytes: UTF-16, the head of an HTTP answer, a JSON string that holds
 * the reply as text, an object with the request beside the reply, a list of replies. Bytes that are wrapped in
 * none of these come back as they are, alone.
 */
export function unwrapCapture(bytes: Uint8Array): readonly Unwrapped[] {
  const body = withoutHttpHead(fromUtf16(asBuffer(bytes)));
  const told = wrappedValue(body);
  const inside = told === undefined ? null : insideOf(told);
  return inside ?? [{ command: null, bytes: body }];
}

const asBuffer = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);

/** As UTF-8, when it begins with a byte order mark of UTF-16 (PowerShell's `>` writes that). */
function fromUtf16(bytes: Buffer): Buffer {
  const isLittle = bytes[0] === 0xff && bytes[1] === 0xfe;
  const isBig = bytes[0] === 0xfe && bytes[1] === 0xff;
  if (!isLittle && !isBig) return bytes;
  const even = Buffer.from(bytes.subarray(2, bytes.length - (bytes.length % 2)));
  return Buffer.from((isLittle ? even : even.swap16()).toString('utf16le'), 'utf8');
}

/** Longest HTTP head looked for, bytes. */
const maxHead = 16 * 1024;

function withoutHttpHead(bytes: Buffer): Buffer {
  const head = bytes.toString('latin1', 0, maxHead);
  if (!/^\s*HTTP\/[\d.]+ \d{3}\b/.test(head)) return bytes;
  const end = /\r?\n\r?\n/.exec(head);
  if (end === null) return bytes;
  const body = bytes.subarray(end.index + end[0].length);
  return /^transfer-encoding:[^\r\n]*\bchunked\b/im.test(head.slice(0, end.index)) ? unchunked(body) : body;
}

/** The chunks of a body put together; what does not fit the form is taken as it stands. */
function unchunked(body: Buffer): Buffer {
  const parts: Buffer[] = [];
  let at = 0;
  while (at < body.length) {
    const line = /^([\da-f]{1,8})[^\r\n]{0,200}\r?\n/i.exec(body.toString('latin1', at, at + 256));
    if (line === null) return parts.length === 0 ? body : Buffer.concat([...parts, body.subarray(at)]);
    const size = Number.parseInt(line[1] ?? '', 16);
    if (size === 0) break;
    parts.push(body.subarray(at + line[0].length, at + line[0].length + size));
    at += line[0].length + size;
    while (body[at] === 0x0d || body[at] === 0x0a) at += 1;
  }
  return Buffer.concat(parts);
}

/** The JSON value of bytes that may be a wrapping: a string, a list, or an object that names its request. */
function wrappedValue(bytes: Buffer): JsonValue | undefined {
  const first = String.fromCharCode(bytes.find((byte) => byte > 0x20) ?? 0);
  if (!'"[{'.includes(first)) return undefined;
  if (first === '{' && !requestName.test(bytes.toString('latin1', 0, maxRequest))) return undefined;
  try {
    return JSON.parse(bytes.toString('utf8').replace(/[\s\0]+$/, '')) as JsonValue;
  } catch {
    return undefined;
  }
}

/** The name of a request stands among the first members. */
const maxRequest = 4096;
const requestName = /"(?:command|cmd|request)"\s*:/;

const replyNames = ['response', 'reply', 'result', 'answer', 'output', 'data', 'raw'];
/** Replies read of one wrapping. */
const maxReplies = 256;

function insideOf(value: JsonValue): Unwrapped[] | null {
  if (typeof value === 'string') return isReplyText(value) ? [{ command: null, bytes: utf8(value) }] : null;
  if (Array.isArray(value)) {
    const replies = value.slice(0, maxReplies);
    const areReplies = replies.length > 1 && replies.every((it) => isObject(it) && isReply(it));
    return areReplies
      ? replies.flatMap((it) => insideOf(it) ?? [{ command: null, bytes: asJson(it) }])
      : null;
  }
  if (!isObject(value)) return null;
  const request = value.command ?? value.cmd ?? value.request;
  const name = isObject(request) ? (request.command ?? request.cmd) : request;
  const reply = replyNames.map((key) => value[key]).find((it) => it !== undefined);
  if (typeof name !== 'string' || !isWrapped(reply)) return null;
  return [{ command: name, bytes: typeof reply === 'string' ? utf8(reply) : asJson(reply) }];
}

function isWrapped(reply: JsonValue | undefined): reply is JsonValue {
  return typeof reply === 'object' ? reply !== null : typeof reply === 'string';
}

/** A reply says its status; a wrapping its request. */
function isReply(value: JsonObject): boolean {
  return value.STATUS !== undefined || value.msg !== undefined || insideOf(value) !== null;
}

const isReplyText = (text: string): boolean => /^\s*(?:[{[]|STATUS=)/.test(text);
const utf8 = (text: string): Buffer => Buffer.from(text, 'utf8');
const asJson = (value: JsonValue): Buffer => utf8(JSON.stringify(value));
