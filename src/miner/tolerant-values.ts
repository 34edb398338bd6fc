import {
  CLOSE_BRACE,
  CLOSE_BRACKET,
  COLON,
  COMMA,
  DOUBLE_QUOTE,
  END,
  giveUp,
  keep,
  MINUS,
  note,
  OPEN_BRACE,
  OPEN_BRACKET,
  peek,
  replace,
  SINGLE_QUOTE,
} from './tolerant-scan.js';
import type { Scan } from './tolerant-scan.js';
import { skipBare, skipScalar, skipString } from './tolerant-tokens.js';

/** What stood before the present position inside a container. */
type Gap = 'start' | 'comma' | 'member';

/** Where a key stood last and how many of its name came before. */
interface KeyPlace {
  end: number;
  earlier: number;
}

/** Values kept of one key that stands more than once in an object, beside the last. */
const maxEarlier = 64;

/**
 * Goes through the members up to the closing brace, or to where the object must have ended.
 * `pos` stands behind the opening brace. `depth` of the root is 1.
 */
export function skipMembers(scan: Scan, depth: number, before: Gap = 'start'): void {
  const keys = scan.tracksKeys ? new Map<string, KeyPlace>() : null;
  let gap = before;
  let commaAt = 0;
  keep(scan);
  scan.openObjects += 1;
  for (;;) {
    const code = peek(scan);
    if (code === COMMA) {
      if (gap === 'member') commaAt = scan.pos;
      gap = skipComma(scan, gap);
    } else if (code === END || code === CLOSE_BRACE || code === CLOSE_BRACKET) {
      const commaToDrop = gap === 'comma' ? commaAt : -1;
      if (closes(scan, code, CLOSE_BRACE, scan.openArrays, commaToDrop)) break;
    } else if (isKeyHere(scan, code)) {
      if (gap === 'member') insertComma(scan);
      const isDone = skipMember(scan, code, depth, keys);
      if (!isDone) break;
      gap = 'member';
      keep(scan);
    } else if (scan.isCut) break;
  }
  scan.openObjects -= 1;
  if (scan.isCut) scan.closers += '}';
}

/** Goes through the elements of the list whose opening bracket is at `pos`. */
export function skipArray(scan: Scan, depth: number): void {
  let gap: Gap = 'start';
  let commaAt = 0;
  scan.pos += 1;
  keep(scan);
  scan.openArrays += 1;
  for (;;) {
    const code = peek(scan);
    if (code === COMMA) {
      if (gap === 'member') commaAt = scan.pos;
      gap = skipComma(scan, gap);
    } else if (code === END || code === CLOSE_BRACE || code === CLOSE_BRACKET) {
      const commaToDrop = gap === 'comma' ? commaAt : -1;
      if (closes(scan, code, CLOSE_BRACKET, scan.openObjects, commaToDrop)) break;
    } else if (code === COLON) dropStray(scan);
    else {
      if (gap === 'member') insertComma(scan);
      if (!skipElement(scan, code, depth)) break;
      gap = 'member';
      keep(scan);
    }
  }
  scan.openArrays -= 1;
  if (scan.isCut) scan.closers += ']';
}

/** Of several commas in a row one stays, at the start of a container none. */
function skipComma(scan: Scan, gap: Gap): Gap {
  if (gap !== 'member') {
    note(scan, 'extra_comma');
    replace(scan, scan.pos, scan.pos + 1, '');
  }
  scan.pos += 1;
  return gap === 'start' ? 'start' : 'comma';
}

function insertComma(scan: Scan): void {
  note(scan, 'missing_comma');
  replace(scan, scan.pos, scan.pos, ',');
}

function dropStray(scan: Scan): void {
  note(scan, 'stray_text');
  replace(scan, scan.pos, scan.pos + 1, '');
  scan.pos += 1;
}

/** Handles what may end a container; false when it was a stray closer and reading goes on. */
function closes(scan: Scan, code: number, own: number, openOthers: number, commaToDrop: number): boolean {
  if (code === END) {
    scan.isCut = true;
    return true;
  }
  if (code !== own && openOthers === 0) {
    note(scan, 'stray_closer');
    replace(scan, scan.pos, scan.pos + 1, '');
    scan.pos += 1;
    return scan.isCut;
  }
  if (commaToDrop >= 0) {
    note(scan, 'extra_comma');
    replace(scan, commaToDrop, commaToDrop + 1, '');
  }
  if (code === own) scan.pos += 1;
  else {
    note(scan, 'mismatched_closer');
    replace(scan, scan.pos, scan.pos, String.fromCharCode(own));
  }
  return true;
}

/** Whether a member begins at `pos`; a word that is no key is dropped. */
function isKeyHere(scan: Scan, code: number): boolean {
  if (code === DOUBLE_QUOTE || code === SINGLE_QUOTE || code === OPEN_BRACE || code === OPEN_BRACKET)
    return true;
  if (code === COLON) {
    dropStray(scan);
    return false;
  }
  const start = scan.pos;
  if (!skipBare(scan)) return false;
  const end = scan.pos;
  if (peek(scan) === COLON) {
    scan.pos = start;
    return true;
  }
  note(scan, 'stray_text');
  replace(scan, start, end, '');
  return false;
}

