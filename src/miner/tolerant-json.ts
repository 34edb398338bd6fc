import type { JsonObject, JsonValue } from './reply.js';
import { END, note, OPEN_BRACE, OPEN_BRACKET, peek } from './tolerant-scan.js';
import type { RepairCount, RepairKind, Scan } from './tolerant-scan.js';
import { readArray, readMembers } from './tolerant-values.js';

/** Deepest nesting read, by the strict and by the tolerant way; replies of devices stay under ten. */
export const defaultMaxDepth = 200;

/** What a damaged text held. */
export interface TolerantResult {
  readonly value: JsonObject | JsonValue[];
  /** Never empty. */
  readonly repairs: readonly RepairCount[];
  /** The end was missing. What the cut may have shortened is left out of `value`. */
  readonly isTruncated: boolean;
  /** Root member the cut fell into: the others are whole. */
  readonly cutMember: string | null;
  /** The repairs by root member; '' holds those between the members. */
  readonly memberRepairs: ReadonlyMap<string, readonly RepairCount[]>;
}

/**
 * Reads JSON that strict `JSON.parse` refused, in one pass that knows where strings are and never edits
 * inside them.
 *
 * `null` when the text is no damaged JSON (prose, markup, nesting past `maxDepth`). Never throws; time is
 * linear in the text. A key that stands more than once keeps its last value under its name, as strict JSON
 * does, and the earlier ones as `key#1`, `key#2`… in order. A `"k":v` in a list becomes `{"k":v}` there.
 */
export function parseTolerant(text: string, maxDepth = defaultMaxDepth): TolerantResult | null {
  const scan: Scan = {
    text,
    pos: 0,
    isCut: false,
    isTooDeep: false,
    openObjects: 0,
    openArrays: 0,
    strong: 0,
    member: '',
    cutMember: null,
    maxDepth,
    repairs: new Map(),
  };
  const opener = findStart(scan);
  if (opener === null) return null;
  const value = readRoot(scan, opener);
  if (scan.isTooDeep) return null;
  if (!scan.isCut) noteRest(scan);
  return isBelievable(scan) ? toResult(scan, value) : null;
}

// Used behind `peek`, so that no two runs of white space stand side by side.
const keyAhead = /,?\s*"[^"\\]{0,200}"\s*:/y;
const jsonpHead = /^\s*[A-Za-z_$][\w$.]*\s*\(\s*$/;
const jsonpTail = /^\s*\)\s*;?\s*$/;
/** Text tolerated ahead of the first brace, characters. */
const maxLead = 512;

/** Moves to the root's opening; `implied` when the text begins with a member. */
function findStart(scan: Scan): 'object' | 'array' | 'implied' | null {
  const first = peek(scan);
  if (first === OPEN_BRACE) return 'object';
  if (first === OPEN_BRACKET) return 'array';
  keyAhead.lastIndex = scan.pos;
  if (keyAhead.test(scan.text)) {
    note(scan, 'missing_opener');
    return 'implied';
  }
  const brace = scan.text.slice(scan.pos, scan.pos + maxLead).indexOf('{');
  if (brace === -1) return null;
  const lead = scan.text.slice(scan.pos, scan.pos + brace);
  if (lead.startsWith('<') || lead.startsWith('HTTP/')) return null;
  scan.pos += brace;
  note(scan, jsonpHead.test(lead) ? 'jsonp' : 'leading_text');
  return 'object';
}

function readRoot(scan: Scan, opener: 'object' | 'array' | 'implied'): JsonObject | JsonValue[] {
  if (opener === 'array') return readArray(scan, 1);
  if (opener === 'object') scan.pos += 1;
  const root: JsonObject = {};
  readMembers(scan, root, 1);
  // A brace too many in the middle: the members behind it still belong to the root.
  while (!scan.isCut && peek(scan) !== END) {
    keyAhead.lastIndex = scan.pos;
    if (!keyAhead.test(scan.text)) break;
    note(scan, 'stray_closer');
    readMembers(scan, root, 1);
  }
  return root;
}

function noteRest(scan: Scan): void {
  if (peek(scan) === END) return;
  const rest = scan.text.slice(scan.pos, scan.pos + 16);
  const isJsonp = scan.repairs.get('')?.has('jsonp') === true && jsonpTail.test(rest);
  if (!isJsonp) note(scan, 'trailing_text');
}

const weakKinds: readonly RepairKind[] = [
  'stray_text',
  'stray_closer',
  'bare_key',
  'bare_word',
  'missing_key',
];

/** Prose with braces in it yields words and no members: that is no reply. A cut right at the start is. */
function isBelievable(scan: Scan): boolean {
  let weak = 0;
  for (const counts of scan.repairs.values()) for (const kind of weakKinds) weak += counts.get(kind) ?? 0;
  return scan.strong === 0 ? scan.isCut && weak === 0 : weak <= scan.strong;
}

function toResult(scan: Scan, value: JsonObject | JsonValue[]): TolerantResult {
  scan.member = scan.cutMember ?? '';
  if (scan.isCut) note(scan, 'unterminated');
  else if (scan.repairs.size === 0) note(scan, 'other');
  const total = new Map<RepairKind, number>();
  const memberRepairs = new Map<string, readonly RepairCount[]>();
  for (const [member, counts] of scan.repairs) {
    memberRepairs.set(member, toCounts(counts));
    for (const [kind, count] of counts) total.set(kind, (total.get(kind) ?? 0) + count);
  }
  const { isCut: isTruncated, cutMember } = scan;
  return { value, repairs: toCounts(total), isTruncated, cutMember, memberRepairs };
}

const toCounts = (counts: ReadonlyMap<RepairKind, number>): RepairCount[] =>
  [...counts].map(([kind, count]) => ({ kind, count }));
