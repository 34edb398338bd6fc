import { classify, readObject } from './decode-reply.js';
import type { DecodeOptions, ReadObject } from './decode-reply.js';
import { fingerprintOf } from './fingerprint.js';
import { isObject } from './reply-status.js';
import type { JsonObject, JsonValue, Replies, Reply } from './reply.js';
import type { RepairCount } from './tolerant-scan.js';

/**
 * Splits the reply to `summary+stats+pools` into one reply per command asked for.
 *
 * Members are lists or objects; a cut reply keeps its whole members as they are, flags the one the cut
 * fell into and makes those behind it `unreadable`/`truncated`. A refusal of the whole stands for every
 * command; a device that answers only one of them answers that one, and the others are `device_error`
 * without a code. Ask `isJoinRefused` what the device makes of joining.
 */
export function splitJoined(
  commands: readonly string[],
  bytes: Uint8Array,
  options: DecodeOptions = {},
): Map<string, Reply> {
  const read = readObject(commands.join('+'), bytes, options);
  if (read.kind !== 'object') return new Map(commands.map((command) => [command, { ...read, command }]));
  const members = new Map(commands.map((command) => [command, findMember(read.value, command)]));
  const isJoined = [...members.values()].some((member) => member !== null);
  const replies = new Map<string, Reply>();
  let isFirst = true;
  for (const command of commands) {
    const member = members.get(command) ?? null;
    if (member !== null) replies.set(command, readMember(command, read, member, isFirst, bytes.length));
    else
      replies.set(
        command,
        isJoined ? absent(command, read, bytes.length) : whole(command, read, bytes.length),
      );
    if (member !== null) isFirst = false;
  }
  return replies;
}

/** Codes of "invalid command", "invalid JSON", "missing command" and Whatsminer's "command error". */
const refusalCodes: ReadonlySet<number | null> = new Set([null, 14, 23, 24, 132]);

/**
 * True when replies of `splitJoined` show that the device does not join commands: every one is refused
 * as invalid, or it left some out. Then ask for them one by one.
 */
export function isJoinRefused(replies: Replies): boolean {
  const all = [...replies.values()];
  if (all.some((reply) => reply.kind === 'device_error' && reply.code === null)) return true;
  return (
    all.length > 0 && all.every((reply) => reply.kind === 'device_error' && refusalCodes.has(reply.code))
  );
}

interface Member {
  readonly key: string;
  readonly value: JsonObject;
}

function findMember(root: JsonObject, command: string): Member | null {
  const exact = Object.hasOwn(root, command) ? firstObject(root[command]) : null;
  if (exact !== null) return { key: command, value: exact };
  for (const key of Object.keys(root)) {
    // `SUMMARY` beside `STATUS` is the section of a single reply, not a member.
    if (key.toLowerCase() !== command.toLowerCase() || 'STATUS' in root) continue;
    const value = firstObject(root[key]);
    if (value !== null) return { key, value };
  }
  return null;
}

function firstObject(value: JsonValue | undefined): JsonObject | null {
  if (Array.isArray(value)) return value.find((element) => isObject(element)) ?? null;
  return isObject(value) ? value : null;
}

function readMember(
  command: string,
  root: ReadObject,
  member: Member,
  isFirst: boolean,
  bytes: number,
): Reply {
  const { memberRepairs } = root;
  const own = memberRepairs?.get(member.key) ?? [];
  // What was repaired between the members is told once.
  const shared = isFirst ? (memberRepairs === null ? root.repairs : (memberRepairs.get('') ?? [])) : [];
  const isTruncated = root.cutMember === member.key;
  return classify(command, { ...root, value: member.value, repairs: merge(own, shared), isTruncated }, bytes);
}

function merge(own: readonly RepairCount[], shared: readonly RepairCount[]): RepairCount[] {
  const counts = new Map(own.map(({ kind, count }) => [kind, count]));
  for (const { kind, count } of shared) counts.set(kind, (counts.get(kind) ?? 0) + count);
  return [...counts].map(([kind, count]) => ({ kind, count }));
}

/** The reply has other members but not this one. */
function absent(command: string, root: ReadObject, bytes: number): Reply {
  if (root.isTruncated) return truncated(command, bytes);
  return {
    kind: 'device_error',
    command,
    code: null,
    message: 'not in the joined reply',
    value: {},
    repairs: [],
    bytes,
  };
}

/** The reply is a single one: an error for all, or the answer to the one command whose section it holds. */
function whole(command: string, root: ReadObject, bytes: number): Reply {
  const reply = classify(command, root, bytes);
  if (reply.kind !== 'ok') return reply;
  if (Object.keys(root.value).some((key) => key.toLowerCase() === command.toLowerCase())) return reply;
  return absent(command, root, bytes);
}

function truncated(command: string, bytes: number): Reply {
  const fingerprint = fingerprintOf(`truncated\n${command}`);
  return { kind: 'unreadable', command, errorClass: 'truncated', shape: 'text', fingerprint, bytes };
}
