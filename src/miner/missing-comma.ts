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
 * text that strict parsing refused is refused again. `null` when that is not all that is wrong, or when a name
 * stands twice in an object (Hammer D10): strict parsing would keep the last alone.
 */
export function parseMissingComma(text: string): MissingComma | null {
  const at = text.indexOf('}{');
  if (at === -1 || text.includes('}{', at + 2)) return null;
  try {
    const value = JSON.parse(`${text.slice(0, at + 1)},${text.slice(at + 1)}`) as JsonObject | JsonValue[];
    return countNames(value) === countColons(text) ? { value, member: memberAt(text, value, at) } : null;
  } catch {
    return null;
  }
}

function countNames(value: JsonValue): number {
  if (typeof value !== 'object' || value === null) return 0;
  let count = 0;
  if (Array.isArray(value)) for (const child of value) count += countNames(child);
  else for (const key in value) count += 1 + countNames(value[key] ?? null);
  return count;
}

/** Quotes with a colon behind them: as many as names, unless a text holds one. */
function countColons(text: string): number {
  let count = 0;
  for (let at = text.indexOf('":'); at !== -1; at = text.indexOf('":', at + 2)) count += 1;
  return count;
}

/** Replies joined in one; each is looked for in the whole text. */
const maxMembers = 32;

/** The root member that begins last before `at`: of several joined replies, the one that is damaged. */
function memberAt(text: string, root: JsonObject | JsonValue[], at: number): string {
  if (Array.isArray(root)) return '';
  let member = '';
  let from = -1;
  let members = 0;
  for (const key in root) {
    const value = root[key];
    if (typeof value !== 'object' || value === null) continue;
    members += 1;
    if (members > maxMembers) return '';
    const begins = text.lastIndexOf(`"${key}"`, at);
    if (begins <= from) continue;
    from = begins;
    member = key;
  }
  return member;
}
