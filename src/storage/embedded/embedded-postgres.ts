import type { ChildProcess } from 'node:child_process';
import { mkdir, realpath } from 'node:fs/promises';
import path from 'node:path';
import type { Logger } from '../../telemetry/logger.js';
import { accountFor, openFolder } from './account.js';
import { prepareCluster, SUPERUSER } from './cluster.js';
import {
  clearStalePidFile,
  endProcess,
  findPostmaster,
  signal,
  waitUntil,
  type Postmaster,
} from './postmaster.js';
import { claim, hasLiveOwner } from './owner.js';
import { processToken } from './processes.js';
import { prepareRuntime } from './runtime.js';
import { freePort, spawnServer, trimLog, unavailable, type Place } from './server.js';

export interface EmbeddedPostgresOptions {
  /** A folder for nothing else; made where needed. Holds `cluster/`, `postgres.log`, `owner.json`. */
  readonly dataDir: string;
  /** Where the programs are copied once, about 60 MB; default: the system's or the user's cache. */
  readonly cacheDir?: string;
  readonly log?: Logger;
  /** Server parameters over `defaultSettings` in server.ts. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Until the server accepts connections, crash recovery included; default 120 s. */
  readonly startTimeoutMs?: number;
  /** The server ended without `stop` having been called. At most once. */
  readonly onExit?: (reason: string) => void;
}

export interface EmbeddedPostgres {
  /** Connection string of the superuser to the database `postgres`; holds the password. */
  readonly url: string;
  readonly port: number;
  readonly pid: number;
  /** False when another live process started this server: `stop` then only lets go of it. */
  readonly isOwner: boolean;
  /** Fast shutdown, killed at the bound. Idempotent. */
  stop(options: { timeoutMs: number }): Promise<void>;
}

const START_TIMEOUT_MS = 120_000;
const MAX_ATTEMPTS = 4;
const LOG_CHECK_MS = 60_000;
const WATCH_MS = 1_000;

/**
 * Starts the PostgreSQL that comes with the package on `dataDir`, on a free loopback port; root runs it
 * as an unprivileged account. A server left by a killed process is adopted; one that belongs to another
 * live process is shared. Throws `EMBEDDED_UNAVAILABLE` or `EMBEDDED_VERSION`.
 */
export async function startEmbeddedPostgres(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  await mkdir(options.dataDir, { recursive: true });
  const dataDir = await realpath(options.dataDir);
  const clusterDir = path.join(dataDir, 'cluster');
  const account = await accountFor(clusterDir);
  await openFolder(dataDir, account);
  const runtime = await prepareRuntime(account, options.cacheDir);
  const password = await prepareCluster(clusterDir, runtime, account);
  const place: Place = { dataDir, clusterDir, logFile: path.join(dataDir, 'postgres.log'), runtime, account };
  const server = await findOrStart(place, options);
  return handleOf(server, place, password, options);
}

interface Server {
  readonly pid: number;
  readonly port: number;
  /** Null for a server that this process found running. */
  readonly child: ChildProcess | null;
}

/** Several attempts: the port may be taken in between, and children of a killed server need a moment to leave. */
async function findOrStart(place: Place, options: EmbeddedPostgresOptions): Promise<Server> {
  const deadline = performance.now() + (options.startTimeoutMs ?? START_TIMEOUT_MS);
  for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt += 1) {
    const running = await findRunning(place, deadline);
    if (running !== null) return running;
    const started = await startServer(place, options, deadline);
    if (started !== null) return started;
    options.log?.warn({ attempt, dataDir: place.dataDir }, 'embedded PostgreSQL did not start');
    await waitUntil(() => null, Math.min(250 * attempt, deadline - performance.now()));
  }
  throw await unavailable(place, 'did not start');
}

/** A live server of this cluster once it is ready; null when there is none. */
async function findRunning(place: Place, deadline: number): Promise<Server | null> {
  type Outcome = { readonly running: Server | null };
  const look = async (): Promise<Outcome | null> => {
    const found = await findPostmaster(place.clusterDir);
    if (found === null) return { running: null };
    return isReady(found) ? { running: { pid: found.pid, port: found.port, child: null } } : null;
  };
  const outcome = await waitUntil(look, deadline - performance.now());
  if (outcome === null) throw await unavailable(place, 'is running on this folder and does not become ready');
  return outcome.running;
}

function isReady(server: Postmaster): server is Postmaster & { port: number } {
  return server.status === 'ready' && server.port !== null;
}

/** Null when the server ended before it was ready. */
async function startServer(
  place: Place,
  options: EmbeddedPostgresOptions,
  deadline: number,
): Promise<Server | null> {
  await clearStalePidFile(place.clusterDir);
  const port = await freePort();
  const child = await spawnServer(place, port, options.settings ?? {});
  const look = async (): Promise<'ready' | 'ended' | null> => {
    if (child.exitCode !== null || child.signalCode !== null) return 'ended';
    const found = await findPostmaster(place.clusterDir);
    return found !== null && found.pid === child.pid && found.status === 'ready' ? 'ready' : null;
  };
  const outcome = await waitUntil(look, deadline - performance.now());
  if (outcome === 'ready' && child.pid !== undefined) return { pid: child.pid, port, child };
  if (outcome === null) {
    child.kill('SIGKILL');
    throw await unavailable(place, 'was not ready in time');
  }
  return null;
}

async function handleOf(
  server: Server,
  place: Place,
  password: string,
  options: EmbeddedPostgresOptions,
): Promise<EmbeddedPostgres> {
  // A server found running stays with the process that started it while that one lives.
  const isOwner = server.child !== null || !(await hasLiveOwner(place.dataDir));
  if (isOwner) await claim(place.dataDir);
  let ending: Promise<void> | null = null;
  const endWithProcess = (): void => signal(server.pid, 'SIGINT');
  const stopWatching = watch(server, (reason) => {
    process.off('exit', endWithProcess);
    if (ending === null) options.onExit?.(reason);
  });
  const logTimer = setInterval(
    () => void trimLog(place.logFile).catch(() => undefined),
    LOG_CHECK_MS,
  ).unref();
  if (isOwner) process.once('exit', endWithProcess);
  const end = async (timeoutMs: number): Promise<void> => {
    stopWatching();
    clearInterval(logTimer);
    process.off('exit', endWithProcess);
    if (!isOwner) return;
    const isClean = await endProcess(server.pid, timeoutMs);
    if (!isClean) options.log?.warn({ pid: server.pid, timeoutMs }, 'embedded PostgreSQL had to be killed');
  };
  options.log?.info(
    { pid: server.pid, port: server.port, isOwner, dataDir: place.dataDir },
    'embedded PostgreSQL is ready',
  );
  return {
    url: `postgres://${SUPERUSER}:${password}@127.0.0.1:${server.port}/postgres`,
    port: server.port,
    pid: server.pid,
    isOwner,
    stop: ({ timeoutMs }) => (ending ??= end(timeoutMs)),
  };
}

/** Calls `onEnd` once when the server ends; answers a function that stops watching. */
function watch(server: Server, onEnd: (reason: string) => void): () => void {
  const { child, pid } = server;
  if (child !== null) {
    const onChildExit = (code: number | null, name: string | null): void =>
      onEnd(name ?? `exit code ${code}`);
    child.once('exit', onChildExit);
    return () => child.off('exit', onChildExit);
  }
  const timer = setInterval(() => {
    void processToken(pid).then((token) => {
      if (token !== null) return;
      clearInterval(timer);
      onEnd('gone');
    });
  }, WATCH_MS).unref();
  return () => clearInterval(timer);
}
