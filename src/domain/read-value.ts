import { isIP } from 'node:net';

export type JsonObject = Readonly<Record<string, unknown>>;

const maxInt4 = 2_147_483_647;
const maxFloat4 = 3.4e38;
/** Below this a float4 column underflows and refuses the row. */
const minFloat4 = 1e-30;

/** True for a JSON object, not an array. */
export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A number, also written as text; null for anything else, for `""`, NaN and the infinities. */
function readNumber(value: unknown): number | null {
  const number = typeof value === 'string' ? parseNumber(value) : value;
  return typeof number === 'number' && Number.isFinite(number) ? number : null;
}

function parseNumber(text: string): number | null {
  return /^\s*[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?\s*$/i.test(text) ? Number(text) : null;
}

/** A number within [min, max] that a float4 column can hold, else null. */
export function readReal(value: unknown, min: number, max: number): number | null {
  const number = readNumber(value);
  if (number === null || number < min || number > Math.min(max, maxFloat4)) return null;
  return Math.abs(number) < minFloat4 ? 0 : number;
}

/** A counter for an int8 column: fractions are cut, negative or inexact (over 2⁵³) ones are null. */
export function readCount(value: unknown, max: number = Number.MAX_SAFE_INTEGER): number | null {
  const number = readNumber(value);
  if (number === null || number < 0 || number > max) return null;
  return Math.trunc(number);
}

/** A whole number for an int4 column, rounded; null outside of it. */
export function readInt(value: unknown): number | null {
  const number = readNumber(value);
  return number === null || Math.abs(number) > maxInt4 ? null : Math.round(number) + 0;
}

/** Cheaper to tell than by what Unicode says of each character. */
const unusual = /[^ -~]/;

/** Strips what a text or jsonb column refuses or a page should not show: control characters, lone surrogates. */
export function cleanText(text: string, maxLength: number, keepsLines = false): string {
  const cut = text.length > maxLength ? text.slice(0, maxLength) : text;
  if (!unusual.test(cut)) return cut;
  return keepsLines ? cut.replace(/(?![\n\r\t])[\p{Cc}\p{Cs}]/gu, '') : cut.replace(/[\p{Cc}\p{Cs}]/gu, '');
}

/** Text, cleaned, trimmed and cut; numbers become text; null when nothing is left. */
export function readText(value: unknown, maxLength: number): string | null {
  if (typeof value === 'number' && Number.isFinite(value)) return String(value).slice(0, maxLength);
  if (typeof value !== 'string') return null;
  const text = cleanText(value, maxLength).trim();
  return text === '' ? null : text;
}

/** An IPv4 or IPv6 address without a zone, else null. */
export function readIp(value: unknown): string | null {
  const text = readText(value, 64);
  return text !== null && !text.includes('%') && isIP(text) !== 0 ? text : null;
}

const canonicalMac = /^[0-9a-f]{2}(?::[0-9a-f]{2}){5}$/;

/** A hardware address as `aa:bb:cc:dd:ee:ff`, else null. */
export function readMac(value: unknown): string | null {
  if (typeof value === 'string' && canonicalMac.test(value)) return value;
  const hex = (readText(value, 32) ?? '').toLowerCase().replace(/[:.-]/g, '');
  return /^[0-9a-f]{12}$/.test(hex) ? (hex.match(/../g) ?? []).join(':') : null;
}

/**
 * A serial number that can tell one device from another, else null: at least five letters and digits,
 * not all alike and not the placeholders that firmware writes where none was burnt in.
 */
export function readSerial(value: unknown): string | null {
  const text = readText(value, 64);
  const core = (text ?? '').replace(/[^0-9a-z]/gi, '').toLowerCase();
  if (core.length < 5 || /^(.)\1*$/.test(core)) return null;
  return placeholderSerials.test(core) ? null : text;
}

const placeholderSerials =
  /^(unknown|default|undefined|serialnumber|notavailable|tobefilled.*|0*1234567?8?9?0?|false)$/;

/** A boolean as collectors write it, else null. */
export function readBoolean(value: unknown): boolean | null {
  if (typeof value === 'boolean') return value;
  switch (typeof value === 'string' ? value.trim().toLowerCase() : value) {
    case 1:
    case '1':
    case 'true':
    case 'online':
      return true;
    case 0:
    case '0':
    case 'false':
    case 'offline':
      return false;
    default:
      return null;
  }
}

export interface JsonBounds {
  readonly maxDepth: number;
  readonly maxNodes: number;
  readonly maxTextLength: number;
}

/** A JSON object within bounds, its text cleaned; what is over a bound is left out. Nearly always the object itself. */
export function readJson(value: unknown, bounds: JsonBounds): JsonObject | null {
  if (!isObject(value)) return null;
  return nodesLeft(value, bounds, 0, bounds.maxNodes) >= 0 ? value : copyWithin(value, bounds);
}

const unclean = /[\p{Cc}\p{Cs}]/u;

/** Nodes still allowed behind `part`; negative when it is over a bound or holds text to clean. */
function nodesLeft(part: object, bounds: JsonBounds, depth: number, allowed: number): number {
  if (depth >= bounds.maxDepth) return -1;
  let left = allowed;
  const isList = Array.isArray(part);
  for (const name in part) {
    const item = (part as JsonObject)[name];
    if ((left -= 1) < 0) return -1;
    if (!isList && (name.length > 64 || name === '__proto__' || unclean.test(name))) return -1;
    if (typeof item === 'string' && (item.length > bounds.maxTextLength || unclean.test(item))) return -1;
    if (typeof item === 'object' && item !== null) left = nodesLeft(item, bounds, depth + 1, left);
    if (left < 0) return -1;
  }
  return left;
}

function copyWithin(value: JsonObject, bounds: JsonBounds): JsonObject {
  let nodes = 0;
  const copy = (part: unknown, depth: number): unknown => {
    if (typeof part === 'string') return cleanText(part, bounds.maxTextLength);
    if (typeof part !== 'object' || part === null) return part;
    if (depth >= bounds.maxDepth) return null;
    if (Array.isArray(part)) return takeNodes(part).map((item) => copy(item, depth + 1));
    const entries = takeNodes(Object.entries(part as JsonObject)).filter(([name]) => name !== '__proto__');
    return Object.fromEntries(entries.map(([name, item]) => [cleanText(name, 64), copy(item, depth + 1)]));
  };
  const takeNodes = <T>(items: readonly T[]): readonly T[] => {
    const taken = items.slice(0, Math.max(0, bounds.maxNodes - nodes));
    nodes += taken.length;
    return taken;
  };
  return copy(value, 0) as JsonObject;
}
