import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chown, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { AppError } from '../../domain/errors.js';
import type { Account } from './account.js';
import { isAlive } from './processes.js';
import type { Runtime } from './runtime.js';

const run = promisify(execFile);
const INITDB_TIMEOUT_MS = 120_000;

/** The database superuser; its password never leaves the data folder and the connection string. */
export const SUPERUSER = 'headframe';

/** Nothing of the caller's environment (PGDATA, PGPORT, locale) reaches PostgreSQL; Windows needs its own. */
export const childEnvironment = process.platform === 'win32' ? {} : { env: { LC_ALL: 'C', TZ: 'UTC' } };

/**
 * Creates the cluster when there is none and answers its password. A cluster is complete or absent:
 * it is made beside its place and renamed into it, so a kill in the middle costs only a stray folder,
 * removed at the next start. Throws `EMBEDDED_VERSION` when another major version made it.
 */
export async function prepareCluster(
  clusterDir: string,
  runtime: Runtime,
  account: Account,
): Promise<string> {
  const found = await readVersion(clusterDir);
  if (found === null) await createCluster(clusterDir, runtime, account);
  else if (found !== runtime.majorVersion) {
    throw new AppError(
      'EMBEDDED_VERSION',
      `${clusterDir} was made by PostgreSQL ${found}; this program brings PostgreSQL ${runtime.majorVersion}.`,
    );
  }
  return (await readFile(passwordFile(clusterDir), 'utf8')).trim();
}

const passwordFile = (clusterDir: string): string => path.join(clusterDir, 'headframe.password');

async function readVersion(clusterDir: string): Promise<string | null> {
  try {
    return (await readFile(path.join(clusterDir, 'PG_VERSION'), 'utf8')).trim();
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw new AppError('EMBEDDED_UNAVAILABLE', `${clusterDir} cannot be read; another user made it.`, {
      cause,
    });
  }
}

async function createCluster(clusterDir: string, runtime: Runtime, account: Account): Promise<void> {
  await sweep(clusterDir);
  const building = `${clusterDir}.new-${process.pid}`;
  const pwfile = `${building}.password`;
  await mkdir(building, { mode: 0o700 });
  await writeFile(pwfile, randomBytes(24).toString('hex'), { mode: 0o600, flush: true });
  if (account.uid !== undefined && account.gid !== undefined) {
    await chown(building, account.uid, account.gid);
    await chown(pwfile, account.uid, account.gid);
  }
  try {
    await initdb(building, pwfile, runtime, account);
    await rename(pwfile, passwordFile(building));
    await rename(building, clusterDir).catch(otherStarterWon);
  } finally {
    await rm(pwfile, { force: true });
    await rm(building, { recursive: true, force: true });
  }
}

/** Removes what starters that no longer live left half made. */
async function sweep(clusterDir: string): Promise<void> {
  const prefix = `${path.basename(clusterDir)}.new-`;
  for (const name of await readdir(path.dirname(clusterDir))) {
    if (!name.startsWith(prefix)) continue;
    const pid = Number.parseInt(name.slice(prefix.length), 10);
    if (pid !== process.pid && isAlive(pid)) continue;
    await rm(path.join(path.dirname(clusterDir), name), { recursive: true, force: true });
  }
}

async function initdb(dir: string, pwfile: string, runtime: Runtime, account: Account): Promise<void> {
  const options = ['-D', dir, '-U', SUPERUSER, '--pwfile', pwfile, '--auth', 'scram-sha-256'];
  await run(path.join(runtime.binDir, 'initdb'), [...options, '--encoding', 'UTF8', '--locale', 'C'], {
    ...account,
    ...childEnvironment,
    cwd: path.parse(dir).root,
    timeout: INITDB_TIMEOUT_MS,
  }).catch((cause: Error & { stderr?: string }) => {
    const reason = cause.stderr?.trim() || cause.message;
    throw new AppError('EMBEDDED_UNAVAILABLE', `PostgreSQL could not make its folder ${dir}: ${reason}`, {
      cause,
    });
  });
}

function otherStarterWon(error: NodeJS.ErrnoException): void {
  if (!['ENOTEMPTY', 'EEXIST', 'EPERM'].includes(error.code ?? '')) throw error;
}
