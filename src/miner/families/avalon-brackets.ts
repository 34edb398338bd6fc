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
export function readBrackets(text: string): Brackets {
  const found = new Map<string, string>();
  let level = [text];
  for (let depth = 0; depth < maxDepth && level.length > 0; depth += 1) {
    const inner: string[] = [];
    for (const part of level) {
      for (const [name, value] of pairsOf(part)) {
        if (found.size >= maxPairs) return found;
        if (!found.has(name)) found.set(name, value);
        if (value.includes('[')) inner.push(value);
      }
    }
    level = inner;
  }
  return found;
}

function* pairsOf(text: string): Generator<readonly [string, string]> {
  let from = 0;
  for (let open = text.indexOf('['); open !== -1; open = text.indexOf('[', from)) {
    let nameEnd = open;
    if (nameEnd > from && (text[nameEnd - 1] === ' ' || text[nameEnd - 1] === ':')) nameEnd -= 1;
    let nameStart = nameEnd;
    while (nameStart > from && isNameCode(text.charCodeAt(nameStart - 1))) nameStart -= 1;
    const end = closingOf(text, open + 1);
    if (nameStart < nameEnd) yield [text.slice(nameStart, nameEnd), text.slice(open + 1, end)];
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
  return value === undefined ? [] : numbersIn(value, maxList);
}

/** The first number of a value such as `55%` or `269880 B`. */
export function numberOf(value: string | undefined): number | null {
  return value === undefined ? null : (numbersIn(value, 1)[0] ?? null);
}

const maxList = 1000;

/** The first `most` parts between blanks and commas. Hundreds of chip temperatures: no pattern, no pieces of text. */
function numbersIn(text: string, most: number): (number | null)[] {
  const found: (number | null)[] = [];
  let start = -1;
  let whole = 0;
  for (let at = 0; at <= text.length && found.length < most; at += 1) {
    const code = at < text.length ? text.charCodeAt(at) : space;
    const digit = code - 0x30;
    if (code <= space || code === comma) {
      if (start !== -1) found.push(whole >= 0 ? whole : toNumberOnly(text.slice(start, at)));
      start = -1;
    } else {
      const isDigit = digit >= 0 && digit <= 9;
      if (start === -1) whole = isDigit ? digit : -1;
      else if (whole >= 0) whole = isDigit && whole < 1e12 ? whole * 10 + digit : -1;
      if (start === -1) start = at;
    }
  }
  return found;
}

const space = 0x20;
const comma = 0x2c;

function toNumberOnly(text: string): number | null {
  const digits = text.endsWith('%') ? text.slice(0, -1) : text;
  const value = digits === '' ? Number.NaN : Number(digits);
  return Number.isFinite(value) ? value : null;
}
