import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);
const PS_TIMEOUT_MS = 5_000;

/** True while a process of this id exists, whoever owns it. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/**
 * A string that tells this run of a process from a later one under the same id; null when it is gone
 * or a zombie. Linux: the start time in /proc/PID/stat (proc(5), field 22), readable by everyone and
 * there without `ps`. Elsewhere `ps`; on Windows liveness alone.
 */
export async function processToken(pid: number): Promise<string | null> {
  if (process.platform !== 'linux') return ps(pid, 'lstart=');
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => null);
  // The second field is the program's name in parentheses and may itself hold blanks and parentheses.
  const fields = stat?.slice(stat.lastIndexOf(')') + 2).split(' ');
  return fields === undefined || fields[0] === 'Z' ? null : (fields[19] ?? null);
}

/** The arguments a process was started with, joined by blanks; null when it is gone. */
export async function commandLine(pid: number): Promise<string | null> {
  if (process.platform !== 'linux') return ps(pid, 'command=');
  const text = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
  return text === '' ? null : text.replaceAll('\0', ' ').trim();
}

async function ps(pid: number, format: string): Promise<string | null> {
  if (process.platform === 'win32') return isAlive(pid) ? 'alive' : null;
  const answer = await run('ps', ['-o', format, '-p', String(pid)], { timeout: PS_TIMEOUT_MS }).catch(
    () => null,
  );
  return answer === null || answer.stdout.trim() === '' ? null : answer.stdout.trim();
}
