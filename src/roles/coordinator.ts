import type { Config } from '../config/schema.js';
import { AppError } from '../domain/errors.js';
import { RedisQueue } from '../queue/redis-queue.js';
import type { Logger } from '../telemetry/logger.js';
import { startHealthServer } from '../telemetry/health-server.js';
import { createMetrics } from '../telemetry/metrics.js';
import { redisTargetOf } from './certificates.js';
import { startOtel } from './otel.js';
import { createFailure } from './failure.js';
import { shardsOf } from './plan.js';
import { startCoordination } from './polling.js';

/** The queue that coordinators and pollers share. @throws AppError CONFIG_INVALID without a Redis. */
export async function openSharedQueue(config: Config, log: Logger): Promise<RedisQueue> {
  const target = redisTargetOf(config);
  if (target === null) {
    throw new AppError(
      'CONFIG_INVALID',
      'redis.url: coordinator and poller meet over Redis; set REDIS_URL, or run `headframe edge`',
    );
  }
  return RedisQueue.open({
    ...target,
    maxWaiting: config.queue.max_waiting,
    rememberS: config.queue.remember_s,
    deadlineMs: config.redis.deadline_ms,
    onHandlerError: (err, job) =>
      log.warn({ err, ...(job ? { shard: job.shard.id, slot: job.slot } : {}) }, 'queue'),
    onConfigRefused: (isSafe) =>
      isSafe
        ? log.info('Redis refuses CONFIG GET; its INFO says that it throws no jobs away')
        : log.warn('Redis refuses to tell its maxmemory-policy; it must be noeviction, or jobs vanish'),
  });
}

/** `headframe coordinator`: plans the configured sites and adds their slot jobs. */
export async function startCoordinatorRole(
  config: Config,
  log: Logger,
): Promise<{ stop(): Promise<void>; failed: Promise<never> }> {
  const shards = shardsOf(config);
  if (shards.length === 0)
    throw new AppError('CONFIG_INVALID', 'sites: none configured, so there is nothing to poll');
  const metrics = createMetrics();
  const otel = await startOtel(config, 'coordinator', metrics, log);
  const failure = createFailure();
  const queue = await openSharedQueue(config, log);
  const health = await startHealthServer({ ...config.metrics, metrics, ready: () => queue.ping() });
  const coordination = startCoordination({
    shards,
    queue,
    onSkipped: (_shard, reason) => metrics.add('headframe_slots_total', 1, { outcome: reason }),
    metrics,
    log,
    onEscalate: failure.report,
  });
  log.info({ shards: shards.length, metrics: health.url }, 'coordinating');
  return {
    failed: failure.failed,
    async stop() {
      await coordination.stop();
      await queue.close();
      await health.close();
      await otel.stop();
    },
  };
}
