import type { JsonValue } from '../reply.js';

/** Chips of a board: how many answer, and of how many. */
export interface Chips {
  readonly ok: number | null;
  readonly total: number | null;
}

const noMap = /[^oOxX\s-]/;
const letterO = 0x6f;
const letterX = 0x78;
const dash = 0x2d;

/**
 * Counts a chip map such as ` oooo ooxo oo-o`: `o` answers, `x` does not, `-` is missing; groups of
 * any size. `found` is the number of chips the device enumerated: without a map it is how many
 * answer, and the total is unknown.
 */
export function readChips(map: JsonValue | undefined, found: number | null): Chips {
  let ok = 0;
  let marks = 0;
  const text = typeof map === 'string' && !noMap.test(map) ? map : '';
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    const letter = code | 0x20;
    if (letter === letterO) ok += 1;
    if (letter === letterO || letter === letterX || code === dash) marks += 1;
  }
  if (marks === 0) return { ok: found !== null && found > 0 ? found : null, total: null };
  return { ok, total: Math.max(marks, found ?? 0) };
}
