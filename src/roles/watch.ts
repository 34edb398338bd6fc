import type { Config } from '../config/schema.js';
import { AppError } from '../domain/errors.js';
import type { Logger } from '../telemetry/logger.js';
import type { Metrics } from '../telemetry/metrics.js';
import type { Failure } from './failure.js';
import { repeat, type Stoppable } from './maintenance.js';
import { showCluster } from './cluster.js';
import { slowestIntervalS, type Store } from './store.js';

export interface WatchOptions {
  readonly config: Config;
  readonly store: Pick<Store, 'sites' | 'cluster'>;
  readonly metrics: Metrics;
  readonly log: Logger;
  readonly failure: Failure;
}

/** Keeps the metrics that only the database can tell; every instance for itself. */
export function startWatch(options: WatchOptions): Stoppable {
  const { config } = options;
  return repeat(options, 'watch', config.metrics.refresh_s, async () => {
    await showFreshness(options, new Date());
    await showCluster(options);
    return null;
  });
}

/** While the database is away nothing is told: what was true then need not be now. */
export async function showFreshness(
  {
    config,
    store,
    metrics,
  }: Pick<WatchOptions, 'config' | 'metrics'> & { readonly store: Pick<Store, 'sites'> },
  now: Date,
): Promise<null> {
  const sites = await store.sites.freshness(now, slowestIntervalS(config)).catch((error: unknown) => {
    metrics.clear('headframe_fresh_data_ratio');
    if (error instanceof AppError && error.isRetryable) return [];
    throw error;
  });
  for (const { site_id: site, known, fresh } of sites)
    metrics.set('headframe_fresh_data_ratio', fresh / known, { site: String(site) });
  return null;
}
