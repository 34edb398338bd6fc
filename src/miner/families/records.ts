import { toText } from '../numbers.js';
import { isObject } from '../reply-status.js';
import type { JsonObject, JsonValue, Replies } from '../reply.js';

/**
 * The records under `section` in the first of `commands` that was answered.
 *
 * Firmware puts them in an array, in one object, in an object of objects (`{"":{…}}`), or, newer
 * Whatsminers, in or under `Msg`.
 */
export function rows(replies: Replies, commands: readonly string[], section: string): JsonObject[] {
  for (const command of commands) {
    const reply = replies.get(command);
    if (reply?.kind !== 'ok') continue;
    const message = own(reply.value, 'Msg');
    const inside = isObject(message) ? own(message, section) : undefined;
    const found = toRows(own(reply.value, section) ?? inside ?? message);
    if (found.length > 0) return found;
  }
  return [];
}

/** The first record under `section`, empty when there is none. */
export function row(replies: Replies, commands: readonly string[], section: string): JsonObject {
  return rows(replies, commands, section)[0] ?? {};
}

/** Records of a list, whether it came as one, as an object of objects, or as its only record. */
export function toRows(value: JsonValue | undefined): JsonObject[] {
  if (Array.isArray(value)) return value.filter(isObject);
  if (!isObject(value)) return [];
  const values = Object.values(value);
  return values.length > 0 && values.every(isObject) ? values : [value];
}

/** A record's value under the first of the names that it has. */
export function own(record: JsonObject, name: string, ...others: readonly string[]): JsonValue | undefined {
  const value = record[name];
  return value === undefined && others.length > 0 ? ownOf(record, others) : value;
}

function ownOf(record: JsonObject, names: readonly string[]): JsonValue | undefined {
  for (let at = 0; at < names.length; at += 1) {
    const value = record[names[at] ?? ''];
    if (value !== undefined) return value;
  }
  return undefined;
}

/** A record's text under the first of `names` that it has, trimmed, at most 256 characters; null when empty. */
export function textOf(record: JsonObject, ...names: readonly string[]): string | null {
  const text = toText(ownOf(record, names));
  if (text === null || text.length <= 256) return text;
  return text.slice(0, 256).trim();
}

/** What the status lines of all replies say of the software, e.g. `cgminer 4.11.1`. */
export function descriptions(replies: Replies): string {
  const found: string[] = [];
  for (const reply of replies.values()) {
    if (reply.kind !== 'ok' && reply.kind !== 'device_error') continue;
    addDescription(found, reply.value);
    for (const record of toRows(own(reply.value, 'STATUS'))) addDescription(found, record);
  }
  return found.length === 1 ? (found[0] ?? '') : found.join('\n');
}

function addDescription(found: string[], record: JsonObject): void {
  const told = record['Description'] ?? record['description'];
  if (typeof told !== 'string' || told === '') return;
  const text = told.slice(0, 120);
  if (!found.includes(text)) found.push(text);
}

/** The largest of the numbers, null when there is none. */
export function largest(values: readonly (number | null)[]): number | null {
  return values.reduce(
    (best, value) => (value !== null && (best === null || value > best) ? value : best),
    null,
  );
}

/** The sum of what is known, null when nothing is. */
export function sum(values: readonly (number | null)[]): number | null {
  return values.reduce((total, value) => (value === null ? total : (total ?? 0) + value), null);
}

/** The mean of what is known, null when nothing is. */
export function mean(values: readonly (number | null)[]): number | null {
  const known = values.filter((value) => value !== null);
  const total = sum(known);
  return total === null ? null : total / known.length;
}
