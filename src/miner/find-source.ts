import type { Family, FieldSources } from './family.js';
import { genericSources } from './families/field-sources.js';
import { webReply } from './http/web-replies.js';
import { isObject } from './reply-status.js';
import type { JsonValue, Replies } from './reply.js';

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
    const source = firstThere(sources?.[field] ?? [], replies) ?? only;
    if (source !== undefined) found[field] = source;
  }
  return found;
}

/** The first candidate that the replies hold, a page of a web interface by the name it was asked for. */
function firstThere(candidates: readonly string[], replies: Replies): string | undefined {
  for (const candidate of candidates) {
    const slash = candidate.indexOf('/');
    const [command, key] = [candidate.slice(0, slash), candidate.slice(slash + 1)];
    const holder = [replies.get(command), webReply(replies, command)].find(
      (reply) => reply?.kind === 'ok' && holds(reply.value, key.split('.'), maxDepth),
    );
    if (holder != null) return `${holder.command}/${key}`;
  }
  return undefined;
}

/** Whether `path` begins somewhere in the value; bracket strings have their names in the text. */
function holds(value: JsonValue, path: readonly string[], depth: number): boolean {
  if (depth === 0) return false;
  if (typeof value === 'string') {
    const name = path.join('.');
    return value.startsWith(`${name}[`) || value.includes(` ${name}[`);
  }
  if (Array.isArray(value)) return value.slice(0, maxEntries).some((entry) => holds(entry, path, depth - 1));
  if (!isObject(value)) return false;
  return leadsOn(value, path) || Object.values(value).some((child) => holds(child, path, depth - 1));
}

/** Whether something is told at the end of `path`, through any entry of a list; `*` is any name. */
function leadsOn(value: JsonValue | undefined, path: readonly string[]): boolean {
  const [name, ...rest] = path;
  if (name === undefined) return value !== undefined && value !== null && value !== '';
  if (Array.isArray(value)) return value.slice(0, maxEntries).some((entry) => leadsOn(entry, path));
  if (!isObject(value)) return false;
  if (name === '*')
    return Object.values(value)
      .slice(0, maxEntries)
      .some((child) => leadsOn(child, rest));
  return Object.hasOwn(value, name) && leadsOn(value[name], rest);
}
