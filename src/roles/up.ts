import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { ensureKeyFile } from '../config/collector-keys.js';
import type { Config } from '../config/schema.js';
import { AppError } from '../domain/errors.js';
import { startEmbeddedPostgres, type EmbeddedPostgres } from '../storage/embedded/embedded-postgres.js';
import { migrate } from '../storage/migrate.js';
import type { Logger } from '../telemetry/logger.js';
import { createMetrics } from '../telemetry/metrics.js';
import { startApi } from './api.js';
import { startEdge } from './edge.js';
import { startOtel } from './otel.js';
import { createFailure, type Failure } from './failure.js';
import { makeFirstAdmin, type FirstLogin } from './people.js';
import type { Polling } from './polling.js';
import type { SitePlans } from './site-plans.js';
import { openStore, shortestIntervalS, staleAfterS, type Store } from './store.js';

/** How a running `up` does at this moment, over all its sites. */
export interface UpStatus {
  /** Of the page. */
  readonly url: string;
  /** Null while the database is away; so are `hashrateThs` and `lagS`. */
  readonly minersOnline: number | null;
  readonly minersKnown: number;
  readonly hashrateThs: number | null;
  /** Age of the newest sample of the site that is furthest behind, s. */
  readonly lagS: number | null;
  /** Samples since the start. */
  readonly samplesStored: number;
  /** Samples scheduled, in hand or spooled. */
  readonly onTheWay: number;
  /** Always 0. */
  readonly conservationError: number;
}

export interface Up {
  /** Of the page. */
  readonly url: string;
  /** Of the first admin, made by this start; null when there were users. Told once. */
  readonly firstLogin: FirstLogin | null;
  status(): Promise<UpStatus>;
  readonly failed: Promise<never>;
  reload?: SitePlans['reload'];
  stop(): Promise<void>;
}

export interface UpStart {
  /** Told what the start is about to do, as it may take a while. */
  readonly onStep?: (step: string) => void;
}

/** `headframe up`: database, api, coordinator and poller in one process. */
export async function startUp(config: Config, log: Logger, options: UpStart = {}): Promise<Up> {
  if (config.sites.length === 0) {
    throw new AppError(
      'CONFIG_INVALID',
      'sites: none configured, so there is nothing to poll; try `headframe up --range 10.0.0.0/24`',
    );
  }
  await mkdir(config.data_dir, { recursive: true });
  const failure = createFailure();
  const metrics = createMetrics();
  const otel = await startOtel(config, 'up', metrics, log);
  const started: (() => Promise<void>)[] = [otel.stop];
  const stop = async (): Promise<void> => {
    for (const end of started.splice(0).reverse()) await end();
  };
  try {
    const step = options.onStep ?? (() => undefined);
    if (config.database.url === undefined) step('Starting the embedded PostgreSQL');
    const url = await databaseUrl(config, log, failure, started);
    step('Preparing the database');
    await migrate(url, { log, intervalS: shortestIntervalS(config) });
    const store = openStore(url, config, { log, metrics });
    started.push(() => store.database.close({ timeoutMs: config.shutdown_ms / 4 }));
    const sites = await ownSites(config, store);
    const firstLogin = await makeFirstAdmin(store);
    step('Starting the api and the pollers');
    const api = await startApi({ config, store, metrics, log, failure, hasOwnPollers: true });
    started.push(api.stop);
    const edge = await startEdge({
      config,
      role: 'up',
      apiUrl: api.ownUrl,
      keys: sites.keys,
      metrics,
      log,
      failure,
    });
    started.push(edge.stop);
    const status = async (): Promise<UpStatus> => ({
      ...(await fleetOf(config, store, sites.ids)),
      ...countsOf(edge.polling),
      url: api.server.url,
    });
    const { reload } = edge;
    return { url: api.server.url, firstLogin, status, failed: failure.failed, reload, stop };
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
async function ownSites(
  config: Config,
  store: Store,
): Promise<{ readonly ids: readonly number[]; readonly keys: ReadonlyMap<string, string> }> {
  const keys = new Map<string, string>();
  const ids: number[] = [];
  for (const site of config.sites) {
    const key = site.key ?? ensureKeyFile(join(config.data_dir, 'keys'), site.name);
    const siteId = await store.sites.ensureSite(site.name);
    await store.keys.import(siteId, key, 'own poller');
    keys.set(site.name, key);
    ids.push(siteId);
  }
  return { ids, keys };
}

type Fleet = Pick<UpStatus, 'minersOnline' | 'hashrateThs' | 'lagS'>;

/** What the database says of the sites. */
async function fleetOf(config: Config, store: Store, siteIds: readonly number[]): Promise<Fleet> {
  const moment = { now: new Date(), staleAfterS: staleAfterS(config) };
  let [minersOnline, hashrateThs] = [0, 0];
  let lagS: number | null = null;
  try {
    for (const id of siteIds) {
      const summary = await store.sites.summary(id, moment);
      minersOnline += summary?.online_miners ?? 0;
      hashrateThs += summary?.total_hashrate_ths ?? 0;
      if (summary && summary.lag_seconds !== null) lagS = Math.max(lagS ?? 0, summary.lag_seconds);
    }
    return { minersOnline, hashrateThs, lagS };
  } catch {
    return { minersOnline: null, hashrateThs: null, lagS: null };
  }
}

/** What the polling half says of itself. */
function countsOf({ ledger, poller }: Polling): Omit<UpStatus, keyof Fleet | 'url'> {
  const { stored, inSpool, inFlight } = ledger.snapshot();
  return {
    minersKnown: poller.knownMiners,
    samplesStored: stored,
    onTheWay: inSpool + inFlight,
    conservationError: ledger.conservationError(),
  };
}
