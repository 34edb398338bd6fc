import { randomUUID } from 'node:crypto';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { MemberRole } from '../../domain/heartbeat.js';
import type { Logger } from '../../telemetry/logger.js';

/** Processes of one role that may share a data folder. */
const maxSharing = 64;
const idPattern = /^([0-9a-f-]{36}) (\d{1,10})$/;

/**
 * The id a process has in its cluster: that of its data folder and role, kept on disk, so that a restart is the
 * same member. Of several processes of a role that share a folder each gets one of its own. A folder that cannot
 * be written gives an id for this run alone: an id is never worth not starting.
 */
export async function readMemberId(dataDir: string, role: MemberRole, log: Logger): Promise<string> {
  const folder = join(dataDir, 'member');
  try {
    await mkdir(folder, { recursive: true });
    for (let n = 1; n <= maxSharing; n++) {
      const id = await take(join(folder, `${role}-${n}`));
      if (id !== null) return id;
    }
  } catch (err) {
    log.warn({ err, folder }, 'the id of this member cannot be kept; it has another one after a restart');
  }
  return randomUUID();
}

/** Takes a file's id, or makes one; null when a process that still runs has it. */
async function take(file: string): Promise<string | null> {
  const text = await readFile(file, 'utf8').catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  });
  const [, known, pid] = idPattern.exec(text?.trim() ?? '') ?? [];
  if (pid !== undefined && isOther(Number(pid))) return null;
  const id = known ?? randomUUID();
  const line = `${id} ${process.pid}\n`;
  if (text === null) {
    // Of two that start at once one makes the file, and the other looks for the next.
    const made = await writeFile(file, line, { flag: 'wx' }).catch((error: unknown) => {
      if ((error as NodeJS.ErrnoException).code === 'EEXIST') return null;
      throw error;
    });
    return made === null ? null : id;
  }
  const next = `${file}.${process.pid}.tmp`;
  await writeFile(next, line);
  await rename(next, file);
  return id;
}

/** In a container every process may be number 1: one's own number tells of no other. */
function isOther(pid: number): boolean {
  if (pid === process.pid) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
