import { open, readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { decodeReply } from '../miner/decode-reply.js';
import { defaultMaxReplyBytes } from '../miner/framing.js';
import { webFamilies } from '../miner/http/families.js';
import { webKey } from '../miner/http/web-replies.js';
import { families, detectionCommands } from '../miner/registry.js';
import type { Reply } from '../miner/reply.js';
import { describeReport, guessCommand, reportMiner, type MinerReport } from '../miner/report.js';
import { splitJoined } from '../miner/split-joined.js';

export interface DecodeOptions {
  /** One JSON line per miner instead of text. */
  readonly json: boolean;
}

interface Found {
  readonly path: string;
  readonly report: MinerReport;
}

/**
 * `headframe decode`: reads captured replies offline and writes what they say.
 *
 * A file is one reply, its command the file's name, or guessed from what it holds. A folder of files
 * is one miner; a folder of such folders is one miner each, written with its `path`. Damage is
 * described, not an error. Returns the exit code: 1 when nothing could be decoded.
 */
export async function decodePaths(
  paths: readonly string[],
  options: DecodeOptions,
  out: (line: string) => void,
): Promise<number> {
  const found: Found[] = [];
  const missing: string[] = [];
  for (const start of paths) {
    const miners = await findMiners(start);
    if (miners === null) missing.push(start);
    else found.push(...miners);
  }
  const isNamed = found.length + missing.length > 1 || missing.length > 0;
  for (const it of found) {
    if (options.json) out(JSON.stringify(isNamed ? { path: it.path, ...it.report } : it.report));
    else for (const line of [...(isNamed ? [it.path] : []), ...describeReport(it.report)]) out(line);
  }
  for (const name of missing)
    out(options.json ? JSON.stringify({ path: name, error: 'no replies here' }) : `${name}: no replies here`);
  return found.some((it) => isDecoded(it.report)) ? 0 : 1;
}

function isDecoded(report: MinerReport): boolean {
  return Object.values(report.replies).some((reply) => reply.status !== 'unreadable' && reply.bytes > 0);
}

/** The miners at a path; null when there is nothing to read. */
async function findMiners(start: string): Promise<Found[] | null> {
  const facts = await stat(start).catch(() => null);
  if (facts === null) return null;
  if (!facts.isDirectory()) return [{ path: start, report: reportMiner(await readReplies([start])) }];
  const own = await findMiner(start);
  const folders = (await readdir(start, { withFileTypes: true })).filter((entry) => entry.isDirectory());
  const inner: Found[] = [];
  for (const folder of folders.sort((a, b) => a.name.localeCompare(b.name))) {
    const miner = await findMiner(path.join(start, folder.name));
    if (miner !== null) inner.push(miner);
  }
  const all = [...(own === null ? [] : [own]), ...inner];
  return all.length === 0 ? null : all;
}

/** Files beside replies that are none. */
const skipped = /^(?:\..*|http_.*\.html?|meta\.json|index\.json|readme.*)$/i;

async function findMiner(folder: string): Promise<Found | null> {
  const entries = await readdir(folder, { withFileTypes: true });
  const files = entries
    .filter((entry) => entry.isFile() && !skipped.test(entry.name))
    .map((entry) => entry.name);
  if (files.length === 0) return null;
  const replies = await readReplies(files.sort().map((name) => path.join(folder, name)));
  return { path: folder, report: reportMiner(replies) };
}

const knownCommands: ReadonlySet<string> = new Set([
  ...detectionCommands,
  ...families.flatMap((family) => [...family.commands, ...family.identityCommands]),
  ...[
    'devs',
    'stats',
    'estats',
    'litestats',
    'temps',
    'fans',
    'power',
    'config',
    'get_psu',
    'get_miner_info',
  ],
]);

/** What web commands are about; captured ones are named `http_` and their path with `_` for `/`. */
const knownWebKeys: ReadonlySet<string> = new Set([
  ...webFamilies.flatMap((family) => [...family.commands, ...family.identityCommands]).map(webKey),
  'get_miner_status',
]);

/** Replies by command. Files named after commands come first; of two guessed alike the first counts. */
async function readReplies(files: readonly string[]): Promise<Map<string, Reply>> {
  const replies = new Map<string, Reply>();
  const named = files.filter((file) => isCommand(stemOf(file)));
  for (const file of [...named, ...files.filter((it) => !named.includes(it))]) {
    const stem = stemOf(file);
    const bytes = await readBounded(file);
    const command = isCommand(stem) ? stem : (guessOf(decodeReply(stem, bytes)) ?? stem);
    const parts = command.split('+');
    const read =
      parts.length > 1 ? splitJoined(parts, bytes) : new Map([[command, decodeReply(command, bytes)]]);
    for (const [name, reply] of read) replies.set(replies.has(name) ? stem : name, reply);
  }
  return replies;
}

function guessOf(reply: Reply): string | null {
  if (reply.kind !== 'ok' && reply.kind !== 'device_error') return null;
  const guess = guessCommand(reply.value);
  // Settings read over HTTP have `pools` too: only the API's own section tells.
  const isTold = guess !== null && Object.hasOwn(reply.value, guess.toUpperCase());
  return isTold || !reply.command.startsWith('http_') ? guess : null;
}

function isCommand(stem: string): boolean {
  if (knownWebKeys.has(webKey(stem))) return true;
  return stem.split('+').every((part) => knownCommands.has(part));
}

function stemOf(file: string): string {
  return path.basename(file).replace(/\.[^.]*$/, '');
}

/** A file's bytes, one more than a reply may have at most, so that it is seen to be too long. */
async function readBounded(file: string): Promise<Uint8Array> {
  const handle = await open(file);
  try {
    const buffer = Buffer.alloc(defaultMaxReplyBytes + 1);
    const { bytesRead } = await handle.read(buffer, 0, buffer.length, 0);
    return buffer.subarray(0, bytesRead);
  } finally {
    await handle.close();
  }
}
