import type { Config } from '../config/schema.js';
import { AppError } from '../domain/errors.js';
import { RedisQueue } from '../queue/redis-queue.js';
import type { Logger } from '../telemetry/logger.js';
import { redisTargetOf } from './certificates.js';

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
