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
export const MINUS = 0x2d;
const BACKSLASH = 0x5c;
/** What `peek` answers at the end of the text. */
export const END = -1;

/** One change of the text: `text[at, until)` becomes `insert`. */
interface Edit {
  readonly at: number;
  readonly until: number;
  readonly insert: string;
}

/** Changes made to one text at most; what needs more is no reply. */
const maxEdits = 10_000;

/** State of one reading; the functions below move `pos` forward only. */
export interface Scan {
  readonly text: string;
  readonly maxDepth: number;
  /** Look for keys that stand more than once. */
  readonly tracksKeys: boolean;
  pos: number;
  /** The text ended inside something. */
  isCut: boolean;
  /** Nested too deeply, or damaged beyond `maxEdits`. */
  isHopeless: boolean;
  openObjects: number;
  openArrays: number;
  /** Members of objects kept. */
  members: number;
  /** Containers that got a key of ours. */
  unnamed: number;
  /** The root member being read, '' between them. */
  member: string;
  /** Root member that was open when the text ended. */
  cutMember: string | null;
  edits: Edit[];
  /** Up to here the text stands even if what follows is cut, with the first `keptEdits` of the edits. */
  kept: number;
  keptEdits: number;
  /** Brackets to write behind a cut. */
  closers: string;
  /** Repairs by root member, then kind. */
  readonly repairs: Map<string, Map<RepairKind, number>>;
}

/** A reading at its start; `tracksKeys` costs time and is for texts known to repeat keys. */
export function newScan(text: string, maxDepth: number, tracksKeys: boolean): Scan {
  return {
    text,
    maxDepth,
    tracksKeys,
    pos: 0,
    isCut: false,
    isHopeless: false,
    openObjects: 0,
    openArrays: 0,
    members: 0,
    unnamed: 0,
    member: '',
    cutMember: null,
    edits: [],
    kept: 0,
    keptEdits: 0,
    closers: '',
    repairs: new Map(),
  };
}

/** Counts one repair against the root member it happened in. */
export function note(scan: Scan, kind: RepairKind): void {
  let counts = scan.repairs.get(scan.member);
  if (counts === undefined) scan.repairs.set(scan.member, (counts = new Map<RepairKind, number>()));
  counts.set(kind, (counts.get(kind) ?? 0) + 1);
}

/** Puts `insert` in the place of `text[at, until)`. */
export function replace(scan: Scan, at: number, until: number, insert: string): void {
  if (scan.edits.length < maxEdits) scan.edits.push({ at, until, insert });
  else giveUp(scan);
}

/** Ends the reading without a result. */
export function giveUp(scan: Scan): void {
  scan.isHopeless = true;
  scan.isCut = true;
  scan.pos = scan.text.length;
}

/** What is behind `pos` may be lost from here on, what is before it not. */
export function keep(scan: Scan): void {
  scan.kept = scan.pos;
  scan.keptEdits = scan.edits.length;
}

/** The text from `from` on with its edits made, brackets closed where it was cut. */
export function repairedText(scan: Scan, from: number): string {
  const { text } = scan;
  // Some edits reach back (a comma found to be the last, a key found to be not the last); the sort is stable.
  const edits = scan.edits
    .slice(0, scan.isCut ? scan.keptEdits : scan.edits.length)
    .sort((a, b) => a.at - b.at);
  let repaired = '';
  let at = from;
  for (const edit of edits) {
    repaired += text.slice(at, edit.at) + edit.insert;
    at = edit.until;
  }
  return repaired + text.slice(at, scan.isCut ? scan.kept : scan.pos) + scan.closers;
}

/** Skips white space (and stray control characters); the next character code, or `END`. */
export function peek(scan: Scan): number {
  const { text } = scan;
  let i = scan.pos;
  let code = text.charCodeAt(i);
  while (code <= 0x20) {
    if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) {
      note(scan, 'control_char');
      replace(scan, i, i + 1, '');
      if (scan.isHopeless) return END;
    }
    code = text.charCodeAt((i += 1));
  }
  scan.pos = i;
  return i < text.length ? code : END;
}

