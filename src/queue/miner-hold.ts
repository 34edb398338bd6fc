import type { Redis } from 'ioredis';
import { setTimeout as delay } from 'node:timers/promises';
import { busyKeyOf, heldKeyOf } from './keys.js';

/** How long to wait for a miner, and how long it is held at most, ms. */
export interface HoldBounds {
  readonly waitMs: number;
  readonly holdMs: number;
}

/** How often it is looked whether another poller is done with the shard, ms. */
const lookMs = 100;

/**
 * Holds a miner for a command against pollers of other processes: noted under its shard first, then waited
 * for a moment in which nobody polls the shard, `waitMs` at most. Pollers read the notes once they have the
 * shard's lock, so one of the two always sees the other. A holder that died lets go after `holdMs`. Resolves
 * with what lets go; null, and nothing is held, when there was no such moment.
 */
export async function holdMiner(
  redis: Redis,
  shardId: string,
  ip: string,
  { waitMs, holdMs }: HoldBounds,
): Promise<(() => Promise<void>) | null> {
  const key = heldKeyOf(shardId);
  await redis
    .multi()
    .hset(key, ip, (await nowMs(redis)) + holdMs)
    .pexpire(key, holdMs, 'NX')
    .pexpire(key, holdMs, 'GT')
    .exec();
  const letGo = async (): Promise<void> => void (await redis.hdel(key, ip));
  for (let waitedMs = 0; waitedMs < waitMs; waitedMs += lookMs) {
    if ((await redis.exists(busyKeyOf(shardId))) === 0) return letGo;
    await delay(lookMs);
  }
  await letGo();
  return null;
}

/** By the clock that all of them share. */
async function nowMs(redis: Redis): Promise<number> {
  const [seconds] = await redis.time();
  return Number(seconds) * 1_000;
}
