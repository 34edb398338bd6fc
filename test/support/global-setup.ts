import { chmod, mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { TestProject } from 'vitest/node';
import { startEmbeddedPostgres } from '../../src/storage/embedded/embedded-postgres.js';
import { hasLiveOwner } from '../../src/storage/embedded/owner.js';
import { endProcess, findPostmaster } from '../../src/storage/embedded/postmaster.js';
import { requireServices } from './services.js';

declare module 'vitest' {
  export interface ProvidedContext {
    /** Superuser connection string of this run's own plain PostgreSQL. */
    plainPostgresUrl: string;
  }
}

const PREFIX = 'headframe-postgres-test-';

/**
 * One plain PostgreSQL for the whole run, thrown away at its end. Writes need not survive a power cut
 * here, so nothing waits for the disk; tests of durability start a server of their own.
 */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  requireServices();
  await sweep();
  const dataDir = await mkdtemp(path.join(tmpdir(), PREFIX));
  await chmod(dataDir, 0o755);
  const server = await startEmbeddedPostgres({
    dataDir,
    settings: { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off', max_connections: '200' },
  });
  project.provide('plainPostgresUrl', server.url);
  return async () => {
    await server.stop({ timeoutMs: 10_000 });
    await rm(dataDir, { recursive: true, force: true });
  };
}

/** Ends the servers and removes the folders of this user's runs that were killed. */
async function sweep(): Promise<void> {
  for (const name of await readdir(tmpdir())) {
    const dataDir = path.join(tmpdir(), name);
    if (!name.startsWith(PREFIX) || !(await isAbandoned(dataDir))) continue;
    const server = await findPostmaster(path.join(dataDir, 'cluster'));
    if (server !== null) await endProcess(server.pid, 10_000);
    await rm(dataDir, { recursive: true, force: true });
  }
}

/** A folder younger than a minute may belong to a run that is still starting. */
async function isAbandoned(dataDir: string): Promise<boolean> {
  const folder = await stat(dataDir).catch(() => null);
  if (folder === null || folder.uid !== (process.getuid?.() ?? folder.uid)) return false;
  return Date.now() - folder.ctimeMs > 60_000 && !(await hasLiveOwner(dataDir));
}
