import type { JsonValue } from '../reply.js';

/** Chips of a board: how many answer, of how many, and which. */
export interface Chips {
  readonly ok: number | null;
  readonly total: number | null;
  /** One letter a chip, one blank between the device's groups. */
  readonly map: string | null;
}

/** Longest map kept, characters; the largest boards have some 330 chips. */
const maxMap = 1024;

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
  if (marks === 0) return { ok: found !== null && found > 0 ? found : null, total: null, map: null };
  return { ok, total: Math.max(marks, found ?? 0), map: cleanMap(text) };
}

function cleanMap(text: string): string {
  // Nearly every map comes clean but for the blank before its first group.
  const trimmed = text.trim();
  const clean = needsCleaning.test(trimmed) ? trimmed.replace(/\s+/g, ' ').toLowerCase() : trimmed;
  return clean.slice(0, maxMap);
}

const needsCleaning = /[OX]|[^\S ]|\s\s/;
