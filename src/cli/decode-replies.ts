import { open } from 'node:fs/promises';
import path from 'node:path';
import { moduleText, splitCapture, type CapturedPiece } from '../miner/captured-text.js';
import { unwrapCapture } from '../miner/captured-wrapping.js';
import { decodeReply } from '../miner/decode-reply.js';
import { defaultMaxReplyBytes } from '../miner/framing.js';
import { webFamilies } from '../miner/http/families.js';
import { webKey } from '../miner/http/web-replies.js';
import { detectionCommands, families } from '../miner/registry.js';
import type { JsonObject, Replies, Reply } from '../miner/reply.js';
import { guessCommand } from '../miner/guess-command.js';
import { splitJoined } from '../miner/split-joined.js';
import { messageOf } from './decode-walk.js';

/** The replies found in files, and what could not be read at all. */
export interface CapturedReplies {
  readonly replies: Replies;
  /** Faults of files, a line each. */
  readonly notes: readonly string[];
}

/** Most read of one file, bytes; it may hold several replies. */
const maxFileBytes = 4 * defaultMaxReplyBytes;

const knownCommands: ReadonlySet<string> = new Set([
  ...detectionCommands,
  ...families
    .filter((family) => family.transport !== 'http')
    .flatMap((family) => [...family.commands, ...family.identityCommands]),
  ...['devs', 'edevs', 'stats', 'estats', 'litestats', 'temps', 'fans', 'power', 'config', 'devdetails'],
  ...[
    'get_psu',
    'get_miner_info',
    'get_version',
    'get_error_code',
    'status',
    'pools',
    'lcd',
    'coin',
    'asccount',
  ],
]);

/** What web commands are about; captured ones are named `http_` and their path with `_` for `/`. */
const knownWebKeys: ReadonlySet<string> = new Set([
  ...webFamilies.flatMap((family) => [...family.commands, ...family.identityCommands]).map(webKey),
  'get_miner_status',
]);

/** How sure it is which command a reply answers: its name says so, its content, or part of its name. */
type Surety = 0 | 1 | 2;

interface Named {
  readonly command: string;
  readonly surety: Surety;
  /** Under which it stands when its command is taken. */
  readonly stem: string;
  readonly replies: ReadonlyMap<string, Reply>;
}

/**
 * Reads files as replies by command. The surest name comes first; where two answer the same command the
 * second stands under its file's name. Never rejects: a file that cannot be read is noted.
 */
export async function readCapturedReplies(files: readonly string[]): Promise<CapturedReplies> {
  const named: Named[] = [];
  const modules: ModuleFile[] = [];
  const notes: string[] = [];
  for (const file of files) {
    try {
      const { bytes, isWhole } = await readBounded(file);
      if (!isWhole) notes.push(`${path.basename(file)}: only the first ${maxFileBytes} bytes were read`);
      const module = moduleText(bytes);
      if (module === null) named.push(...repliesOf(stemOf(file), bytes));
      else modules.push({ ...module, stem: stemOf(file), bytes: bytes.length });
    } catch (error) {
      notes.push(`${path.basename(file)}: ${messageOf(error)}`);
    }
  }
  const replies = new Map<string, Reply>();
  for (const { replies: own, stem } of named.sort((a, b) => a.surety - b.surety))
    for (const [command, reply] of own) replies.set(freeName(replies, command, stem), reply);
  if (modules.length > 0) replies.set(freeName(replies, 'stats', 'estats'), modulesReply(modules));
  return { replies, notes };
}

function freeName(taken: ReadonlyMap<string, Reply>, ...names: readonly string[]): string {
  const free = names.find((name) => !taken.has(name));
  if (free !== undefined) return free;
  const last = names.at(-1) ?? 'reply';
  for (let number = 2; ; number += 1) if (!taken.has(`${last}#${number}`)) return `${last}#${number}`;
}

function repliesOf(stem: string, bytes: Uint8Array): Named[] {
  const pieces = unwrapCapture(bytes).flatMap((it) => {
    const inside = splitCapture(it.bytes, commandIn);
    const command = it.command === null ? null : commandIn(it.command);
    return inside.length === 1
      ? inside.map((piece) => ({ ...piece, command: command ?? piece.command }))
      : inside;
  });
  const only = pieces.length === 1 ? pieces[0] : undefined;
  if (only !== undefined) return [toNamed(stem, only, isCommand(stem) ? stem : null)];
  const named = pieces.map((piece) => toNamed(stem, piece, null));
  // Objects in a row that do not all say what they are may be one damaged reply.
  const commands = new Set(named.map((it) => it.command));
  const areTold = named.every((it, at) => pieces[at]?.command != null || it.surety < 2 || hasStatus(it));
  if (areTold && commands.size > 1) return named;
  const isRemarked = pieces.some((piece) => piece.command !== null);
  return isRemarked ? named : [toNamed(stem, { command: null, bytes }, isCommand(stem) ? stem : null)];
}

