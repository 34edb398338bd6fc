import { createApp } from '../api/app.js';
import type { ApiDeps } from '../api/deps.js';
import { IngestPool } from '../api/ingest-pool.js';
import { createLifecycle } from '../api/lifecycle.js';
import { defaultApiOptions } from '../api/options.js';
import { startServer, type RunningServer } from '../api/server.js';
import { version, webDir } from '../config/paths.js';
import type { Config } from '../config/schema.js';
import { AppError } from '../domain/errors.js';
import { checkSchema } from '../storage/migrate.js';
import { RedisStore } from '../storage/redis-store.js';
import type { Logger } from '../telemetry/logger.js';
import { createMetrics, type Metrics } from '../telemetry/metrics.js';
import { redisTargetOf } from './certificates.js';
import { alertDepsOf, senderOf, startAlerts } from './alerts.js';
import { clusterDepsOf } from './cluster.js';
import { commandDepsOf, commandWaitsOf, planDepsOf, planWaitsOf, startCommands } from './commands.js';
import { startOtel } from './otel.js';
import { createFailure, type Failure } from './failure.js';
import { startMaintenance } from './maintenance.js';
import { oidcOf } from './oidc.js';
import { accessOptionsOf } from './people.js';
import { listenOptionsOf } from './listen.js';
import { thresholdsOf } from './plan.js';
import { storeDeps } from './read-deps.js';
import { startWatch } from './watch.js';
import { offlineAfterS, openStore, staleAfterS, type Store } from './store.js';

export interface ApiOptions {
  readonly config: Config;
  readonly store: Store;
  readonly metrics: Metrics;
  readonly log: Logger;
  readonly failure: Failure;
  /** Pollers of this process upload to `ownUrl`, on loopback. */
  readonly hasOwnPollers?: boolean;
}

/** The http api with its ingest threads and maintenance, on a migrated database. */
export async function startApi(
  options: ApiOptions,
): Promise<{ server: RunningServer; ownUrl: string; stop(): Promise<void> }> {
  const { config, store, log } = options;
  const listen = listenOptionsOf(config);
  const send = senderOf(config);
  const lifecycle = createLifecycle();
  const pool = new IngestPool(log, {
    threads: config.api.ingest_threads,
    maxHeapMb: config.api.ingest_heap_mb,
    deadlineMs: config.api.ingest_timeout_ms,
  });
  options.metrics.gauge('headframe_thread_use_ratio', pool.use, { pool: 'ingest' });
  const shared = openShared(options);
  const waits = commandWaitsOf(options);
  const planWaits = planWaitsOf(options);
  const app = createApp({
    ...depsOf(options),
    alerts: alertDepsOf(store, config.alerts.max_notifiers, send),
    commands: commandDepsOf(options, waits),
    plans: planDepsOf(options, planWaits),
    cluster: clusterDepsOf(options),
    lifecycle,
    shared,
    parseUpload: pool.run,
  });
  const server = await startServer({ app, ...listen, lifecycle }).catch((error: unknown) => {
    throw new AppError(
      'CONFIG_INVALID',
      `api.host, api.port: cannot listen on ${listen.host}:${listen.port}: ${(error as Error).message}`,
      { cause: error },
    );
  });
  // The certificate names the machine as others know it, not as pollers in the same process reach it.
  const own =
    options.hasOwnPollers === true && listen.tls !== undefined
      ? await startServer({ app, host: '127.0.0.1', port: 0, lifecycle })
      : null;
  const maintenance = startMaintenance(options);
  const watch = startWatch(options);
  const alerts = startAlerts({ ...options, send });
  const commands = startCommands({ ...options, waits, planWaits });
  return {
    server,
    ownUrl: (own ?? server).url,
    async stop() {
      await Promise.all([maintenance.stop(), watch.stop(), alerts.stop(), commands.stop()]);
      const deadlineMs = config.shutdown_ms / 2;
      await Promise.all([server.stop({ deadlineMs }), own?.stop({ deadlineMs })]);
      await pool.close();
      shared?.close();
    },
  };
}

/** Caches and counters shared by instances, where Redis is configured. */
function openShared({ config, metrics, log }: ApiOptions): RedisStore | null {
  const target = redisTargetOf(config);
  const { cache_deadline_ms: deadlineMs } = config.redis;
  return target === null ? null : new RedisStore({ ...target, deadlineMs, log, metrics });
}

function depsOf({
  config,
  store,
  metrics,
  log,
}: ApiOptions): Omit<
  ApiDeps,
  'alerts' | 'commands' | 'plans' | 'cluster' | 'lifecycle' | 'parseUpload' | 'shared'
> {
  const { api } = config;
  return {
    ...storeDeps(store, staleAfterS(config), offlineAfterS(config)),
    oidc: oidcOf(config),
    metrics,
    log,
    version,
    webDir,
    now: Date.now,
    options: {
      ...defaultApiOptions,
      maxWireBytes: api.max_wire_bytes,
      maxInflatedBytes: api.max_inflated_bytes,
      maxInflightBytes: api.max_inflight_bytes,
      bodyTimeoutMs: api.body_timeout_ms,
      requestsPerMinute: api.rate_limit_per_minute,
      commandRequestsPerMinute: config.commands.rate_limit_per_minute,
      maxStreams: api.max_event_streams,
      ...accessOptionsOf(config),
      // Whoever lets one call take longer lets a read.
      readDeadlineMs: config.database.deadline_ms + 150,
      maxCsvExports: api.max_csv_exports,
      maxHistoryPoints: api.max_history_points,
      historyDays: config.retention.history_days,
      maxSampleAgeMs: config.spool.max_age_h * 3_600_000,
      thresholds: thresholdsOf(config),
    },
  };
}

/** `headframe api`: serves on `database.url`, which `headframe migrate` has prepared. */
export async function startApiRole(
  config: Config,
  log: Logger,
): Promise<{ url: string; stop(): Promise<void>; failed: Promise<never> }> {
  const { url } = config.database;
  if (url === undefined) {
    throw new AppError(
      'CONFIG_INVALID',
      'database.url: the api needs a database; set DATABASE_URL, or run `headframe up` with an embedded one',
    );
  }
  const metrics = createMetrics();
  const otel = await startOtel(config, 'api', metrics, log);
  const failure = createFailure();
  const store = openStore(url, config, { log, metrics });
  await checkSchema(store.database).catch((error: unknown) => {
    // A database that is away now may come back; one of another version will not change by waiting.
    if (!(error instanceof AppError && error.code === 'DATABASE_UNAVAILABLE')) throw error;
    log.warn({ err: error }, 'database away at start; answering 503 until it is back');
  });
  const api = await startApi({ config, store, metrics, log, failure });
  log.info({ url: api.server.url }, 'api is listening');
  return {
    url: api.server.url,
    failed: failure.failed,
    async stop() {
      await api.stop();
      await store.database.close({ timeoutMs: config.shutdown_ms / 4 });
      await otel.stop();
    },
  };
}
