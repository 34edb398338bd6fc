import type { Config } from '../config/schema.js';
import type { MemberRole } from '../domain/heartbeat.js';
import { MemoryQueue } from '../queue/memory-queue.js';
import type { Logger } from '../telemetry/logger.js';
import { startHealthServer } from '../telemetry/health-server.js';
import { createMetrics, type Metrics } from '../telemetry/metrics.js';
import { startOtel } from './otel.js';
import { createFailure, type Failure } from './failure.js';
import { coordinated, goodByeMs, startHeartbeats } from './heartbeats.js';
import { uploadTarget } from './poller.js';
import { startCoordination, startPolling, type Polling } from './polling.js';
import { startSitePlans, type Planned, type SitePlans } from './site-plans.js';

export interface EdgeOptions {
  readonly config: Config;
  /** What it is in the cluster. */
  readonly role: MemberRole;
  readonly apiUrl: string;
  /** Collector key by site. */
  readonly keys: ReadonlyMap<string, string>;
  readonly metrics: Metrics;
  readonly log: Logger;
  readonly failure: Failure;
}

/** Coordinator and poller over a queue in memory. */
export async function startEdge(options: EdgeOptions): Promise<{
  polling: Polling;
  reload: SitePlans['reload'];
  stop(): Promise<void>;
}> {
  const { config, log, metrics, failure } = options;
  const plans = await startSitePlans({ ...options, onEscalate: failure.report });
  const queue = new MemoryQueue({
    maxWaiting: config.queue.max_waiting,
    rememberIds: () => Math.max(1_000, plans.shards().length * 4),
    onHandlerError: (err, job) => log.error({ err, shard: job.shard.id }, 'slot job failed'),
  });
  const polling = await startPolling({
    ...options,
    plans,
    queue,
    holdElsewhere: null,
    sharedProfiles: null,
    reaches: () => true,
    onEscalate: failure.report,
  });
  const coordination = startCoordination({
    plans,
    queue,
    onSkipped: polling.skipped,
    metrics,
    log,
    onEscalate: failure.report,
  });
  const heartbeats = await startHeartbeats({
    ...options,
    tallies: polling.tallies,
    ...coordinated(plans),
    own: () => polling.report(),
    uploads: (site) => polling.uploads(site),
  });
  return {
    polling,
    reload: plans.reload,
    async stop() {
      heartbeats.drain();
      await plans.stop();
      await coordination.stop();
      await polling.stop({ deadlineMs: config.shutdown_ms });
      await Promise.all([queue.close(), heartbeats.stop({ deadlineMs: goodByeMs })]);
    },
  };
}

/** `headframe edge`: the on-premise collector of a farm. */
export async function startEdgeRole(config: Config, log: Logger): Promise<Planned> {
  const target = uploadTarget(config);
  const metrics = createMetrics();
  const otel = await startOtel(config, 'edge', metrics, log);
  const failure = createFailure();
  let isPolling = false;
  const ready = async (): Promise<void> => {
    if (!isPolling) throw new Error('starting or draining');
  };
  const health = await startHealthServer({ ...config.metrics, metrics, ready });
  const edge = await startEdge({ config, role: 'edge', ...target, metrics, log, failure });
  isPolling = true;
  log.info({ metrics: health.url, upload: target.apiUrl }, 'edge is polling');
  return {
    failed: failure.failed,
    reload: edge.reload,
    async stop() {
      isPolling = false;
      await edge.stop();
      await health.close();
      await otel.stop();
    },
  };
}
