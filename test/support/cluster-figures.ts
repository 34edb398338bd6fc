import type { RedisServer } from '../../load-test/bench/redis-server.js';
import { scrape } from './processes.js';
import type { PollerRole } from './cluster.js';
import type { StoredRow, SummaryReply } from './truth.js';

/** The shard of an address: one /24 is one shard here. */
const shardOf = (ip: string): string => ip.slice(0, ip.lastIndexOf('.'));

/** When each shard was polled after `fromMs`, ms after it; null for one that never was. */
export function polledAfter(replies: readonly SummaryReply[], fromMs: number): Map<string, number | null> {
  const first = new Map<string, number | null>();
  for (const { ip, t } of replies) {
    const shard = shardOf(ip);
    const known = first.get(shard) ?? null;
    const afterMs = t >= fromMs ? t - fromMs : null;
    if (afterMs === null) first.set(shard, known);
    else first.set(shard, known === null ? afterMs : Math.min(known, afterMs));
  }
  return first;
}

/** The greatest number of replies in any window of `windowMs`, of those that begin between the two times. */
export function mostWithin(
  replies: readonly SummaryReply[],
  windowMs: number,
  [fromMs, toMs]: readonly [number, number],
): number {
  const times = replies.map(({ t }) => t).sort((a, b) => a - b);
  let [most, end] = [0, 0];
  for (const [begin, t] of times.entries()) {
    if (t < fromMs) continue;
    if (t > toMs) break;
    while (end < times.length && (times[end] ?? 0) < t + windowMs) end++;
    most = Math.max(most, end - begin);
  }
  return most;
}

export interface SlotLosses {
  /** Slots without a sample, of all shards, in the time that all were polled. */
  readonly lost: number;
  readonly slots: number;
  /** Most slots in a row that one shard lost. */
  readonly longest: number;
  /** Slots lost by the shard that lost fewest, and most. */
  readonly least: number;
  readonly most: number;
}

/** Which slots have no sample, from the second slot of each shard to the last before `toMs`. */
export function slotLosses(
  rows: readonly StoredRow[],
  intervalMs: number,
  [fromMs, toMs]: readonly [number, number],
): SlotLosses {
  const times = new Map<string, Set<number>>();
  for (const { ip, timeMs } of rows) {
    const shard = shardOf(ip);
    const known = times.get(shard) ?? new Set();
    times.set(shard, known.add(timeMs));
  }
  const lostOf: number[] = [];
  let [slots, longest] = [0, 0];
  for (const stored of times.values()) {
    const first = Math.min(...stored);
    const begin = first + Math.ceil(Math.max(0, fromMs - first) / intervalMs) * intervalMs;
    let [lost, row] = [0, 0];
    for (let slot = begin; slot + intervalMs <= toMs; slot += intervalMs, slots++) {
      row = stored.has(slot) ? 0 : row + 1;
      if (row > 0) lost++;
      longest = Math.max(longest, row);
    }
    lostOf.push(lost);
  }
  const lost = lostOf.reduce((sum, n) => sum + n, 0);
  return { lost, slots, longest, least: Math.min(...lostOf), most: Math.max(...lostOf) };
}

/** Samples that each poller has taken. */
export async function samplesTaken(pollers: readonly PollerRole[]): Promise<number[]> {
  return Promise.all(pollers.map(async ({ url }) => (await scrape(url)).sum('headframe_samples_total')));
}

/** By how much the busiest did more than its even share; 0 to pollers − 1. */
export function imbalanceOf(amounts: readonly number[]): number {
  const mean = amounts.reduce((sum, n) => sum + n, 0) / amounts.length;
  return mean === 0 ? NaN : Math.max(...amounts) / mean - 1;
}

/** Everything that Redis holds as one text, to look for what must not be in it. */
export async function everythingIn(redis: RedisServer): Promise<string> {
  return redis.ask(async (client) => {
    const texts: string[] = [];
    for (const key of await client.keys('*')) {
      const type = await client.type(key);
      texts.push(key);
      if (type === 'string') texts.push((await client.get(key)) ?? '');
      if (type === 'hash') texts.push(JSON.stringify(await client.hgetall(key)));
      if (type === 'list') texts.push(...(await client.lrange(key, 0, -1)));
      if (type === 'stream') texts.push(JSON.stringify(await client.xrange(key, '-', '+')));
      if (type === 'zset') texts.push(...(await client.zrange(key, '0', '-1')));
    }
    return texts.join('\n');
  });
}