function toNamed(stem: string, piece: CapturedPiece, fromFile: string | null): Named {
  const { bytes } = piece;
  const told = fromFile ?? piece.command;
  if (told !== null) return { command: told, surety: 0, stem, replies: readAs(told, bytes) };
  const reply = decodeReply(stem, bytes);
  const guess = reply.kind === 'ok' || reply.kind === 'device_error' ? guessCommand(reply.value) : null;
  if (guess !== null) return { command: guess, surety: 1, stem, replies: readAs(guess, bytes) };
  const command = commandIn(stem) ?? stem;
  return { command, surety: 2, stem, replies: readAs(command, bytes) };
}

/** A reply by itself, if of no known command: an error, or what one firmware alone is asked. */
function hasStatus(named: Named): boolean {
  return [...named.replies.values()].every(
    (it) => (it.kind === 'ok' || it.kind === 'device_error') && it.value.STATUS !== undefined,
  );
}

function readAs(command: string, bytes: Uint8Array): Map<string, Reply> {
  const parts = command.split('+');
  return parts.length > 1 ? splitJoined(parts, bytes) : new Map([[command, decodeReply(command, bytes)]]);
}

function isCommand(name: string): boolean {
  if (name.startsWith('http_') || name.startsWith('/')) return knownWebKeys.has(webKey(name));
  return name.split('+').every((part) => knownCommands.has(part)) || isWebKey(name);
}

/** A name that web interfaces alone have: `system_info`, `gql_boards`; not `stats`, which both have, nor a bare word. */
function isWebKey(name: string): boolean {
  return name.includes('_') && knownWebKeys.has(name) && !knownCommands.has(name);
}

/** The first known command in a remark or a file's name. */
function commandIn(text: string): string | null {
  const words = text
    .slice(0, 1000)
    .toLowerCase()
    .split(/[^a-z0-9_+./]+/);
  const whole = words.find((word) => word !== '' && isCommand(word));
  if (whole !== undefined) return whole;
  return words.flatMap((word) => word.split(/[_.]/)).find((word) => knownCommands.has(word)) ?? null;
}

const extension = /\.(?:json|txt|log|bin|dat|raw|out|reply|response|text|capture|cap)$/i;

/** `SUMMARY.JSON.txt` is `summary`; the `.cgi` of a web command stays. */
function stemOf(file: string): string {
  let stem = path.basename(file);
  while (extension.test(stem)) stem = stem.replace(extension, '');
  return stem.trim().toLowerCase() || path.basename(file);
}

interface ModuleFile {
  readonly text: string;
  readonly isCut: boolean;
  readonly stem: string;
  readonly bytes: number;
}

/** Texts of Avalon modules, put where `stats` would have them. */
function modulesReply(modules: readonly ModuleFile[]): Reply {
  const stats: JsonObject = {};
  for (const [at, module] of modules.entries())
    stats[`MM ID${/(\d+)$/.exec(module.stem)?.[1] ?? at}`] = module.text;
  const isTruncated = modules.some((module) => module.isCut);
  return {
    kind: 'ok',
    command: 'stats',
    value: { STATS: [stats] },
    repairs: isTruncated ? [{ command: 'stats', kind: 'unterminated', count: 1 }] : [],
    isTruncated,
    bytes: modules.reduce((total, module) => total + module.bytes, 0),
  };
}

/** The beginning of a file, up to the bound. */
async function readBounded(file: string): Promise<{ readonly bytes: Uint8Array; readonly isWhole: boolean }> {
  const handle = await open(file);
  try {
    const { size } = await handle.stat();
    const buffer = Buffer.alloc(Math.min(size, maxFileBytes) + 1);
    let filled = 0;
    while (filled < buffer.length) {
      const { bytesRead } = await handle.read(buffer, filled, buffer.length - filled, filled);
      if (bytesRead === 0) break;
      filled += bytesRead;
    }
    const isWhole = filled <= maxFileBytes;
    return { bytes: buffer.subarray(0, Math.min(filled, maxFileBytes)), isWhole };
  } finally {
    await handle.close();
  }
}
