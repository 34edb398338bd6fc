import { randomBytes } from 'node:crypto';
import postgres from 'postgres';
import { inject } from 'vitest';
import { testTimescaleUrl, type TestEdition } from './services.js';

export { testEditions, type TestEdition } from './services.js';

export interface TestDatabase {
  /** Connection string of its superuser. */
  readonly url: string;
  /** Ends the connections it still has and removes it. */
  drop(): Promise<void>;
}

/** Superuser connection string of this run's server of `edition`. */
export function testServerUrl(edition: TestEdition): string {
  if (edition === 'plain') return inject('plainPostgresUrl');
  const url = testTimescaleUrl();
  if (url === null) throw new Error('no TimescaleDB in this run; iterate over testEditions()');
  return url;
}

/** A new empty database under a name of its own; on `timescale` the extension is there. */
export async function createTestDatabase(options: { edition: TestEdition }): Promise<TestDatabase> {
  const serverUrl = testServerUrl(options.edition);
  const name = `test_${randomBytes(8).toString('hex')}`;
  await runStatement(serverUrl, `CREATE DATABASE ${name} TEMPLATE template0`);
  const url = new URL(serverUrl);
  url.pathname = `/${name}`;
  if (options.edition === 'timescale') await runStatement(url.href, 'CREATE EXTENSION timescaledb');
  return {
    url: url.href,
    drop: () => runStatement(serverUrl, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`),
  };
}

/** Runs one statement on a connection of its own; names in it are trusted. */
async function runStatement(url: string, statement: string): Promise<void> {
  const sql = postgres(url, { max: 1, onnotice: () => undefined });
  try {
    await sql.unsafe(statement);
  } finally {
    await sql.end({ timeout: 5 });
  }
}
