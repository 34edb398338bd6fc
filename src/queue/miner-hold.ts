import type { Redis } from 'ioredis';
import { setTimeout as delay } from 'node:timers/promises';

/** How often it is looked whether another poller is done with the shard, ms. */
const lookMs = 100;

const keyOf = (shardId: string): string => `headframe:held:${shardId}`;

/**
 * Holds a miner for a command against pollers of other processes: noted under its shard first, then waited
 * until nobody polls the shard, or `forMs` at most. Pollers read the notes once they have the shard's lock,
 * so one of the two always sees the other. A holder that died lets go after `forMs`. Resolves with what
 * lets go.
 */
export async function holdMiner(
  redis: Redis,
  shardId: string,
  ip: string,
  forMs: number,
): Promise<() => Promise<void>> {
  const key = keyOf(shardId);
  await redis
    .multi()
    .hset(key, ip, (await nowMs(redis)) + forMs)
    .pexpire(key, forMs, 'NX')
    .pexpire(key, forMs, 'GT')
    .exec();
  for (let waitedMs = 0; waitedMs < forMs / 2; waitedMs += lookMs) {
    if ((await redis.exists(`headframe:busy:${shardId}`)) === 0) break;
    await delay(lookMs);
  }
  return async () => {
    await redis.hdel(key, ip);
  };
}

/** By the clock that all of them share. */
async function nowMs(redis: Redis): Promise<number> {
  const [seconds] = await redis.time();
  return Number(seconds) * 1_000;
}

/** Addresses of a shard that commands hold now. */
export async function heldMiners(redis: Redis, shardId: string): Promise<readonly string[]> {
  const held = await redis.hgetall(keyOf(shardId));
  if (Object.keys(held).length === 0) return [];
  const now = await nowMs(redis);
  return Object.entries(held)
    .filter(([, until]) => Number(until) > now)
    .map(([ip]) => ip);
}
