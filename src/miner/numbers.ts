import type { JsonValue } from './reply.js';

/** A number and the unit that stood behind it, as written; '' where there was none. */
export interface Quantity {
  readonly value: number;
  readonly unit: string;
}

/** Longest text read as a number, characters. `Â°C` is `°C` in UTF-8 that somebody took for Latin-1. */
const maxNumberText = 64;
const quantity =
  /^\s*([+-]?(?:\d{1,3}(?:,\d{3})+(?:\.\d*)?|\d+(?:\.\d*)?|\.\d+)(?:e[+-]?\d+)?)\s*Â?([a-z%°℃℉µ][a-z%°/]*)?\s*(?:\([^)]*\))?\s*$/i;
const units =
  /^(?:[KMGTPE]|[KMGTPE]?H(?:ash)?(?:\/?s(?:ec)?)?|%|[mkM]?[WVA]|[KMG]?Hz|J\/?[KMGT]H?|W\/?[KMGT]H?|°?[CF]|℃|℉|rpm|[KMGT]?i?B|m?s|sec|min|h|d|x)$/i;
const multipliers = new Map([
  ['K', 1e3],
  ['M', 1e6],
  ['G', 1e9],
  ['T', 1e12],
  ['P', 1e15],
  ['E', 1e18],
]);

/**
 * Reads `"11500 MH/s"`, `"3250 W"`, `"18,500.5"`, `"456.78 (AB)"`, `" 12.0000"`; `null` when it is no
 * single number. A bare `K`, `M`, `G`, `T`, `P`, `E` multiplies (`"524K"` is 524000, unit ''); any other
 * unit is given back and the value left in it.
 */
export function parseQuantity(value: JsonValue | undefined): Quantity | null {
  if (typeof value === 'number') return Number.isFinite(value) ? { value, unit: '' } : null;
  if (typeof value !== 'string' || value.length > maxNumberText) return null;
  const match = quantity.exec(value);
  if (match === null) return null;
  const unit = match[2] ?? '';
  if (unit !== '' && !units.test(unit)) return null;
  const multiplier = multipliers.get(unit.toUpperCase());
  const read = Number((match[1] ?? '').replaceAll(',', '')) * (multiplier ?? 1);
  return Number.isFinite(read) ? { value: read, unit: multiplier === undefined ? unit : '' } : null;
}

/** The number in a value, in whatever unit it is written in; `null` for "", "-", "m", "nan", lists and the like. */
export function toNumber(value: JsonValue | undefined): number | null {
  if (typeof value === 'number') return Number.isFinite(value) ? value : null;
  if (typeof value !== 'string') return null;
  return plainNumber(value) ?? parseQuantity(value)?.value ?? null;
}

/** Most numbers written as text are nothing but digits: they need no pattern. Null where it must decide. */
function plainNumber(text: string): number | null {
  const first = text.charCodeAt(0);
  if (!(first >= 0x30 && first <= 0x39) || text.length > maxNumberText) return null;
  // `0x`, `0o`, `0b` are numbers to JavaScript alone.
  const isPrefixed = first === 0x30 && text.charCodeAt(1) > 0x39;
  const value = isPrefixed ? Number.NaN : Number(text);
  return Number.isFinite(value) ? value : null;
}

/** A count: not negative, whole (a fraction is dropped), within 2^53; otherwise `null`. */
export function toCount(value: JsonValue | undefined): number | null {
  const read = toNumber(value);
  return read === null || read < 0 || read > Number.MAX_SAFE_INTEGER ? null : Math.floor(read);
}

/** A temperature, °C, between −40 and 150. 0, −273 and 255 are how devices write "no sensor": `null`. */
export function toTemperature(value: JsonValue | undefined): number | null {
  const read = toNumber(value);
  return read === null || read === 0 || read <= -40 || read >= 150 ? null : read;
}

/** Seconds in a time as `d:h:m:s`, or with fewer parts; null for anything else. */
export function toSeconds(value: JsonValue | undefined): number | null {
  if (typeof value !== 'string' || !/^\d{1,9}(?::\d{1,9}){1,3}$/.test(value)) return null;
  const weights = [1, 60, 3600, 86_400];
  return value
    .split(':')
    .reverse()
    .reduce((all, part, at) => all + Number(part) * (weights[at] ?? 0), 0);
}

const controls = /\p{Cc}+/gu;

function hasControls(text: string): boolean {
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code < 0x20 || (code >= 0x7f && code < 0xa0)) return true;
  }
  return false;
}

/**
 * The text of a value: white space and control characters at its ends removed, those inside made one
 * space, quotes around the whole taken off (`"'20210109.22.REL'"`). `null` when nothing is left.
 *
 * The result may hold on to the reply it was cut from: `ownText` is for what is kept.
 */
export function toText(value: JsonValue | undefined): string | null {
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  if (typeof value !== 'string') return null;
  let text = (hasControls(value) ? value.replace(controls, ' ') : value).trim();
  if (text.length > 1 && text.startsWith("'") && text.endsWith("'")) text = text.slice(1, -1).trim();
  return text === '' ? null : text;
}
