import type { JsonObject } from './reply.js';

/** One kind of repair and how often it was made. */
export interface RepairCount {
  readonly kind: RepairKind;
  readonly count: number;
}

/** Every repair, the bounded vocabulary of `Repair.kind`; `docs/quirks.md` shows one example of each. */
export const repairKinds = [
  'array_root',
  'bad_escape',
  'bare_key',
  'bare_word',
  'control_char',
  'duplicate_key',
  'extra_comma',
  'invalid_utf8',
  'jsonp',
  'leading_text',
  'list_member',
  'mismatched_closer',
  'missing_colon',
  'missing_comma',
  'missing_key',
  'missing_opener',
  'missing_value',
  'non_finite',
  'other',
  'python_literal',
  'single_quotes',
  'stray_closer',
  'stray_text',
  'trailing_text',
  'unterminated',
] as const;
export type RepairKind = (typeof repairKinds)[number];

export const COMMA = 0x2c;
export const COLON = 0x3a;
export const OPEN_BRACE = 0x7b;
export const CLOSE_BRACE = 0x7d;
export const OPEN_BRACKET = 0x5b;
export const CLOSE_BRACKET = 0x5d;
export const DOUBLE_QUOTE = 0x22;
export const SINGLE_QUOTE = 0x27;
/** What `peek` answers at the end of the text. */
export const END = -1;

/** State of one reading; the functions below move `pos` forward only. */
export interface Scan {
  readonly text: string;
  pos: number;
  /** The text ended inside something. */
  isCut: boolean;
  isTooDeep: boolean;
  openObjects: number;
  openArrays: number;
  /** Members read as JSON has them: the evidence that this is a reply and not prose. */
  strong: number;
  /** The root member being read, '' between them. */
  member: string;
  /** Root member that was open when the text ended. */
  cutMember: string | null;
  readonly maxDepth: number;
  /** Repairs by root member, then kind. */
  readonly repairs: Map<string, Map<RepairKind, number>>;
}

/** Counts one repair against the root member it happened in. */
export function note(scan: Scan, kind: RepairKind): void {
  let counts = scan.repairs.get(scan.member);
  if (counts === undefined) scan.repairs.set(scan.member, (counts = new Map<RepairKind, number>()));
  counts.set(kind, (counts.get(kind) ?? 0) + 1);
}

/** Skips white space (and stray control characters); the next character code, or `END`. */
export function peek(scan: Scan): number {
  const { text } = scan;
  let i = scan.pos;
  let code = text.charCodeAt(i);
  while (code <= 0x20) code = text.charCodeAt((i += 1));
  scan.pos = i;
  return i < text.length ? code : END;
}

const escapes: Readonly<Record<string, string>> = {
  '"': '"',
  '\\': '\\',
  '/': '/',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
};
const fourHex = /[0-9a-fA-F]{4}/y;

/** Reads the escape at `at` (the backslash): its text and the index behind it. Unknown ones stay as written. */
function readEscape(scan: Scan, at: number): { readonly value: string; readonly next: number } {
  const letter = scan.text.charAt(at + 1);
  const known = Object.hasOwn(escapes, letter) ? escapes[letter] : undefined;
  if (known !== undefined) return { value: known, next: at + 2 };
  if (letter === 'u') {
    fourHex.lastIndex = at + 2;
    if (fourHex.test(scan.text)) {
      return { value: String.fromCharCode(parseInt(scan.text.slice(at + 2, at + 6), 16)), next: at + 6 };
    }
  }
  note(scan, 'bad_escape');
  return { value: letter === "'" ? letter : `\\${letter}`, next: at + 2 };
}

/** Reads the string whose opening quote is at `pos`; `undefined` (and `isCut`) when the text ends inside it. */
export function readString(scan: Scan): string | undefined {
  const { text } = scan;
  const quote = text.charCodeAt(scan.pos);
  if (quote === SINGLE_QUOTE) note(scan, 'single_quotes');
  let start = scan.pos + 1;
  let read = '';
  for (let i = start; i < text.length;) {
    const code = text.charCodeAt(i);
    if (code === quote) {
      scan.pos = i + 1;
      return read === '' ? text.slice(start, i) : read + text.slice(start, i);
    }
    if (code === 0x5c && i + 1 < text.length) {
      const { value, next } = readEscape(scan, i);
      read += text.slice(start, i) + value;
      start = i = next;
      continue;
    }
    if (code < 0x20) note(scan, 'control_char');
    i += 1;
  }
  scan.pos = text.length;
  scan.isCut = true;
  return undefined;
}

function isDelimiter(code: number): boolean {
  return (
    code <= 0x20 ||
    code === COMMA ||
    code === COLON ||
    code === CLOSE_BRACE ||
    code === CLOSE_BRACKET ||
    code === OPEN_BRACE ||
    code === OPEN_BRACKET ||
    code === DOUBLE_QUOTE
  );
}

/** Reads a run of characters up to the next delimiter, at least one; `undefined` (and `isCut`) at the end of the text. */
export function readBare(scan: Scan): string | undefined {
  const { text } = scan;
  let i = scan.pos + 1;
  while (i < text.length && !isDelimiter(text.charCodeAt(i))) i += 1;
  const word = text.slice(scan.pos, i);
  scan.pos = i;
  if (i < text.length) return word;
  scan.isCut = true;
  return undefined;
}

const strictNumber = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;
const nonFinite = /^[+-]?(?:nan(?:\([^)]*\))?|inf(?:inity)?|[0-9]?\.?#[a-z]+[0-9]*)$/i;
const literals = new Map<string, boolean | null>([
  ['true', true],
  ['false', false],
  ['null', null],
]);
const pythonLiterals = new Map<string, boolean | null>([
  ['True', true],
  ['False', false],
  ['None', null],
  ['undefined', null],
]);

/** Reads a number, literal or bare word. What is no JSON number (`007`, `+5`) stays text, so that nothing is lost. */
export function readScalar(scan: Scan): number | string | boolean | null | undefined {
  strictNumber.lastIndex = scan.pos;
  if (strictNumber.test(scan.text)) {
    const end = strictNumber.lastIndex;
    if (end < scan.text.length && isDelimiter(scan.text.charCodeAt(end))) {
      const value = Number(scan.text.slice(scan.pos, end));
      scan.pos = end;
      if (Number.isFinite(value)) return value;
      note(scan, 'non_finite');
      return null;
    }
  }
  const word = readBare(scan);
  if (word === undefined) return undefined;
  const literal = literals.get(word);
  if (literal !== undefined) return literal;
  if (nonFinite.test(word)) {
    note(scan, 'non_finite');
    return null;
  }
  const python = pythonLiterals.get(word);
  note(scan, python === undefined ? 'bare_word' : 'python_literal');
  return python === undefined ? word : python;
}

/** Sets an own property whatever its name: `__proto__` is data like any other. */
export function setOwn<T>(object: Record<string, T>, key: string, value: T): void {
  if (key === '__proto__') {
    Object.defineProperty(object, key, { value, writable: true, enumerable: true, configurable: true });
  } else object[key] = value;
}

/** Whether an object already has this member. */
export function hasMember(object: JsonObject, key: string): boolean {
  return object[key] !== undefined && Object.hasOwn(object, key);
}
