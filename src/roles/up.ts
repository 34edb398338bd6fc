import { randomBytes } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Config } from '../config/schema.js';
import { AppError } from '../domain/errors.js';
import { startEmbeddedPostgres, type EmbeddedPostgres } from '../storage/embedded/embedded-postgres.js';
import { migrate } from '../storage/migrate.js';
import type { Logger } from '../telemetry/logger.js';
import { createMetrics } from '../telemetry/metrics.js';
import { startApi } from './api.js';
import { startEdge } from './edge.js';
import { createFailure, type Failure } from './failure.js';
import { shardsOf } from './plan.js';
import { openStore, shortestIntervalS, type Store } from './store.js';

export interface Up {
  /** Of the page. */
  readonly url: string;
  /** One line on how it does. */
  status(): string;
  readonly failed: Promise<never>;
  stop(): Promise<void>;
}

/** `headframe up`: database, api, coordinator and poller in one process. */
export async function startUp(config: Config, log: Logger): Promise<Up> {
  const shards = shardsOf(config);
  if (shards.length === 0) {
    throw new AppError(
      'CONFIG_INVALID',
      'sites: none configured, so there is nothing to poll; try `headframe up --range 10.0.0.0/24`',
    );
  }
  await mkdir(config.data_dir, { recursive: true });
  const failure = createFailure();
  const metrics = createMetrics();
  const started: (() => Promise<void>)[] = [];
  const stop = async (): Promise<void> => {
    for (const end of started.splice(0).reverse()) await end();
  };
  try {
    const url = await databaseUrl(config, log, failure, started);
    await migrate(url, { log, intervalS: shortestIntervalS(config) });
    const store = openStore(url, config, { log, metrics });
    started.push(() => store.database.close({ timeoutMs: config.shutdown_ms / 4 }));
    const keys = await siteKeys(config, store);
    const api = await startApi({ config, store, metrics, log, failure });
    started.push(api.stop);
    const edge = await startEdge({ config, shards, apiUrl: api.server.url, keys, metrics, log, failure });
    started.push(edge.stop);
    const { ledger, poller } = edge.polling;
    const status = (): string => {
      const { stored, inSpool, inFlight } = ledger.snapshot();
      return `${api.server.url}  ${poller.knownMiners} miners  ${stored} samples stored  ${inSpool + inFlight} on the way  conservation error ${ledger.conservationError()}`;
    };
    return { url: api.server.url, status, failed: failure.failed, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function databaseUrl(
  config: Config,
  log: Logger,
  failure: Failure,
  started: (() => Promise<void>)[],
): Promise<string> {
  if (config.database.url !== undefined) return config.database.url;
  const embedded: EmbeddedPostgres = await startEmbeddedPostgres({
    dataDir: join(config.data_dir, 'postgres'),
    log,
    onExit: (reason) =>
      failure.report(new AppError('EMBEDDED_UNAVAILABLE', `the embedded PostgreSQL ended: ${reason}`)),
  });
  started.push(() => embedded.stop({ timeoutMs: config.shutdown_ms }));
  return embedded.url;
}

/** The process's own collector keys, kept in the data folder: made once, known to the database from then on. */
async function siteKeys(config: Config, store: Store): Promise<Map<string, string>> {
  const keys = new Map<string, string>();
  for (const site of config.sites) {
    const key = site.key ?? (await ownKey(join(config.data_dir, 'keys'), site.name));
    const siteId = await store.sites.ensureSite(site.name);
    await store.keys.import(siteId, key, 'own poller');
    keys.set(site.name, key);
  }
  return keys;
}

async function ownKey(folder: string, site: string): Promise<string> {
  const file = join(folder, `${site}.key`);
  try {
    return (await readFile(file, 'utf8')).trim();
  } catch {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const key = `hsc_${randomBytes(32).toString('base64url')}`;
    await writeFile(file, `${key}\n`, { mode: 0o600 });
    return key;
  }
}