/** Goes over one member, key and value; false when the text ended first. */
function skipMember(scan: Scan, code: number, depth: number, keys: Map<string, KeyPlace> | null): boolean {
  const start = scan.pos;
  const isNameless = code === OPEN_BRACE || code === OPEN_BRACKET;
  if (isNameless) insertKey(scan);
  else if (!skipKey(scan, code)) return false;
  const isQuoted = code === DOUBLE_QUOTE || code === SINGLE_QUOTE;
  if (depth === 1)
    scan.member = isQuoted ? scan.text.slice(start + 1, scan.pos - 1) : scan.text.slice(start, scan.pos);
  if (keys !== null && code === DOUBLE_QUOTE) noteKey(scan, keys, scan.text.slice(start + 1, scan.pos - 1));
  const valueFrom = scan.pos;
  const isDone = isNameless ? skipValue(scan, code, depth) : skipMemberValue(scan, depth);
  const isKept = isDone || scan.kept > valueFrom;
  if (isKept) scan.members += 1;
  if (depth === 1) {
    if (isKept && !isDone) scan.cutMember = scan.member;
    scan.member = '';
  }
  return isDone;
}

/** A container where a key should stand gets one: `#1`, `#2`… */
function insertKey(scan: Scan): void {
  scan.unnamed += 1;
  note(scan, 'missing_key');
  replace(scan, scan.pos, scan.pos, `"#${String(scan.unnamed)}":`);
}

function skipKey(scan: Scan, code: number): boolean {
  if (code === DOUBLE_QUOTE || code === SINGLE_QUOTE) return skipString(scan);
  const start = scan.pos;
  skipBare(scan);
  note(scan, 'bare_key');
  replace(scan, start, scan.pos, JSON.stringify(scan.text.slice(start, scan.pos)));
  return !scan.isCut;
}

/** A key seen before gets a number where it stood, so that the last one has the name. */
function noteKey(scan: Scan, keys: Map<string, KeyPlace>, key: string): void {
  const end = scan.pos - 1;
  const place = keys.get(key);
  if (place === undefined) {
    keys.set(key, { end, earlier: 0 });
    return;
  }
  note(scan, 'duplicate_key');
  place.earlier += 1;
  if (place.earlier <= maxEarlier) replace(scan, place.end, place.end, `#${String(place.earlier)}`);
  place.end = end;
}

/** Goes over colon and value; what of them is missing is put in. False when the cut took or shortened the value. */
function skipMemberValue(scan: Scan, depth: number): boolean {
  let code = peek(scan);
  const hasColon = code === COLON;
  if (hasColon) {
    scan.pos += 1;
    code = peek(scan);
  }
  if (code === END) {
    scan.isCut = true;
    return false;
  }
  const isValue = code !== COMMA && code !== CLOSE_BRACE && code !== CLOSE_BRACKET && code !== COLON;
  if (isValue && hasColon) return skipValue(scan, code, depth);
  const isPlainly =
    code === OPEN_BRACE || code === OPEN_BRACKET || code === MINUS || (code >= 0x30 && code <= 0x39);
  note(scan, isPlainly ? 'missing_colon' : 'missing_value');
  const colon = hasColon ? '' : ':';
  replace(scan, scan.pos, scan.pos, isPlainly ? colon : `${colon}null`);
  return isPlainly ? skipValue(scan, code, depth) : !scan.isCut;
}

function skipValue(scan: Scan, code: number, depth: number): boolean {
  if (code === DOUBLE_QUOTE || code === SINGLE_QUOTE) return skipString(scan);
  if (code !== OPEN_BRACE && code !== OPEN_BRACKET) return skipScalar(scan);
  if (depth >= scan.maxDepth) giveUp(scan);
  else if (code === OPEN_BRACKET) skipArray(scan, depth + 1);
  else {
    scan.pos += 1;
    skipMembers(scan, depth + 1);
  }
  return !scan.isCut;
}

/** One element; a scalar with a colon behind it is a member that stands in a list and becomes an object there. */
function skipElement(scan: Scan, code: number, depth: number): boolean {
  const { pos: start } = scan;
  const firstEdit = scan.edits.length;
  if (!skipValue(scan, code, depth)) return false;
  if (code === OPEN_BRACE || code === OPEN_BRACKET) return true;
  const end = scan.pos;
  if (peek(scan) !== COLON) return true;
  note(scan, 'list_member');
  if (code !== DOUBLE_QUOTE && code !== SINGLE_QUOTE) {
    scan.edits.length = firstEdit;
    replace(scan, start, end, JSON.stringify(scan.text.slice(start, end)));
  }
  scan.edits.splice(firstEdit, 0, { at: start, until: start, insert: '{' });
  const valueFrom = scan.pos;
  const isDone = skipMemberValue(scan, depth);
  if (isDone) replace(scan, scan.pos, scan.pos, '}');
  else if (scan.kept > valueFrom) scan.closers += '}';
  if (isDone || scan.kept > valueFrom) scan.members += 1;
  return isDone;
}
