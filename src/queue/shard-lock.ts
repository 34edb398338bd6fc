import { randomUUID } from 'node:crypto';
import type { Redis } from 'ioredis';

/** Longest time a lock outlives a holder that died, ms; a shorter interval shortens it. */
const maxHoldMs = 15_000;

const renewScript = `if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('pexpire', KEYS[1], ARGV[2]) end return 0`;
const releaseScript = `if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('del', KEYS[1]) end return 0`;

/**
 * Runs `work` while holding the shard's lock, renewed as long as it runs; false, without running it,
 * when another holds it. A holder that died loses it within an interval.
 */
export async function withShardLock(
  redis: Redis,
  shard: { readonly id: string; readonly intervalMs: number },
  work: () => Promise<void>,
): Promise<boolean> {
  const key = `headframe:busy:${shard.id}`;
  const token = randomUUID();
  const holdMs = Math.min(maxHoldMs, shard.intervalMs);
  if ((await redis.set(key, token, 'PX', holdMs, 'NX')) !== 'OK') return false;
  const renew = setInterval(() => {
    redis.eval(renewScript, 1, key, token, holdMs).catch(() => undefined);
  }, holdMs / 3);
  try {
    await work();
  } finally {
    clearInterval(renew);
    await redis.eval(releaseScript, 1, key, token).catch(() => undefined);
  }
  return true;
}
