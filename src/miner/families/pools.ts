import type { PoolSample } from '../../domain/telemetry.js';
import { toCount, toNumber } from '../numbers.js';
import type { JsonObject, JsonValue, Replies } from '../reply.js';
import { own, rows, sum, textOf } from './records.js';

interface Candidate {
  readonly pool: PoolSample;
  readonly isConnected: boolean;
  readonly isAlive: boolean;
  /** Larger is later; −∞ is never. */
  readonly lastShare: number;
}

/**
 * The pools a device tells, unset slots left out. At most one is active: of the connected ones (or,
 * where that is not told, the alive ones: first the one with the latest share) the one with the
 * lowest priority number. A pool of the firmware's author is active only when there is no other.
 */
export function readPools(replies: Replies): PoolSample[] {
  return poolsOf(poolRows(replies));
}

/** As {@link readPools}, from the records themselves; names of the API v3 of Whatsminers are known too. */
export function poolsOf(records: readonly JsonObject[]): PoolSample[] {
  const candidates = records
    .slice(0, maxPools)
    .map(toCandidate)
    .filter((it) => it.pool.url !== '');
  const owned = candidates.filter((it) => !it.pool.isDevFee);
  const active = pickActive(owned.length > 0 ? owned : candidates);
  return candidates.map((it) => (it === active ? { ...it.pool, isActive: true } : it.pool));
}

const maxPools = 32;

/** `POOLS`; some sgminer write `POOL0`, `POOL1`, … instead. */
function poolRows(replies: Replies): JsonObject[] {
  const listed = rows(replies, ['pools'], 'POOLS');
  if (listed.length > 0) return listed.slice(0, maxPools);
  const reply = replies.get('pools');
  if (reply?.kind !== 'ok') return [];
  const names = Object.keys(reply.value).filter((key) => /^POOL\d+$/.test(key));
  return names.slice(0, maxPools).flatMap((name) => rows(replies, ['pools'], name).slice(0, 1));
}

/** Shares over all pools but those of the firmware's author; null when not told. */
export function sumShares(pools: readonly PoolSample[], kind: 'accepted' | 'rejected'): number | null {
  return sum(pools.filter((pool) => !pool.isDevFee).map((pool) => pool[kind]));
}

function pickActive(candidates: readonly Candidate[]): Candidate | undefined {
  const connected = candidates.filter((it) => it.isConnected);
  if (connected.length > 0) return connected.sort(byPriority)[0];
  const alive = candidates.filter((it) => it.isAlive);
  return alive.sort((a, b) => b.lastShare - a.lastShare || byPriority(a, b))[0];
}

function byPriority(a: Candidate, b: Candidate): number {
  return (a.pool.priority ?? a.pool.index) - (b.pool.priority ?? b.pool.index) || a.pool.index - b.pool.index;
}

function toCandidate(record: JsonObject, position: number): Candidate {
  const status = textOf(record, 'Status', 'status');
  const pool: PoolSample = {
    index: toCount(own(record, 'POOL', 'index', 'id')) ?? position,
    url: textOf(record, 'URL', 'url') ?? '',
    user: textOf(record, 'User', 'user', 'account') ?? '',
    status,
    priority: priorityOf(record),
    isActive: false,
    isDevFee: false,
    accepted: toCount(own(record, 'Accepted', 'accepted')),
    rejected: toCount(own(record, 'Rejected', 'rejected')),
    stale: toCount(own(record, 'Stale', 'stale')),
  };
  return {
    pool: isDevFee(record, pool) ? { ...pool, isDevFee: true } : pool,
    isConnected: isTrue(own(record, 'Stratum Active', 'stratum-active')) && !/^dead$/i.test(status ?? ''),
    isAlive: /^alive$/i.test(status ?? ''),
    lastShare: lastShareRank(record),
  };
}

/** The millions of a HyperBit are 0, 1, 2 with flags in the upper bytes. */
function priorityOf(record: JsonObject): number | null {
  const told = toCount(own(record, 'Priority', 'priority', 'pool-priority'));
  return told !== null && told >= 2 ** 16 ? told % 2 ** 16 : told;
}

function isTrue(value: JsonValue | undefined): boolean {
  return value === true || (typeof value === 'string' && /^(true|y|yes)$/i.test(value.trim()));
}

/** Authors' pools name themselves, carry `Type` 1 (VNish), or a priority no user sets (993, 9998, 9999). */
function isDevFee(record: JsonObject, pool: PoolSample): boolean {
  const isNamed = devFee.test(pool.url) || devFee.test(pool.user);
  const priority = pool.priority ?? 0;
  return isNamed || own(record, 'Type') === 1 || (priority >= 900 && priority < 10_000);
}

const devFee = /dev-?fee/i;

/** `Last Share Time` is an epoch, seconds since the start, or an age `h:mm:ss`; `0` is never. */
function lastShareRank(record: JsonObject): number {
  const value = own(record, 'Last Share Time', 'last-share-time', 'lstime');
  const age = typeof value === 'string' ? /^(\d+):(\d\d):(\d\d)$/.exec(value.trim()) : null;
  if (age !== null) return -(Number(age[1]) * 3600 + Number(age[2]) * 60 + Number(age[3]));
  if (typeof value === 'string' && Number.isFinite(Date.parse(value)) && /[A-Za-z]/.test(value))
    return Date.parse(value) / 1000;
  const time = toNumber(value);
  return time === null || time <= 0 ? -Infinity : time;
}
