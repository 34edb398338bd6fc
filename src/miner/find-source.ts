import type { Family, FieldSources } from './family.js';
import { genericSources } from './families/field-sources.js';
import { webReply } from './http/web-replies.js';
import { isObject } from './reply-status.js';
import type { JsonValue, Replies, Reply } from './reply.js';

/** How deep keys are looked for, and in how many entries of a list. */
const maxDepth = 5;
const maxEntries = 32;

/** Where a family finds the fields; one that does not tell and speaks the CGMiner API, where all of them do. */
export function sourcesOf(family: Family): FieldSources | undefined {
  return family.sources ?? (family.transport === 'cgminer' ? genericSources : undefined);
}

/**
 * Which command and key each of `fields` came from: the first of the family's candidates that the replies
 * hold. Where the family tells nothing and one reply alone brought data, that reply; else the field is left out.
 */
export function findSources(
  fields: readonly string[],
  sources: FieldSources | undefined,
  replies: Replies,
): Record<string, string> {
  const readable = [...replies.values()].filter((reply) => reply.kind === 'ok');
  const only = readable.length === 1 ? readable[0]?.command : undefined;
  const found: Record<string, string> = {};
  for (const field of fields) {
    const source = sources?.[field]?.find((candidate) => isThere(candidate, replies)) ?? only;
    if (source !== undefined) found[field] = source;
  }
  return found;
}

/** Whether the replies hold `command/key`. */
function isThere(candidate: string, replies: Replies): boolean {
  const slash = candidate.indexOf('/');
  const [command, key] = [candidate.slice(0, slash), candidate.slice(slash + 1)];
  const reply: Reply | null = replies.get(command) ?? webReply(replies, command);
  return reply?.kind === 'ok' && holds(reply.value, key, maxDepth);
}

function holds(value: JsonValue, key: string, depth: number): boolean {
  if (depth === 0) return false;
  if (typeof value === 'string') return value.startsWith(`${key}[`) || value.includes(` ${key}[`);
  if (Array.isArray(value)) return value.slice(0, maxEntries).some((entry) => holds(entry, key, depth - 1));
  if (!isObject(value)) return false;
  const own = Object.hasOwn(value, key) ? value[key] : undefined;
  if (own !== undefined && own !== null && own !== '') return true;
  return Object.values(value).some((child) => holds(child, key, depth - 1));
}
