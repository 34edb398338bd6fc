import type { MinerSample } from '../../domain/telemetry.js';
import type { ReadContext } from '../family.js';
import { isCut } from '../families/cut-reading.js';
import { finish, type Reading } from '../families/reading.js';
import { own } from '../families/records.js';
import { isObject } from '../reply-status.js';
import type { JsonObject, JsonValue, Replies, Reply } from '../reply.js';

/**
 * What a web command is about, without what surrounds it: `/cgi-bin/stats.cgi`, `http_stats` and
 * `/api/v1/stats?x=1` are all `stats`. Captured replies are named after their files, hence `http_`.
 */
export function webKey(command: string): string {
  const path = (command.split('?')[0] ?? '').toLowerCase();
  return path
    .replace(/^http_/, '')
    .replace(/^\/+/, '')
    .replace(/^cgi-bin[/_]/, '')
    .replace(/^api[/_](?:v\d+[/_])?/, '')
    .replace(/\.(?:cgi|html)$/, '')
    .replaceAll('/', '_');
}

/** True for a command that went over HTTP: a path, or a captured reply's file name. */
export function isWebCommand(command: string): boolean {
  return command.startsWith('/') || /^(?:http|gql)_/.test(command);
}

type OkReply = Extract<Reply, { kind: 'ok' }>;

/** The readable reply about `key`; one that went over HTTP goes before one of the same name that may not have. */
export function webReply(replies: Replies, key: string, options: { onlyWeb?: boolean } = {}): OkReply | null {
  let found: OkReply | null = null;
  for (const [command, reply] of replies) {
    if (reply.kind !== 'ok' || webKey(command) !== key) continue;
    if (isWebCommand(command)) return reply;
    if (options.onlyWeb !== true) found ??= reply;
  }
  return found;
}

/** Its object; empty without one. */
export function webObject(replies: Replies, key: string): JsonObject {
  return webReply(replies, key)?.value ?? {};
}

/** The objects of a reply that is a list, which decoding puts under the command's name. */
export function webList(replies: Replies, key: string): JsonObject[] {
  const reply = webReply(replies, key);
  if (reply === null) return [];
  const list = own(reply.value, reply.command.toUpperCase());
  return Array.isArray(list) ? list.filter(isObject) : [reply.value];
}

/** The value at a path of names; undefined where it ends early. */
export function dig(value: JsonValue | undefined, ...path: readonly string[]): JsonValue | undefined {
  let here = value;
  for (const name of path) here = isObject(here) ? own(here, name) : undefined;
  return here;
}

/** The object there; empty without one. */
export function digObject(value: JsonValue | undefined, ...path: readonly string[]): JsonObject {
  const found = dig(value, ...path);
  return isObject(found) ? found : {};
}

/** Entries of a list looked at. */
const maxEntries = 64;

/** The objects of the list there; empty without one. */
export function digList(value: JsonValue | undefined, ...path: readonly string[]): JsonObject[] {
  const found = dig(value, ...path);
  return Array.isArray(found) ? found.slice(0, maxEntries).filter(isObject) : [];
}

/** As `finish`; over HTTP a list in place of an object is no damage. */
export function finishWeb(reading: Reading, replies: Replies, context: ReadContext): MinerSample {
  const sample = finish(reading, replies, context);
  return { ...sample, repairs: sample.repairs.filter((repair) => repair.kind !== 'array_root') };
}

/** True when the CGMiner API told of hashing too: its reading is the fuller one. */
export function hasCgminerReading(replies: Replies): boolean {
  const tells = (command: string, section: string) => {
    const reply = replies.get(command);
    // What was cut told of it before.
    return (
      reply !== undefined &&
      (isCut(reply) || (reply.kind === 'ok' && own(reply.value, section) !== undefined))
    );
  };
  return tells('stats', 'STATS') || tells('devs', 'DEVS') || tells('edevs', 'DEVS');
}
