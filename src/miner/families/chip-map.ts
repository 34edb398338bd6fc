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
  const text = typeof map === 'string' ? map : '';
  const marks = text.match(/[oOxX-]/g)?.length ?? 0;
  if (marks === 0 || /[^oOxX\s-]/.test(text))
    return { ok: found !== null && found > 0 ? found : null, total: null };
  const ok = text.match(/[oO]/g)?.length ?? 0;
  return { ok, total: Math.max(marks, found ?? 0) };
}
