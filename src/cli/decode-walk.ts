import { readdir, stat } from 'node:fs/promises';
import path from 'node:path';

/** The files of one miner, or why there are none. */
export interface MinerFiles {
  readonly path: string;
  readonly files: readonly string[];
  /** What was left out or could not be read, a line each. */
  readonly notes: readonly string[];
  /** Whether the path has to be named to tell it from others. */
  readonly isNamed: boolean;
}

/** Files read of one folder. */
const maxFiles = 512;
/** Folders below the one that was named. */
const maxDepth = 16;

/** Files beside replies that are none. */
const skipped = /^(?:\..*|.*~|http_.*\.html?|(?:meta|index)\.json|readme.*)$/i;

/**
 * The miners at a path: a file is one, a folder with files is one, and so is each folder below it. A folder
 * that leads back to itself is visited once. Never throws; what cannot be read has a note and no files.
 */
export async function* findMiners(start: string): AsyncGenerator<MinerFiles> {
  try {
    const facts = await stat(start);
    if (facts.isDirectory()) yield* walk(start, true, maxDepth, new Set());
    else if (facts.isFile()) yield { path: start, files: [start], notes: [], isNamed: false };
    else yield nothing(start, 'neither a file nor a folder');
  } catch (error) {
    yield nothing(start, messageOf(error));
  }
}

function nothing(at: string, why: string): MinerFiles {
  return { path: at, files: [], notes: [why], isNamed: true };
}

async function* walk(
  folder: string,
  isStart: boolean,
  depth: number,
  visited: Set<string>,
): AsyncGenerator<MinerFiles> {
  const { files, folders, notes } = await list(folder, visited);
  const isNamed = !isStart || folders.length > 0;
  const read = files.slice(0, maxFiles);
  if (files.length > read.length) notes.push(`${files.length - read.length} more files were not read`);
  if (files.length > 0 || folders.length === 0 || notes.length > 0)
    yield {
      path: folder,
      files: read,
      notes: files.length + notes.length > 0 ? notes : ['no replies here'],
      isNamed,
    };
  for (const inner of folders) {
    if (depth > 0) yield* walk(inner, false, depth - 1, visited);
    else yield nothing(inner, 'nested too deeply');
  }
}

interface Listing {
  readonly files: string[];
  readonly folders: string[];
  readonly notes: string[];
}

async function list(folder: string, visited: Set<string>): Promise<Listing> {
  const listing: Listing = { files: [], folders: [], notes: [] };
  try {
    const { dev, ino } = await stat(folder);
    if (visited.has(`${dev}:${ino}`)) return { ...listing, notes: ['a link back to a folder already read'] };
    visited.add(`${dev}:${ino}`);
    for (const name of (await readdir(folder)).sort()) {
      if (skipped.test(name)) continue;
      const at = path.join(folder, name);
      // Links are followed; one that leads nowhere is noted.
      const facts = await stat(at).catch((error: unknown) => messageOf(error));
      if (typeof facts === 'string') listing.notes.push(`${name}: ${facts}`);
      else if (facts.isDirectory()) listing.folders.push(at);
      else if (facts.isFile()) listing.files.push(at);
    }
  } catch (error) {
    listing.notes.push(messageOf(error));
  }
  return listing;
}

/** The system's words for a fault, without its call and path. */
export function messageOf(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).replace(/, \w+(?: '[^]*')?$/, '');
}
