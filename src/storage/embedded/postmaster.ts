import { readFile, realpath, rm } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { commandLine, isAlive, processToken } from './processes.js';

const POLL_MS = 25;

/** A running server as its own `postmaster.pid` describes it. */
export interface Postmaster {
  readonly pid: number;
  /** Null until it listens. */
  readonly port: number | null;
  readonly status: 'starting' | 'ready' | 'stopping';
}

/**
 * The live server of `clusterDir`, or null. Ids are reused, above all in containers, so a live process
 * counts only when its command line names this cluster. Lines of the file: miscadmin.h, LOCK_FILE_LINE_*.
 */
export async function findPostmaster(clusterDir: string): Promise<Postmaster | null> {
  const text = await readFile(pidFile(clusterDir), 'utf8').catch(() => '');
  const lines = text.split('\n').map((line) => line.trim());
  const pid = Number(lines[0]);
  if (!Number.isInteger(pid) || pid <= 1) return null;
  const command = await commandLine(pid);
  if (command === null || !isCommandOf(command, await realpath(clusterDir), clusterDir)) return null;
  const status = lines[7] === 'ready' || lines[7] === 'stopping' ? lines[7] : 'starting';
  return { pid, port: Number(lines[3]) || null, status };
}

/** Windows tells no command line: there PostgreSQL's own check of the file decides. */
function isCommandOf(command: string, ...folders: string[]): boolean {
  return process.platform === 'win32' || folders.some((folder) => `${command} `.includes(` ${folder} `));
}

/**
 * Removes a pid file whose process id now belongs to another program, or to a zombie nobody reaped:
 * PostgreSQL would take it for a live server. A dead id it handles itself, without our race against
 * another starter.
 */
export async function clearStalePidFile(clusterDir: string): Promise<void> {
  const text = await readFile(pidFile(clusterDir), 'utf8').catch(() => '');
  const pid = Number.parseInt(text, 10);
  if (!(pid > 1) || !isAlive(pid)) return;
  if ((await findPostmaster(clusterDir)) === null) await rm(pidFile(clusterDir), { force: true });
}

const pidFile = (clusterDir: string): string => path.join(clusterDir, 'postmaster.pid');

/** Polls until `look` answers something or `timeoutMs` has passed; then null. */
export async function waitUntil<T>(
  look: () => Promise<T | null> | T | null,
  timeoutMs: number,
): Promise<T | null> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const found = await look();
    if (found !== null || performance.now() >= deadline) return found;
    await delay(POLL_MS);
  }
}

/** Fast shutdown (SIGINT), then SIGKILL once `timeoutMs` has passed. True when it ended by itself. */
export async function endProcess(pid: number, timeoutMs: number): Promise<boolean> {
  const gone = async (): Promise<true | null> => ((await processToken(pid)) === null ? true : null);
  signal(pid, 'SIGINT');
  if ((await waitUntil(gone, timeoutMs)) === true) return true;
  signal(pid, 'SIGKILL');
  await waitUntil(gone, 5_000);
  return false;
}

/** A process that has just ended by itself is no error. */
export function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
