import type { JsonValue } from '../reply.js';

/** Chips of a board: how many answer, and of how many. */
export interface Chips {
  readonly ok: number | null;
  readonly total: number | null;
}

/**
 * Counts a chip map such as ` oooo ooxo oo-o`: `o` answers, `x` does not, `-` is missing; groups of
 * any size. `found` is the number of chips the device enumerated: without a map it is how many
 * answer, and the total is unknown.
 */
export function readChips(map: JsonValue | undefined, found: number | null): Chips {
  let ok = 0;
  let marks = 0;
  let isMap = typeof map === 'string';
  for (const mark of typeof map === 'string' ? map : '') {
    if (mark === 'o' || mark === 'O') ok += 1;
    else if (mark === ' ') continue;
    else if (!/[xX\s-]/.test(mark)) isMap = false;
    if (mark.trim() !== '') marks += 1;
  }
  if (!isMap || marks === 0) return { ok: found !== null && found > 0 ? found : null, total: null };
  return { ok, total: Math.max(marks, found ?? 0) };
}
