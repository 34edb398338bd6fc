import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import postgres from 'postgres';
import { packageRoot } from '../../../src/config/paths.js';
import { startEmbeddedPostgres } from '../../../src/storage/embedded/embedded-postgres.js';
import { migrate } from '../../../src/storage/migrate.js';
import { createLogger } from '../../../src/telemetry/logger.js';
import { progress } from '../report.js';

/** A migrated database for nothing else. */
export interface Target {
  readonly url: string;
  /** The server in words: versions and what it waits for. */
  readonly about: string;
  /** History rows on disk, with their key and overhead. */
  historyBytes(): Promise<{ rows: number; bytes: number }>;
  /** Drops the database; stops the server when it was started for it. */
  close(): Promise<void>;
}

/** Flags of a benchmark that works on a database, for `parseArgs`. */
export const targetFlags = {
  json: { type: 'boolean', default: false },
  embedded: { type: 'boolean', default: false },
  server: { type: 'string' },
} as const;

/** What these flags say of the database. */
export const targetOf = (values: {
  readonly embedded: boolean;
  readonly server?: string | undefined;
}): { readonly isEmbedded: boolean; readonly serverUrl: string | null } => ({
  isEmbedded: values.embedded,
  serverUrl: values.server ?? null,
});

const urlVariable = 'HEADFRAME_TEST_TIMESCALE_URL';

/**
 * A new database on `serverUrl`; without one on the TimescaleDB of `scripts/services`, and without that
 * or with `isEmbedded` on an embedded PostgreSQL.
 */
export async function openTarget(options: {
  readonly intervalS: number;
  readonly serverUrl: string | null;
  readonly isEmbedded: boolean;
  /** A database that is there, migrated or not, and stays. */
  readonly databaseUrl?: string | null;
}): Promise<Target> {
  if (options.databaseUrl != null) return await openGiven(options.databaseUrl, options.intervalS);
  const given = options.serverUrl ?? (options.isEmbedded ? null : timescaleUrl());
  const server = given === null ? await startEmbedded() : { url: given, stop: async () => undefined };
  const name = `bench_${randomBytes(6).toString('hex')}`;
  try {
    await run(server.url, `create database ${name} template template0`);
    const url = new URL(server.url);
    url.pathname = `/${name}`;
    const { edition } = await migrate(url.href, { log: createLogger('warn'), intervalS: options.intervalS });
    return {
      url: url.href,
      about: await describe(url.href),
      historyBytes: () => historyBytes(url.href, edition),
      close: async () => {
        await run(server.url, `drop database if exists ${name} with (force)`);
        await server.stop();
      },
    };
  } catch (error) {
    await server.stop();
    throw error;
  }
}

async function openGiven(url: string, intervalS: number): Promise<Target> {
  const { edition } = await migrate(url, { log: createLogger('warn'), intervalS });
  return {
    url,
    about: await describe(url),
    historyBytes: () => historyBytes(url, edition),
    close: async () => undefined,
  };
}

function timescaleUrl(): string | null {
  const given = process.env[urlVariable];
  if (given) return given;
  const services = join(packageRoot, 'scripts', 'services');
  progress('starting TimescaleDB');
  const started = spawnSync(services, ['start'], { stdio: ['ignore', 'ignore', 'pipe'], encoding: 'utf8' });
  const told = spawnSync(services, ['env'], { encoding: 'utf8' }).stdout ?? '';
  const url = new RegExp(`${urlVariable}=(\\S+)`).exec(told)?.[1] ?? null;
  if (url === null) progress(`no TimescaleDB, using the embedded PostgreSQL: ${started.stderr.trim()}`);
  return url;
}

async function startEmbedded(): Promise<{ url: string; stop(): Promise<void> }> {
  const folder = await mkdtemp(join(tmpdir(), 'headframe-bench-'));
  const server = await startEmbeddedPostgres({ dataDir: folder });
  return {
    url: server.url,
    stop: async () => {
      await server.stop({ timeoutMs: 10_000 });
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function describe(url: string): Promise<string> {
  const [row] = await run(
    url,
    `select current_setting('server_version') as postgres, current_setting('fsync') as fsync,
       (select extversion from pg_extension where extname = 'timescaledb') as timescale,
       current_setting('timescaledb.license', true) as license`,
  );
  const { postgres: version, timescale, license, fsync } = (row ?? {}) as Record<string, string | null>;
  const extension = timescale ? `TimescaleDB ${timescale} (${license}) on ` : '';
  return `${extension}PostgreSQL ${version?.split(' ')[0]}, fsync ${fsync}, on the same machine`;
}

async function historyBytes(url: string, edition: string): Promise<{ rows: number; bytes: number }> {
  const size =
    edition === 'plain'
      ? `(select sum(pg_total_relation_size(inhrelid)) from pg_inherits
          where inhparent = 'miner_telemetry_history'::regclass and pg_relation_size(inhrelid) > 0)`
      : `hypertable_size('miner_telemetry_history')`;
  const [row] = await run(url, `select count(*) as rows, ${size} as bytes from miner_telemetry_history`);
  return { rows: Number(row?.['rows']), bytes: Number(row?.['bytes']) };
}

/** One trusted statement on a connection of its own. */
async function run(url: string, statement: string): Promise<readonly Record<string, unknown>[]> {
  const sql = postgres(url, { max: 1, onnotice: () => undefined });
  try {
    return await sql.unsafe(statement);
  } finally {
    await sql.end({ timeout: 5 });
  }
}
