import type { ConnectionOptions } from 'bullmq';
import { Redis } from 'ioredis';
import { AppError } from '../domain/errors.js';
import { reconnectMs, tlsOf, type RedisTarget } from '../domain/redis-target.js';

/** A worker's connection without an answer for so long is given up, ms: longer than it waits for a job. */
const workerSilenceMs = 4_000;

/**
 * A connection of those who must know at once: every call ends within the deadline, none waits for a
 * connection and none is sent again. One without an answer may be half-open, and would be for many
 * minutes: it is given up for a new one.
 */
export function connectProducer(target: RedisTarget, deadlineMs: number): Redis {
  return new Redis(target.url, {
    ...tlsOf(target),
    lazyConnect: true,
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    autoResendUnfulfilledCommands: false,
    connectTimeout: deadlineMs,
    commandTimeout: deadlineMs,
    socketTimeout: deadlineMs,
    retryStrategy: reconnectMs,
  });
}

/** Connections of those who wait for jobs: they wait for Redis too, however long it is away. */
export function workerConnection(target: RedisTarget, deadlineMs: number): ConnectionOptions {
  return {
    url: target.url,
    ...tlsOf(target),
    maxRetriesPerRequest: null,
    connectTimeout: deadlineMs,
    socketTimeout: Math.max(workerSilenceMs, 2 * deadlineMs),
    retryStrategy: reconnectMs,
  };
}

/**
 * Makes sure that Redis throws no jobs away when it is full. A managed one may refuse to be asked for its
 * configuration; what it tells of its memory says the same. Answers who told; null when neither does.
 *
 * @throws AppError CONFIG_INVALID when it may evict.
 */
export async function checkEviction(redis: Redis): Promise<'config' | 'info' | null> {
  const byConfig = await policyByConfig(redis);
  const policy = byConfig ?? (await policyByInfo(redis));
  if (policy === null) return null;
  if (policy === 'noeviction') return byConfig === null ? 'info' : 'config';
  throw new AppError(
    'CONFIG_INVALID',
    `Redis: maxmemory-policy is "${policy}"; set it to "noeviction", or jobs vanish`,
  );
}

async function policyByConfig(redis: Redis): Promise<string | null> {
  const answer = await unlessRefused(async () => (await redis.config('GET', 'maxmemory-policy')) as unknown);
  return Array.isArray(answer) && typeof answer[1] === 'string' ? answer[1] : null;
}

async function policyByInfo(redis: Redis): Promise<string | null> {
  const text = await unlessRefused(() => redis.info('memory'));
  return /^maxmemory_policy:(\S+)/m.exec(text ?? '')?.[1] ?? null;
}

/** Null when Redis answers that it does not know or allow this; without an answer the error stands. */
async function unlessRefused<T>(ask: () => Promise<T>): Promise<T | null> {
  try {
    return await ask();
  } catch (error) {
    if (error instanceof Error && error.name === 'ReplyError') return null;
    throw error;
  }
}
