import {
  BACKSLASH,
  CLOSE_BRACE,
  CLOSE_BRACKET,
  COLON,
  COMMA,
  DOUBLE_QUOTE,
  MINUS,
  note,
  OPEN_BRACE,
  OPEN_BRACKET,
  replace,
  SINGLE_QUOTE,
} from './tolerant-scan.js';
import type { Scan } from './tolerant-scan.js';

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
