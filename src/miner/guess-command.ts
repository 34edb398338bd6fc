import { isObject } from './reply-status.js';
import type { JsonObject, JsonValue } from './reply.js';

/** Sections of cgminer's offspring whose command is not their name in lower case. */
const sections: Readonly<Record<string, string>> = {
  ASCS: 'asccount',
  ASCCount: 'asccount',
  PROData: 'prodata',
};

/** Members every reply has. */
const envelope = new Set(['status', 'id', 'when', 'code', 'msg', 'description', 'desc', 'info']);

/** What a Whatsminer puts into `Msg`, by a member that one command alone has there. */
const messages: readonly (readonly [string, string])[] = [
  ['error_code', 'get_error_code'],
  ['btmineroff', 'status'],
  ['mineroff', 'status'],
  ['fw_ver', 'get_version'],
  ['HS RT', 'summary'],
  ['MHS av', 'summary'],
  ['iin', 'get_psu'],
  ['netmask', 'get_miner_info'],
  ['minersn', 'get_miner_info'],
];

/** Web replies that are known by their members, with the path they are read from. */
const pages: readonly (readonly [string, readonly string[]])[] = [
  ['/api/system/info', ['hashRate', 'ASICModel']],
  ['/api/system/info', ['hashRate', 'stratumURL']],
  ['/cgi-bin/get_system_info.cgi', ['minertype', 'macaddr']],
  ['/kaonsu/v1/brief', ['hashrate_realtime', 'power_consumption_estimated']],
  ['/gst.csp', ['bd', 'ms', 'mt']],
];

/**
 * The command a reply answers, by its content: one, several joined with `+`, or null when it does
 * not tell.
 */
export function guessCommand(value: JsonObject): string | null {
  return ofSection(value) ?? ofMessage(value) ?? ofJoined(value) ?? ofPage(value);
}

/** `STATUS` and one section beside it; `SUMMARY` and its like stand for themselves. */
function ofSection(value: JsonObject): string | null {
  const names = Object.keys(value).filter((key) => !envelope.has(key.toLowerCase()) && isFilled(value[key]));
  const isReply = value.STATUS !== undefined;
  const name =
    names.find((key) => /^(?:SUMMARY|STATS|POOLS|DEVS|VERSION|DEVDETAILS|TEMPS|FANS|POWER)$/.test(key)) ??
    (isReply && names.length === 1 && /^[A-Z]/.test(names[0] ?? '') ? names[0] : undefined);
  if (name === undefined) return null;
  return Object.hasOwn(sections, name) ? (sections[name] ?? null) : name.toLowerCase();
}

/** Whatsminers: `Msg` of API v2, `desc` and the member of `msg` of v3. */
function ofMessage(value: JsonObject): string | null {
  const { Msg, msg, desc } = value;
  if (isObject(Msg)) return messages.find(([name]) => Object.hasOwn(Msg, name))?.[1] ?? null;
  if (typeof desc !== 'string' || !/^get\.\w+\.\w+$/.test(desc) || !isObject(msg)) return null;
  return desc === 'get.miner.status' ? `${desc}:${Object.keys(msg)[0] ?? ''}` : desc;
}

/** Members that are replies themselves, each under its command. */
function ofJoined(value: JsonObject): string | null {
  const names = Object.keys(value).filter((key) => /^[a-z][\w.:-]*$/.test(key) && isReply(value[key]));
  return names.length === 0 ? null : names.slice(0, 64).join('+');
}

function isReply(member: JsonValue | undefined): boolean {
  const reply = Array.isArray(member) ? member[0] : member;
  if (!isObject(reply)) return false;
  return reply.STATUS !== undefined || ofSection(reply) !== null || ofMessage(reply) !== null;
}

function ofPage(value: JsonObject): string | null {
  return pages.find(([, names]) => names.every((name) => Object.hasOwn(value, name)))?.[0] ?? null;
}

function isFilled(member: JsonValue | undefined): boolean {
  return typeof member === 'object' && member !== null;
}
