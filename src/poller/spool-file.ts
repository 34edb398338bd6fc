import { mkdir, open, readFile, rename, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Readable, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { constants, createGunzip } from 'node:zlib';
import { tempPrefix } from './spool-name.js';

let written = 0;

/** The errno of a system error, `''` for others. */
export function errnoOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
}

/**
 * Temporary file → fsync → rename → fsync of the folder. After a crash at any point there is the whole
 * file or none under this name. Rejects with the system's error and leaves nothing behind.
 */
export async function writeDurably(path: string, bytes: Uint8Array): Promise<void> {
  const folder = dirname(path);
  const temp = join(folder, `${tempPrefix}${process.pid}-${written++}`);
  try {
    const file = await openMakingFolder(temp, folder);
    try {
      await file.writeFile(bytes);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temp, path);
  } catch (error) {
    await unlink(temp).catch(() => undefined);
    throw error;
  }
  await syncFolder(folder);
}

/** Someone may have removed the folder: polling must not need a restart for that. */
async function openMakingFolder(temp: string, folder: string): ReturnType<typeof open> {
  try {
    return await open(temp, 'wx', 0o640);
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw error;
    await mkdir(folder, { recursive: true });
    return open(temp, 'wx', 0o640);
  }
}

/** A folder that cannot be synced (some network file systems) costs durability, not the batch. */
async function syncFolder(folder: string): Promise<void> {
  try {
    const handle = await open(folder, 'r');
    await handle.sync().finally(() => handle.close());
  } catch {
    return;
  }
}

/** Why a batch file cannot be sent. Bounded: it is a metric label. */
export type BadFileReason = 'truncated' | 'corrupt' | 'oversized' | 'unreadable';

/**
 * - `ok`: whole, and the checksum is right.
 * - `bad`: will never be right.
 * - `gone`: someone removed it.
 * - `later`: the system is short of something (descriptors, memory); the file may be fine.
 */
export type ReadResult =
  | { readonly kind: 'ok'; readonly gz: Buffer }
  | { readonly kind: 'bad'; readonly reason: BadFileReason }
  | { readonly kind: 'gone' }
  | { readonly kind: 'later'; readonly error: unknown };

const hopeless = new Set(['EISDIR', 'EACCES', 'EPERM', 'EIO', 'ELOOP']);

/** Reads a batch file and checks its length and, by inflating it once, its checksum. */
export async function readVerified(
  path: string,
  expectedBytes: number,
  maxInflatedBytes: number,
): Promise<ReadResult> {
  let gz: Buffer;
  try {
    gz = await readFile(path);
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === 'ENOENT') return { kind: 'gone' };
    return hopeless.has(errno) ? { kind: 'bad', reason: 'unreadable' } : { kind: 'later', error };
  }
  if (gz.length < expectedBytes || gz.length === 0) return { kind: 'bad', reason: 'truncated' };
  if (gz.length > expectedBytes) return { kind: 'bad', reason: 'corrupt' };
  const reason = await inflateFault(gz, maxInflatedBytes);
  return reason === null ? { kind: 'ok', gz } : { kind: 'bad', reason };
}

async function inflateFault(gz: Buffer, maxInflatedBytes: number): Promise<BadFileReason | null> {
  let inflatedBytes = 0;
  const sink = new Writable({
    write(chunk: Buffer, _encoding, done) {
      inflatedBytes += chunk.length;
      done(inflatedBytes > maxInflatedBytes ? new Error('too large') : null);
    },
  });
  try {
    await pipeline(
      Readable.from([gz]),
      createGunzip({ chunkSize: 65_536, finishFlush: constants.Z_FINISH }),
      sink,
    );
    return null;
  } catch {
    return inflatedBytes > maxInflatedBytes ? 'oversized' : 'corrupt';
  }
}
