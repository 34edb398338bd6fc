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
export const BACKSLASH = 0x5c;
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
