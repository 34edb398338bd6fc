import { randomUUID } from 'node:crypto';
import type { Redis } from 'ioredis';
import { setTimeout as delay } from 'node:timers/promises';
import { busyKeyOf, doneKeyOf, heldKeyOf } from './keys.js';
import type { HeldMiners, SlotJob } from './work-queue.js';

/** Longest time a lock outlives a holder that died, ms; half an interval shortens it. */
const maxHoldMs = 15_000;
const minHoldMs = 1_000;
/** Without an answer of Redis it is asked again so soon, ms. */
const retryMs = 500;
/** How long beyond two intervals it is remembered which slot was polled last, ms: longer than a lost job takes to come back. */
const doneMarginMs = 60_000;

/**
 * `{0}`: polled already; `{1, ms}`: held for so long yet; `{2, now, ip, until, …}`: taken; `{3}`: gives way,
 * by the rule of `givesWay`.
 */
const takeScript = `
local done = redis.call('get', KEYS[2])
if done == ARGV[3] then return {0} end
if done and tonumber(ARGV[4]) * 4 > ARGV[3] - done and redis.call('llen', KEYS[4]) > 0 then return {3} end
if not redis.call('set', KEYS[1], ARGV[1], 'PX', ARGV[2], 'NX') and redis.call('get', KEYS[1]) ~= ARGV[1] then
  return {1, redis.call('pttl', KEYS[1])}
end
local taken = {2, redis.call('time')[1]}
for _, text in ipairs(redis.call('hgetall', KEYS[3])) do table.insert(taken, text) end
return taken`;
const heldScript = `
local found = {redis.call('time')[1]}
for _, text in ipairs(redis.call('hgetall', KEYS[1])) do table.insert(found, text) end
return found`;
/** A lock that vanished with everything else is taken again. */
const renewScript = `
local holder = redis.call('get', KEYS[1])
if holder and holder ~= ARGV[1] then return 0 end
redis.call('set', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1`;
const releaseScript = `
if redis.call('get', KEYS[1]) == ARGV[1] then redis.call('del', KEYS[1]) end
if ARGV[3] ~= '0' then redis.call('set', KEYS[2], ARGV[2], 'PX', ARGV[3]) end
return 1`;

/**
 * `ran`; `done`: the slot was polled before; `busy`: another polls the shard; `yielded`: too much is to be done,
 * and others have waited longer; `unavailable`: Redis did not answer.
 */
export type LockOutcome = 'ran' | 'done' | 'busy' | 'yielded' | 'unavailable';

type Look =
  | { kind: 'done' }
  | { kind: 'yielded' }
  | { kind: 'busy'; leftMs: number }
  | { kind: 'taken'; held: readonly string[] };

/**
 * Runs `work` while holding the shard's lock, renewed as long as it runs, and notes that the slot was
 * polled; `work` gets the addresses that commands hold. `waitKey` is the list of jobs that wait. A lock whose holder has died is waited for, as
 * long as the slot lasts: it is known by not being renewed.
 */
export async function withShardLock(
  redis: Redis,
  job: SlotJob,
  waitKey: string,
  work: (held: HeldMiners) => Promise<void>,
): Promise<LockOutcome> {
  const { shard, slot } = job;
  const token = randomUUID();
  const holdMs = Math.min(maxHoldMs, Math.max(minHoldMs, shard.intervalMs / 2));
  const lock = new ShardLock(redis, job, token, holdMs, waitKey);
  const endMs = slot + shard.intervalMs;
  let leftBefore: number | null = null;
  for (;;) {
    const look = await lock.take().catch(() => null);
    if (look?.kind === 'done' || look?.kind === 'yielded') return look.kind;
    if (look?.kind === 'taken')
      return lock.hold(() => work({ addresses: look.held, still: () => lock.held(look.held) }));
    if (look !== null && leftBefore !== null && look.leftMs > leftBefore - holdMs / 6) return 'busy';
    // Whoever lives has renewed it after a third of its time.
    const waitMs = look === null ? retryMs : Math.min(look.leftMs + 10, holdMs / 3 + 100);
    if (Date.now() + waitMs >= endMs) {
      if (look === null) void lock.release(false);
      return look === null ? 'unavailable' : 'busy';
    }
    leftBefore = look === null ? null : look.leftMs;
    await delay(waitMs);
  }
}

class ShardLock {
  readonly #redis: Redis;
  readonly #job: SlotJob;
  readonly #token: string;
  readonly #holdMs: number;
  readonly #waitKey: string;

  constructor(redis: Redis, job: SlotJob, token: string, holdMs: number, waitKey: string) {
    this.#redis = redis;
    this.#job = job;
    this.#token = token;
    this.#holdMs = holdMs;
    this.#waitKey = waitKey;
  }

  async take(): Promise<Look> {
    const { id } = this.#job.shard;
    const keys = [busyKeyOf(id), doneKeyOf(id), heldKeyOf(id), this.#waitKey];
    const { slot } = this.#job;
    const values = [this.#token, this.#holdMs, slot, Date.now() - slot];
    const answer = await this.#redis.eval(takeScript, keys.length, ...keys, ...values);
    const [kind, value, ...held] = answer as [number, number | string, ...string[]];
    if (kind === 0) return { kind: 'done' };
    if (kind === 3) return { kind: 'yielded' };
    if (kind === 1) return { kind: 'busy', leftMs: Math.max(0, Number(value)) };
    return { kind: 'taken', held: heldAt(Number(value), held) };
  }

  /** Which addresses commands hold now; `unknown` when Redis does not tell. */
  async held(unknown: readonly string[]): Promise<readonly string[]> {
    const answer = await this.#redis.eval(heldScript, 1, heldKeyOf(this.#job.shard.id)).catch(() => null);
    if (answer === null) return unknown;
    const [seconds, ...held] = answer as [string, ...string[]];
    return heldAt(Number(seconds), held);
  }

  async hold(work: () => Promise<void>): Promise<LockOutcome> {
    const renew = setInterval(() => {
      this.#redis
        .eval(renewScript, 1, busyKeyOf(this.#job.shard.id), this.#token, this.#holdMs)
        .catch(() => undefined);
    }, this.#holdMs / 3);
    let isDone = false;
    try {
      await work();
      isDone = true;
    } finally {
      clearInterval(renew);
      await this.release(isDone);
    }
    return 'ran';
  }

  /** Tried until the lock would have ended by itself. */
  async release(isDone: boolean): Promise<void> {
    const { shard, slot } = this.#job;
    const doneMs = isDone ? 2 * shard.intervalMs + doneMarginMs : 0;
    const keys = [busyKeyOf(shard.id), doneKeyOf(shard.id)];
    for (const endMs = Date.now() + this.#holdMs; ; await delay(retryMs)) {
      try {
        await this.#redis.eval(releaseScript, 2, ...keys, this.#token, slot, doneMs);
        return;
      } catch {
        if (Date.now() + retryMs > endMs) return;
      }
    }
  }
}

/** Of addresses and the ends of their times, ms, those whose time is not over at `seconds`. */
const heldAt = (seconds: number, held: readonly string[]): string[] =>
  held.filter((_, i) => i % 2 === 0 && Number(held[i + 1]) > seconds * 1_000);
