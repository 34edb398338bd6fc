import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, open, readFile, stat, truncate } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import path from 'node:path';
import { AppError } from '../../domain/errors.js';
import type { Account } from './account.js';
import { childEnvironment } from './cluster.js';
import type { Runtime } from './runtime.js';

/** Where one cluster lives and what runs it. */
export interface Place {
  readonly dataDir: string;
  readonly clusterDir: string;
  readonly logFile: string;
  readonly runtime: Runtime;
  readonly account: Account;
}

/** Small enough for a laptop, sound for a farm; commits stay synchronous, for a 2xx promises durability. */
const defaultSettings: Readonly<Record<string, string>> = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  password_encryption: 'scram-sha-256',
  max_connections: '60',
  shared_buffers: '128MB',
  effective_cache_size: '1GB',
  work_mem: '8MB',
  maintenance_work_mem: '64MB',
  wal_level: 'minimal',
  max_wal_senders: '0',
  wal_compression: 'on',
  min_wal_size: '128MB',
  max_wal_size: '1GB',
  checkpoint_timeout: '15min',
  random_page_cost: '1.1',
  jit: 'off',
  timezone: 'UTC',
  log_timezone: 'UTC',
  log_checkpoints: 'off',
  log_min_messages: 'warning',
  // Statements of a failing batch would put a farm's telemetry into the log.
  log_min_error_statement: 'panic',
  log_line_prefix: '%m [%p] ',
};

const LOG_MAX_BYTES = 16 * 1024 * 1024;

/** Runs `postgres`, its output appended to the log file; answers once the process exists. */
export async function spawnServer(
  place: Place,
  port: number,
  settings: Readonly<Record<string, string>>,
): Promise<ChildProcess> {
  await trimLog(place.logFile);
  const log = await open(place.logFile, 'a', 0o600);
  const parameters = Object.entries({ ...defaultSettings, ...settings, port: String(port) });
  const args = ['-D', place.clusterDir, ...parameters.flatMap(([name, value]) => ['-c', `${name}=${value}`])];
  try {
    const child = spawn(path.join(place.runtime.binDir, 'postgres'), args, {
      ...place.account,
      ...childEnvironment,
      cwd: path.parse(place.clusterDir).root,
      stdio: ['ignore', log.fd, log.fd],
      // Its own process group: Ctrl-C must reach it through stop(), after the rest has drained.
      detached: process.platform !== 'win32',
      windowsHide: true,
    });
    await once(child, 'spawn');
    child.unref();
    return child;
  } catch (cause) {
    throw new AppError('EMBEDDED_UNAVAILABLE', `PostgreSQL could not be run: ${(cause as Error).message}`, {
      cause,
    });
  } finally {
    await log.close();
  }
}

/** Moves a log past 16 MiB aside, over the one before it: copied and cut, for the server holds it open. */
export async function trimLog(logFile: string): Promise<void> {
  const size = await stat(logFile).then(
    (file) => file.size,
    () => 0,
  );
  if (size <= LOG_MAX_BYTES) return;
  await copyFile(logFile, `${logFile}.1`);
  await truncate(logFile);
}

/** A loopback port free at this moment. */
export async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as AddressInfo;
  probe.close();
  await once(probe, 'close');
  return port;
}

/** The error of a server that fails, with the end of its log. */
export async function unavailable(place: Place, what: string): Promise<AppError> {
  const log = await readFile(place.logFile, 'utf8').catch(() => '');
  const tail = log.trim().split('\n').slice(-5).join('\n');
  return new AppError('EMBEDDED_UNAVAILABLE', `PostgreSQL ${what}; the end of ${place.logFile}:\n${tail}`);
}