const validEscape = /["\\/bfnrt]|u[0-9a-fA-F]{4}/y;

/** Skips the escape at `at` (the backslash); one that JSON does not know is left standing as plain text. */
function skipEscape(scan: Scan, at: number, isSingle: boolean): number {
  validEscape.lastIndex = at + 1;
  if (validEscape.test(scan.text)) return validEscape.lastIndex;
  const isQuote = scan.text.charCodeAt(at + 1) === SINGLE_QUOTE;
  if (!isQuote || !isSingle) note(scan, 'bad_escape');
  replace(scan, at, at + 1, isQuote ? '' : '\\\\');
  return isQuote ? at + 2 : at + 1;
}

/** Characters of a string looked at one by one before the regular expression takes over: it is faster on long ones. */
const shortRun = 16;
const plainRun = /[^"\\\p{Cc}]*/uy;

/** Skips the string whose opening quote is at `pos`; false (and `isCut`) when the text ends inside it. */
export function skipString(scan: Scan): boolean {
  const { text } = scan;
  if (text.charCodeAt(scan.pos) === SINGLE_QUOTE) return skipSingleQuoted(scan);
  let runFrom = scan.pos + 1;
  for (let i = runFrom; i < text.length;) {
    if (i - runFrom === shortRun) {
      plainRun.lastIndex = i;
      plainRun.test(text);
      i = plainRun.lastIndex;
      if (i === text.length) break;
    }
    const code = text.charCodeAt(i);
    if (code === DOUBLE_QUOTE) {
      scan.pos = i + 1;
      return true;
    }
    if (code >= 0x20 && code !== BACKSLASH) i += 1;
    else {
      i = code === BACKSLASH ? skipEscape(scan, i, false) : escapeControl(scan, i, code);
      runFrom = i;
      if (scan.isHopeless) break;
    }
  }
  return cut(scan);
}

function skipSingleQuoted(scan: Scan): boolean {
  const { text } = scan;
  note(scan, 'single_quotes');
  replace(scan, scan.pos, scan.pos + 1, '"');
  for (let i = scan.pos + 1; i < text.length;) {
    const code = text.charCodeAt(i);
    if (code === SINGLE_QUOTE) {
      replace(scan, i, i + 1, '"');
      scan.pos = i + 1;
      return !scan.isHopeless;
    }
    if (code === BACKSLASH) i = skipEscape(scan, i, true);
    else if (code < 0x20) i = escapeControl(scan, i, code);
    else {
      if (code === DOUBLE_QUOTE) replace(scan, i, i, '\\');
      i += 1;
    }
    if (scan.isHopeless) break;
  }
  return cut(scan);
}

function escapeControl(scan: Scan, at: number, code: number): number {
  note(scan, 'control_char');
  replace(scan, at, at + 1, `\\u${code.toString(16).padStart(4, '0')}`);
  return at + 1;
}

function cut(scan: Scan): false {
  scan.pos = scan.text.length;
  scan.isCut = true;
  return false;
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

/** Moves behind a run of characters up to the next delimiter, at least one; false (and `isCut`) when the text ends there. */
export function skipBare(scan: Scan): boolean {
  const { text } = scan;
  let i = scan.pos + 1;
  while (i < text.length && !isDelimiter(text.charCodeAt(i))) i += 1;
  scan.pos = i;
  return i < text.length || cut(scan);
}

const digitsEnd = (text: string, from: number): number => {
  let i = from;
  for (let code = text.charCodeAt(i); code >= 0x30 && code <= 0x39; code = text.charCodeAt(i)) i += 1;
  return i;
};

/** Index behind the JSON number at `from`, `from` when there is none. Exponents are left to the words. */
function numberEnd(text: string, from: number): number {
  const start = text.charCodeAt(from) === MINUS ? from + 1 : from;
  let end = digitsEnd(text, start);
  if (end === start || (end > start + 1 && text.charCodeAt(start) === 0x30)) return from;
  if (text.charCodeAt(end) === 0x2e) {
    const fraction = end + 1;
    end = digitsEnd(text, fraction);
    if (end === fraction) return from;
  }
  return end;
}

const strictWord = /^(?:true|false|null|-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?[eE][+-]?[0-9]+)$/;
const nonFinite = /^[+-]?(?:nan(?:\([^)]*\))?|inf(?:inity)?|[0-9]?\.?#[a-z]+[0-9]*)$/i;
const python = new Map([
  ['True', 'true'],
  ['False', 'false'],
  ['None', 'null'],
  ['undefined', 'null'],
]);

/** Skips a number, literal or bare word. What is no JSON number (`007`, `+5`) becomes text, so that nothing is lost. */
export function skipScalar(scan: Scan): boolean {
  const { text, pos } = scan;
  const end = numberEnd(text, pos);
  if (end > pos && end < text.length && isDelimiter(text.charCodeAt(end))) {
    scan.pos = end;
    return true;
  }
  if (!skipBare(scan)) return false;
  const word = text.slice(pos, scan.pos);
  if (strictWord.test(word)) return true;
  const literal = python.get(word);
  if (nonFinite.test(word)) {
    note(scan, 'non_finite');
    replace(scan, pos, scan.pos, 'null');
  } else {
    note(scan, literal === undefined ? 'bare_word' : 'python_literal');
    replace(scan, pos, scan.pos, literal ?? JSON.stringify(word));
  }
  return !scan.isHopeless;
}
