import { isObject } from './reply-status.js';
import type { JsonObject, JsonValue, Replies, Reply } from './reply.js';

/*
 * Firmware that is rewritten, and proxies that pass replies on, spell names otherwise: `ghs 5s`, `GHS_5s`,
 * `Summary`. Nobody knows all names of all families; but each reader asks for those it knows, so the record
 * is asked instead: a name that is not there is looked for by its letters and digits alone.
 */

/** Replies under whose records names are found however they are spelled. */
export interface Respelled {
  readonly replies: Replies;
  /** How many values were found under another spelling since the last call, by command. */
  takeCounts(): ReadonlyMap<string, number>;
}

/** Names of one record looked at. */
const maxNames = 2048;

/** A name by its letters and digits; `%` and `%%` count as one. */
function folded(name: string): string {
  return name
    .toLowerCase()
    .replace(/[^a-z0-9%]+/g, '')
    .replace(/%+/g, '%');
}

/** Names that readers find by going through a record, by what they fold to, and how those readers spell them. */
const listed: readonly (readonly [RegExp, (found: RegExpExecArray) => string])[] = [
  [/^([kmgtp])hs(\d+[smh])$/, ([, unit, window]) => `${(unit ?? '').toUpperCase()}HS ${window}`],
  [/^([kmgtp])hsav$/, ([, unit]) => `${(unit ?? '').toUpperCase()}HS av`],
  [/^(?:status|summary|version|devdetails|temps|fans|power|asccount)$/, ([name]) => name.toUpperCase()],
  [/^(?:stats|pool|ch)\d*$/, ([name]) => name.toUpperCase()],
  [/^(?:pools|devs)$/, ([name]) => name.toUpperCase()],
  [/^errorcode(\d+|count)$/, ([, rest]) => `Error Code ${rest === 'count' ? 'Count' : rest}`],
  [/^mmid(\d+)$/, ([, number]) => `MM ID${number}`],
  [/^mmid(\d+)summary$/, ([, number]) => `MM ID${number}:Summary`],
  [/^fan(\d+)$/, ([name]) => name],
];

function respelledName(name: string): string {
  const key = folded(name);
  for (const [pattern, spell] of listed) {
    const found = pattern.exec(key);
    if (found !== null) return spell(found);
  }
  return name;
}

/** The replies as they are, but for names that are spelled otherwise. Costs what is asked of them. */
export function respelled(replies: Replies): Respelled {
  const counts = new Map<string, number>();
  const told = new Map<string, Reply>();
  for (const [command, reply] of replies) {
    if (reply.kind !== 'ok') {
      told.set(command, reply);
      continue;
    }
    const note = (): void => void counts.set(reply.command, (counts.get(reply.command) ?? 0) + 1);
    told.set(command, { ...reply, value: spelled(reply.value, note, soleSection(reply)) });
  }
  return {
    replies: told,
    takeCounts: () => {
      const taken = new Map(counts);
      counts.clear();
      return taken;
    },
  };
}

/** The section of a command, by the name readers have for it, under whatever name it came. */
interface Section {
  readonly name: string;
  readonly value: JsonValue;
}

const envelope = new Set(['status', 'id', 'when', 'code', 'msg', 'description', 'info']);

/** What a reply brings besides its status, where that is one thing: its section, even when nobody knows its name. */
function soleSection({ command, value }: Extract<Reply, { kind: 'ok' }>): Section | null {
  const members = Object.entries(value).filter(
    ([name, it]) => typeof it === 'object' && it !== null && !envelope.has(name.toLowerCase()),
  );
  const [only] = members;
  if (only === undefined || members.length > 1 || !/^[a-z]+$/.test(command)) return null;
  return { name: command === 'edevs' ? 'DEVS' : command.toUpperCase(), value: only[1] };
}

function spelledValue(value: JsonValue | undefined, note: () => void): JsonValue | undefined {
  if (Array.isArray(value)) return value.map((entry) => (isObject(entry) ? spelled(entry, note) : entry));
  return isObject(value) ? spelled(value, note) : value;
}

/** Names by what they fold to, the first of those that fold alike; numbered copies of a repeated name have their own. */
function foldedNames(names: readonly string[]): Map<string, string> {
  const byFold = new Map<string, string>();
  for (const name of names) {
    const key = folded(name);
    if (!name.includes('#') && !byFold.has(key)) byFold.set(key, name);
  }
  return byFold;
}

/** Records made here, with the way to note what is found in them. */
const notes = new WeakMap<JsonObject, () => void>();

/** The members of both, those of `then` before those of `first` of the same name; names are found as in either. */
export function mergedRecord(first: JsonObject, then: JsonObject): JsonObject {
  const note = notes.get(first) ?? notes.get(then);
  const merged = { ...first, ...then };
  return note === undefined ? merged : spelled(merged, note);
}

function spelled(record: JsonObject, note: () => void, section: Section | null = null): JsonObject {
  // Under the names readers ask for, where those are found by going through it; the values below likewise.
  let names: Map<string, string> | null = null;
  let byFold: Map<string, string> | null = null;
  const inside = new Map<string, JsonValue | undefined>();
  const listNames = (): Map<string, string> => {
    if (names !== null) return names;
    names = new Map();
    for (const name of Object.keys(record).slice(0, maxNames)) {
      const other = respelledName(name);
      names.set(Object.hasOwn(record, other) ? name : other, name);
    }
    return names;
  };
  const valueOf = (name: string): JsonValue | undefined => {
    if (!inside.has(name)) inside.set(name, spelledValue(record[name], note));
    return inside.get(name);
  };
  const look = (name: string): JsonValue | undefined => {
    if (Object.hasOwn(record, name)) return valueOf(name);
    if (name in Object.prototype) return undefined;
    byFold ??= foldedNames(Object.keys(record).slice(0, maxNames));
    const other = byFold.get(folded(name));
    if (other === undefined && section?.name !== name) return undefined;
    note();
    return other === undefined ? spelledValue(section?.value, note) : valueOf(other);
  };
  const proxy = new Proxy<JsonObject>(
    {},
    {
      get: (_target, name) => (typeof name === 'string' ? look(name) : undefined),
      has: (_target, name) => typeof name === 'string' && look(name) !== undefined,
      getOwnPropertyDescriptor: (_target, name) => {
        const value = typeof name === 'string' ? look(name) : undefined;
        return value === undefined
          ? undefined
          : { value, configurable: true, enumerable: true, writable: true };
      },
      ownKeys: () => [...listNames().keys()],
    },
  );
  notes.set(proxy, note);
  return proxy;
}
