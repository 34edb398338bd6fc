import type { Config } from '../config/schema.js';
import { AppError } from '../domain/errors.js';
import type { Logger } from '../telemetry/logger.js';
import type { Metrics } from '../telemetry/metrics.js';
import type { Failure } from './failure.js';
import { repeat, type Stoppable } from './maintenance.js';
import { maxSites, type MetricName } from '../telemetry/metric-table.js';
import { showCluster } from './cluster.js';
import type { SiteFreshness } from '../storage/site.repo.js';
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
  }: Pick<WatchOptions, 'config' | 'metrics'> & {
    readonly store: { readonly sites: Pick<Store['sites'], 'freshness'> };
  },
  now: Date,
): Promise<null> {
  const sites = await store.sites.freshness(now, slowestIntervalS(config)).catch((error: unknown) => {
    show(metrics, []);
    if (error instanceof AppError && error.isRetryable) return [];
    throw error;
  });
  show(metrics, sites);
  return null;
}

function show(metrics: Metrics, sites: readonly SiteFreshness[]): void {
  for (const { name, of, isWorse } of shown) {
    metrics.clear(name);
    const values = sites.flatMap((site) => {
      const value = of(site);
      return value === null ? [] : [{ site: String(site.site_id), value }];
    });
    // Sites past the bound share a series: the worst of them is told, for it is set last.
    const rest = values.slice(maxSites).sort((a, b) => (isWorse(a.value, b.value) ? 1 : -1));
    for (const { site, value } of [...values.slice(0, maxSites), ...rest]) metrics.set(name, value, { site });
  }
}

const share = (part: number, whole: number): number | null => (whole === 0 ? null : part / whole);
const isLess = (a: number, b: number): boolean => a < b;
const isMore = (a: number, b: number): boolean => a > b;

/** What is told of each site, null where there is nothing to tell, and which of two values is worse. */
const shown: readonly {
  readonly name: MetricName;
  readonly of: (site: SiteFreshness) => number | null;
  readonly isWorse: (a: number, b: number) => boolean;
}[] = [
  { name: 'headframe_fresh_data_ratio', of: ({ fresh, known }) => share(fresh, known), isWorse: isLess },
  {
    name: 'headframe_fresh_online_ratio',
    of: ({ online_fresh: fresh, online }) => share(fresh, online),
    isWorse: isLess,
  },
  { name: 'headframe_upload_age_seconds', of: (site) => site.upload_age_s, isWorse: isMore },
  { name: 'headframe_poll_interval_seconds', of: (site) => site.interval_s, isWorse: isMore },
];
