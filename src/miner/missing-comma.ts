import type { JsonObject, JsonValue } from './reply.js';

/** What the text held, and the root member the comma was missing in ('' where that is not to be told). */
export interface MissingComma {
  readonly value: JsonObject | JsonValue[];
  readonly member: string;
}

/**
 * Reads a text whose only damage is one missing comma, `}{`: what Antminers up to the S9's time and their
 * clones answer to `stats`, so that a farm of them would be read the slow way at every poll.
 *
 * It cannot edit inside a string: a comma more in one leaves the text the same but for that string, and a
 * text that strict parsing refused is refused again. `null` when that is not all that is wrong.
 */
export function parseMissingComma(text: string): MissingComma | null {
  const at = text.indexOf('}{');
  if (at === -1 || text.includes('}{', at + 2)) return null;
  try {
    const value = JSON.parse(`${text.slice(0, at + 1)},${text.slice(at + 1)}`) as JsonObject | JsonValue[];
    return { value, member: memberAt(text, value, at) };
  } catch {
    return null;
  }
}

/** The root member that begins last before `at`: of several joined replies, the one that is damaged. */
function memberAt(text: string, root: JsonObject | JsonValue[], at: number): string {
  if (Array.isArray(root)) return '';
  let member = '';
  let from = -1;
  for (const key in root) {
    const value = root[key];
    if (typeof value !== 'object' || value === null) continue;
    const begins = text.lastIndexOf(`"${key}"`, at);
    if (begins <= from) continue;
    from = begins;
    member = key;
  }
  return member;
}
