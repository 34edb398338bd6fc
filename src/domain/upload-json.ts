const quote = 0x22;
const backslash = 0x5c;
const minus = 0x2d;
const letterN = 0x4e;
const letterI = 0x49;

/** Either the value, or what the parser said. */
export type UploadJson =
  | { readonly kind: 'value'; readonly value: unknown }
  | { readonly kind: 'invalid'; readonly message: string };

/**
 * Parses an upload: strict JSON first, then once more with the bare tokens `NaN`, `Infinity` and
 * `-Infinity` outside of strings read as null (Python's json module writes them). Nothing else is repaired.
 */
export function parseUploadJson(text: string): UploadJson {
  try {
    return { kind: 'value', value: JSON.parse(text) };
  } catch (error) {
    const repaired = nullBareTokens(text);
    if (repaired === null) return { kind: 'invalid', message: describe(error) };
    try {
      return { kind: 'value', value: JSON.parse(repaired) };
    } catch (second) {
      return { kind: 'invalid', message: describe(second) };
    }
  }
}

/** V8's message quotes the text; keep its first line and a bounded part. */
function describe(error: unknown): string {
  const message = error instanceof Error ? error.message : 'unreadable';
  return message.replace(/\p{Cc}/gu, ' ').slice(0, 160);
}

/** The text with bare NaN and infinities as null; null when it holds none. Linear in the text. */
export function nullBareTokens(text: string): string | null {
  const parts: string[] = [];
  let from = 0;
  let at = 0;
  while (at < text.length) {
    const code = text.charCodeAt(at);
    if (code === quote) {
      at = endOfString(text, at);
      continue;
    }
    const token = code === letterN ? 'NaN' : code === letterI ? 'Infinity' : null;
    if (token === null || !text.startsWith(token, at)) {
      at += 1;
      continue;
    }
    const isNegative = token === 'Infinity' && at > from && text.charCodeAt(at - 1) === minus;
    parts.push(text.slice(from, isNegative ? at - 1 : at), 'null');
    at += token.length;
    from = at;
  }
  if (parts.length === 0) return null;
  parts.push(text.slice(from));
  return parts.join('');
}

function endOfString(text: string, start: number): number {
  let at = start + 1;
  while (at < text.length) {
    const code = text.charCodeAt(at);
    if (code === quote) return at + 1;
    at += code === backslash ? 2 : 1;
  }
  return text.length;
}
