import type { ClusterDeps } from '../api/cluster.js';
import { memberStates, shardStates, type SiteZone } from '../domain/cluster.js';
import { AppError } from '../domain/errors.js';
import { memberRoles } from '../domain/heartbeat.js';
import type { ApiOptions } from './api.js';

/** What the routes of the cluster need. */
export const clusterDepsOf = ({ config, store }: Pick<ApiOptions, 'config' | 'store'>): ClusterDeps => ({
  store: store.cluster,
  lostAfter: config.cluster.lost_after,
  windowS: config.cluster.window_s,
});

const shown = [
  'headframe_cluster_members',
  'headframe_cluster_shards',
  'headframe_cluster_unreached_zones',
] as const;

/** Counts members and shards for the metrics. While the database is away nothing is told. */
export async function showCluster({
  config,
  store,
  metrics,
}: Pick<ApiOptions, 'config' | 'metrics'> & {
  readonly store: Pick<ApiOptions['store'], 'cluster'>;
}): Promise<void> {
  const lostAfter = config.cluster.lost_after;
  try {
    const members = await store.cluster.count(lostAfter);
    const zones = await store.cluster.zones(null, lostAfter);
    for (const role of memberRoles)
      for (const state of memberStates) {
        const found = members.find((count) => count.role === role && count.state === state);
        metrics.set('headframe_cluster_members', found?.n ?? 0, { role, state });
      }
    const counts = countShards(zones);
    for (const state of shardStates) metrics.set('headframe_cluster_shards', counts[state], { state });
    const unreached = zones.filter(({ live_pollers }) => live_pollers === 0).length;
    metrics.set('headframe_cluster_unreached_zones', unreached);
  } catch (error) {
    for (const name of shown) metrics.clear(name);
    if (!(error instanceof AppError && error.isRetryable)) throw error;
  }
}

function countShards(zones: readonly SiteZone[]): Record<(typeof shardStates)[number], number> {
  const sum = (read: (zone: SiteZone) => number): number =>
    zones.reduce((total, zone) => total + read(zone), 0);
  const [late, waiting] = [sum((zone) => zone.late), sum((zone) => zone.waiting)];
  return { current: sum((zone) => zone.shards) - late - waiting, late, waiting };
}
