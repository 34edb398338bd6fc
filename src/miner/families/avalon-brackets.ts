/** Values of a bracket string by name; lists stay text. */
export type Brackets = ReadonlyMap<string, string>;

const maxPairs = 2000;
const maxDepth = 3;

/**
 * Reads Canaan's `Ver[1066-…] Temp[25] PS[0 1217 …] SYSTEMSTATU[Work: In Work, Hash Board: 3 ]`.
 *
 * Names run up to the bracket, values up to its partner, so that brackets may nest; blanks, commas
 * or nothing may stand between pairs. What is nested (`HS[PS[…]]`, `'HB0':{PVT_T0[…]}`) is read too,
 * three levels deep; of a name told twice the outer, then the first, counts. An unclosed value runs
 * to the end. Linear in the length of the text.
 */
export function readBrackets(text: string): Map<string, string> {
  const found = new Map<string, string>();
  let level = [text];
  for (let depth = 0; depth < maxDepth && level.length > 0; depth += 1) {
    const inner: string[] = [];
    for (const part of level) readPairs(part, found, inner);
    level = inner;
  }
  return found;
}

/** Adds the pairs of one level to `found`, and to `inner` the values that hold pairs themselves. */
function readPairs(text: string, found: Map<string, string>, inner: string[]): void {
  let from = 0;
  for (let open = text.indexOf('['); open !== -1; open = text.indexOf('[', from)) {
    let nameEnd = open;
    const before = nameEnd > from ? text.charCodeAt(nameEnd - 1) : 0;
    if (before === space || before === colon) nameEnd -= 1;
    let nameStart = nameEnd;
    while (nameStart > from && isNameCode(text.charCodeAt(nameStart - 1))) nameStart -= 1;
    // Nearly every value holds no bracket: then its partner is the next closing one.
    const close = text.indexOf(']', open + 1);
    const nested = text.indexOf('[', open + 1);
    const isNested = nested !== -1 && (close === -1 || nested < close);
    const end = isNested ? closingOf(text, open + 1) : close === -1 ? text.length : close;
    if (nameStart < nameEnd) {
      if (found.size >= maxPairs) return;
      const name = text.slice(nameStart, nameEnd);
      const value = text.slice(open + 1, end);
      if (!found.has(name)) found.set(name, value);
      if (isNested) inner.push(value);
    }
    from = end;
  }
}

/** Letters, digits, `_`, `.`, `-`. */
function isNameCode(code: number): boolean {
  const isLetter = (code | 0x20) >= 0x61 && (code | 0x20) <= 0x7a;
  return isLetter || (code >= 0x30 && code <= 0x39) || code === 0x5f || code === 0x2e || code === 0x2d;
}

function closingOf(text: string, start: number): number {
  let depth = 1;
  for (let at = start; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === 0x5b) depth += 1;
    else if (code === 0x5d && --depth === 0) return at;
  }
  return text.length;
}

/** The numbers of a value such as ` 59  58` or `285.7 286.3`; what is no number is null. */
export function listOf(value: string | undefined): (number | null)[] {
  const found: (number | null)[] = [];
  if (value !== undefined) eachNumber(value, maxList, (number) => found.push(number));
  return found;
}

/** The first number of a value such as `55%` or `269880 B`. */
export function numberOf(value: string | undefined): number | null {
  let first: number | null = null;
  if (value !== undefined)
    eachNumber(value, 1, (number) => {
      first = number;
    });
  return first;
}

/** Numbers read of one value. */
export const maxList = 1000;

/** Gives `take` the first `most` parts between blanks and commas. Hundreds of chip temperatures: no pattern, no pieces of text, no list. */
export function eachNumber(text: string, most: number, take: (number: number | null) => void): void {
  let start = -1;
  let whole = 0;
  let left = most;
  for (let at = 0; at <= text.length && left > 0; at += 1) {
    const code = at < text.length ? text.charCodeAt(at) : space;
    const digit = code - 0x30;
    if (code <= space || code === comma) {
      if (start !== -1) {
        take(whole >= 0 ? whole : toNumberOnly(text.slice(start, at)));
        left -= 1;
      }
      start = -1;
    } else {
      const isDigit = digit >= 0 && digit <= 9;
      if (start === -1) whole = isDigit ? digit : -1;
      else if (whole >= 0) whole = isDigit && whole < 1e12 ? whole * 10 + digit : -1;
      if (start === -1) start = at;
    }
  }
}

const space = 0x20;
const comma = 0x2c;
const colon = 0x3a;

function toNumberOnly(text: string): number | null {
  const digits = text.endsWith('%') ? text.slice(0, -1) : text;
  const value = digits === '' ? Number.NaN : Number(digits);
  return Number.isFinite(value) ? value : null;
}
