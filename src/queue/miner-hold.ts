import { randomUUID } from 'node:crypto';
import type { Redis } from 'ioredis';
import { setTimeout as delay } from 'node:timers/promises';
import { busyKeyOf, heldKeyOf, holdersKeyOf } from './keys.js';

/** How long to wait for a miner, and how long it is held at most, ms. */
export interface HoldBounds {
  readonly waitMs: number;
  readonly holdMs: number;
}

/** How often it is looked whether another command, or a poll of the shard, is done, ms. */
const lookMs = 100;

/**
 * 1: held by this token now; 0: the shard is being polled, or another holds the miner. Time is that of Redis, which all
 * of them share.
 */
const holdScript = `
if redis.call('exists', KEYS[3]) == 1 then return 0 end
local time = redis.call('time')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local held = redis.call('hget', KEYS[1], ARGV[1])
if held and tonumber(held) > now and redis.call('hget', KEYS[2], ARGV[1]) ~= ARGV[2] then return 0 end
redis.call('hset', KEYS[1], ARGV[1], now + ARGV[3])
redis.call('hset', KEYS[2], ARGV[1], ARGV[2])
for _, key in ipairs({KEYS[1], KEYS[2]}) do
  if redis.call('pttl', key) < tonumber(ARGV[3]) then redis.call('pexpire', key, ARGV[3]) end
end
return 1`;
/** Takes away what the token holds, and nobody else's. */
const releaseScript = `
if redis.call('hget', KEYS[2], ARGV[1]) ~= ARGV[2] then return 0 end
redis.call('hdel', KEYS[1], ARGV[1])
redis.call('hdel', KEYS[2], ARGV[1])
return 1`;

/**
 * Holds a miner for a command against commands and pollers of other processes: noted under its shard in a moment in
 * which nobody polls the shard and no other command holds the miner, waited for `waitMs` at most. Pollers take the
 * shard's lock and read the notes in one step too, so one of the two always sees the other; a miner whose command
 * still waits is polled. A holder that died lets go after `holdMs`; one that is late takes nothing away from the next.
 * Resolves with what lets go; null, and nothing is held, when there was no such moment.
 */
export async function holdMiner(
  redis: Redis,
  shardId: string,
  ip: string,
  { waitMs, holdMs }: HoldBounds,
): Promise<(() => Promise<void>) | null> {
  const token = randomUUID();
  const keys = [heldKeyOf(shardId), holdersKeyOf(shardId)];
  const letGo = async (): Promise<void> => void (await redis.eval(releaseScript, 2, ...keys, ip, token));
  for (let waitedMs = 0; waitedMs < waitMs; waitedMs += lookMs) {
    const values = [ip, token, Math.ceil(holdMs)];
    if ((await redis.eval(holdScript, 3, ...keys, busyKeyOf(shardId), ...values)) === 1) return letGo;
    await delay(lookMs);
  }
  return null;
}
