import type { Config } from '../config/schema.js';
import { AppError } from '../domain/errors.js';
import type { Logger } from '../telemetry/logger.js';
import { startHealthServer } from '../telemetry/health-server.js';
import { createMetrics } from '../telemetry/metrics.js';
import { startOtel } from './otel.js';
import { createFailure } from './failure.js';
import {
  coordinated,
  goodByeMs,
  noOwnReport,
  noUploads,
  SlotTallies,
  startHeartbeats,
} from './heartbeats.js';
import { uploadTarget } from './poller.js';
import { startCoordination } from './polling.js';
import { openSharedQueue } from './shared-queue.js';
import { hasApiPlan, startSitePlans, type Planned } from './site-plans.js';

/** `headframe coordinator`: plans the configured sites and adds their slot jobs. */
export async function startCoordinatorRole(config: Config, log: Logger): Promise<Planned> {
  if (config.sites.length === 0)
    throw new AppError('CONFIG_INVALID', 'sites: none configured, so there is nothing to poll');
  const asked = config.sites.filter(hasApiPlan);
  const target =
    asked.length === 0 ? { apiUrl: null, keys: new Map<string, string>() } : uploadTarget(config, asked);
  const metrics = createMetrics();
  const otel = await startOtel(config, 'coordinator', metrics, log);
  const failure = createFailure();
  const queue = await openSharedQueue(config, log);
  let isDraining = false;
  const ready = async (): Promise<void> => {
    if (isDraining) throw new Error('draining');
    await queue.ping();
  };
  const health = await startHealthServer({ ...config.metrics, metrics, ready });
  const plans = await startSitePlans({ config, ...target, metrics, log, onEscalate: failure.report });
  const tallies = new SlotTallies(config);
  const coordination = startCoordination({
    plans,
    queue,
    onSkipped: (shard, reason) => {
      // Another coordinator may well have added what this one was late for: that is no slot missed.
      metrics.add('headframe_slots_total', 1, { outcome: reason === 'late' ? 'not_added' : reason });
      if (reason !== 'late') tallies.note(shard, { kind: 'skipped', reason });
    },
    metrics,
    log,
    onEscalate: failure.report,
  });
  const heartbeats = await startHeartbeats({
    config,
    role: 'coordinator',
    apiUrl: config.upload.url,
    tallies,
    ...coordinated(plans),
    own: () => noOwnReport,
    uploads: () => noUploads,
    metrics,
    log,
  });
  log.info({ shards: plans.shards().length, metrics: health.url }, 'coordinating');
  return {
    failed: failure.failed,
    reload: plans.reload,
    async stop() {
      isDraining = true;
      heartbeats.drain();
      await plans.stop();
      await coordination.stop();
      await Promise.all([queue.close(), heartbeats.stop({ deadlineMs: goodByeMs })]);
      await health.close();
      await otel.stop();
    },
  };
}
