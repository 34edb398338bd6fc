import type { JsonObject, JsonValue } from './reply.js';
import {
  END,
  newScan,
  note,
  OPEN_BRACE,
  OPEN_BRACKET,
  peek,
  repairedText,
  replace,
} from './tolerant-scan.js';
import type { RepairCount, RepairKind, Scan } from './tolerant-scan.js';
import { skipArray, skipMembers } from './tolerant-values.js';

/** Deepest nesting read of damaged JSON; replies of devices stay under ten. */
const defaultMaxDepth = 200;

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
 * Reads JSON that strict `JSON.parse` refused: one pass that knows where strings are collects the edits
 * that make the text strict, and never edits inside strings but what JSON forbids there. The repaired text
 * is then parsed strictly, which is several times faster than building the objects here.
 *
 * `null` when the text is no damaged JSON (prose, markup, nesting past `maxDepth`). Never throws; time is
 * linear in the text. A key that stands more than once keeps its last value under its name, as strict JSON
 * does, and the earlier ones (up to 64) as `key#1`, `key#2`… in order. A `"k":v` in a list becomes `{"k":v}`.
 */
export function parseTolerant(text: string, maxDepth = defaultMaxDepth): TolerantResult | null {
  const found = scanText(text, maxDepth, false);
  if (found === null) return null;
  // Members that went missing in strict parsing had a key that stands more than once.
  const repeated = found.scan.members - countMembers(found.value);
  if (repeated === 0) return toResult(found);
  if (repeated > maxRepeated) return null;
  // Rare, so only now are keys compared.
  const again = scanText(text, maxDepth, true);
  return again === null ? null : toResult(again);
}

/** Members under keys that stood before, in one reply; more is no reply of a device. */
const maxRepeated = 1000;

interface Found {
  readonly scan: Scan;
  readonly value: JsonObject | JsonValue[];
}

function scanText(text: string, maxDepth: number, tracksKeys: boolean): Found | null {
  const scan = newScan(text, maxDepth, tracksKeys);
  const opener = findStart(scan);
  if (opener === null) return null;
  const from = scan.pos;
  scan.edits.length = 0;
  skipRoot(scan, opener);
  if (scan.isHopeless) return null;
  const repaired = repairedText(scan, from);
  if (!scan.isCut) noteRest(scan);
  if (!isBelievable(scan)) return null;
  try {
    return { scan, value: JSON.parse(repaired) as JsonObject | JsonValue[] };
  } catch {
    return null;
  }
}

/** Members of all objects; the depth is bounded by the scan. */
function countMembers(value: JsonObject | JsonValue[]): number {
  let count = 0;
  if (Array.isArray(value)) {
    for (const child of value) if (typeof child === 'object' && child !== null) count += countMembers(child);
    return count;
  }
  // for-in: on the large objects of the S9 it takes half the time of Object.values.
  for (const key in value) {
    const child = value[key];
    count += typeof child === 'object' && child !== null ? 1 + countMembers(child) : 1;
  }
  return count;
}

// Used behind `peek`, so that no two runs of white space stand side by side.
const keyAhead = /,?\s*"[^"\\]{0,200}"\s*:/y;
const jsonpHead = /^\s*[A-Za-z_$][\w$.]*\s*\(\s*$/;
const jsonpTail = /^\s*\)\s*;?\s*$/;
/** Closing braces too many after which reading still goes on. */
const maxBracesTooMany = 8;
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

function skipRoot(scan: Scan, opener: 'object' | 'array' | 'implied'): void {
  if (opener === 'array') {
    skipArray(scan, 1);
    return;
  }
  if (opener === 'object') scan.pos += 1;
  else replace(scan, scan.pos, scan.pos, '{');
  skipMembers(scan, 1);
  // A brace too many in the middle: the members behind it still belong to the root.
  for (let braces = 0; braces < maxBracesTooMany && !scan.isCut; braces += 1) {
    const brace = scan.pos - 1;
    if (peek(scan) === END) break;
    keyAhead.lastIndex = scan.pos;
    if (!keyAhead.test(scan.text)) break;
    note(scan, 'stray_closer');
    replace(scan, brace, brace + 1, '');
    skipMembers(scan, 1, scan.members > 0 ? 'member' : 'start');
  }
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
  return scan.members === 0 ? scan.isCut && weak === 0 : weak <= scan.members;
}

function toResult({ scan, value }: Found): TolerantResult {
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
