import { collectorKeyOf } from '../config/collector-keys.js';
import type { Config } from '../config/schema.js';
import { AppError } from '../domain/errors.js';
import type { Logger } from '../telemetry/logger.js';
import { startHealthServer } from '../telemetry/health-server.js';
import { createMetrics } from '../telemetry/metrics.js';
import { openSharedQueue } from './shared-queue.js';
import { startOtel } from './otel.js';
import { createFailure } from './failure.js';
import { goodByeMs, startHeartbeats, zonesReached } from './heartbeats.js';
import { startPolling } from './polling.js';
import { hasApiPlan, startSitePlans, type Planned } from './site-plans.js';
import { sharedProfilesOf } from './shared-profiles.js';

/** Where an edge or a poller uploads, and with which keys. @throws AppError CONFIG_INVALID naming what is missing. */
export function uploadTarget(
  config: Config,
  sites: Config['sites'] = config.sites,
): { apiUrl: string; keys: Map<string, string> } {
  if (sites.length === 0)
    throw new AppError('CONFIG_INVALID', 'sites: none configured, so there is nothing to poll');
  if (config.upload.url === undefined)
    throw new AppError('CONFIG_INVALID', 'upload.url: set it to the base URL of the api');
  const keys = new Map<string, string>();
  for (const site of sites) {
    const key = collectorKeyOf(config, site);
    if (key === null) {
      throw new AppError(
        'CONFIG_INVALID',
        `sites[${config.sites.indexOf(site)}].key_file: site "${site.name}" has no collector key; make one with \`headframe keys create ${site.name}\``,
      );
    }
    keys.set(site.name, key);
  }
  return { apiUrl: config.upload.url, keys };
}

/**
 * The zones that `poller.zones` names, else any. One that is no site's is said: it may be misspelt.
 *
 * @throws AppError CONFIG_INVALID when none of them is a site's.
 */
function reachOf(config: Config, log: Logger): (zone: string) => boolean {
  if (config.poller.zones === undefined) return () => true;
  const named = new Set(config.poller.zones.split(','));
  // Zones of plans that the api has may be any.
  if (config.sites.some(hasApiPlan)) return (zone) => named.has(zone);
  const used = new Set(config.sites.map(({ zone }) => zone));
  for (const zone of named) if (!used.has(zone)) log.warn({ zone }, 'poller.zones: no site is in this zone');
  if ([...named].every((zone) => !used.has(zone)))
    throw new AppError(
      'CONFIG_INVALID',
      `poller.zones: no site is in ${[...named].join(', ')}; those of the sites are ${[...used].join(', ')}`,
    );
  return (zone) => named.has(zone);
}

/** `headframe poller`: takes jobs of its sites' zones from Redis. */
export async function startPollerRole(config: Config, log: Logger): Promise<Planned> {
  const target = uploadTarget(config);
  const metrics = createMetrics();
  const otel = await startOtel(config, 'poller', metrics, log);
  const failure = createFailure();
  const reaches = reachOf(config, log);
  const queue = await openSharedQueue(config, log);
  // Before anything is polled: a port that is taken ends the process, which must hold no shard then.
  let isPolling = false;
  const ready = async (): Promise<void> => {
    if (!isPolling) throw new Error('starting or draining');
    await queue.ping();
  };
  const health = await startHealthServer({ ...config.metrics, metrics, ready });
  const plans = await startSitePlans({ config, ...target, metrics, log, onEscalate: failure.report });
  const polling = await startPolling({
    config,
    plans,
    queue,
    ...target,
    sharedProfiles: queue.profiles(sharedProfilesOf(config, metrics, log)),
    holdElsewhere: (shard, ip, bounds) => queue.hold(shard, ip, bounds),
    reaches,
    metrics,
    log,
    onEscalate: failure.report,
  });
  const heartbeats = await startHeartbeats({
    config,
    role: 'poller',
    ...target,
    tallies: polling.tallies,
    zonesOf: zonesReached(plans, reaches),
    planOf: null,
    own: () => polling.report(),
    uploads: (site) => polling.uploads(site),
    metrics,
    log,
  });
  isPolling = true;
  log.info({ metrics: health.url, upload: target.apiUrl }, 'polling');
  return {
    failed: failure.failed,
    reload: plans.reload,
    async stop() {
      isPolling = false;
      heartbeats.drain();
      await plans.stop();
      await polling.stop({ deadlineMs: config.shutdown_ms });
      await Promise.all([queue.close(), heartbeats.stop({ deadlineMs: goodByeMs })]);
      await health.close();
      await otel.stop();
    },
  };
}
