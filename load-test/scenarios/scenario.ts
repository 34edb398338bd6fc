import { randomBytes } from 'node:crypto';
import { chmod, mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import postgres from 'postgres';

/** A database of a scenario's own. */
export interface ScenarioDatabase {
  readonly url: string;
  drop(): Promise<void>;
}

/** The server to work on: a flag, else what `scripts/services env` sets. */
export function serverUrl(flag: string | undefined): string {
  const url = flag ?? process.env['HEADFRAME_TEST_TIMESCALE_URL'];
  if (url === undefined) throw new Error('name a server: --database-url, or eval "$(scripts/services env)"');
  return url;
}

/** A new database under a name of its own, with TimescaleDB where the server has it. */
export async function createDatabase(server: string): Promise<ScenarioDatabase> {
  const name = `scenario_${randomBytes(6).toString('hex')}`;
  const url = new URL(server);
  url.pathname = `/${name}`;
  await run(server, `create database ${name} template template0`);
  await run(
    url.href,
    `do $$ begin if exists (select from pg_available_extensions where name = 'timescaledb')
     then create extension if not exists timescaledb; end if; end $$`,
  );
  return { url: url.href, drop: () => run(server, `drop database if exists ${name} with (force)`) };
}

async function run(url: string, statement: string): Promise<void> {
  const sql = postgres(url, { max: 1, onnotice: () => undefined });
  try {
    await sql.unsafe(statement);
  } finally {
    await sql.end({ timeout: 5 });
  }
}

/** A folder in the system's temporary one that other accounts may pass through. */
export async function makeFolder(name: string): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), `headframe-${name}-`));
  await chmod(dir, 0o711);
  return dir;
}

/** Of an ascending list; null when it is empty. */
export function percentile(sorted: readonly number[], share: number): number | null {
  const value = sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];
  return value === undefined ? null : Math.round(value);
}

/** Progress goes to stderr, results to stdout. */
export function print(line: string): void {
  process.stderr.write(`${line}\n`);
}
