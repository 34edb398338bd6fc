import { createHash, timingSafeEqual } from 'node:crypto';
import { RateLimiterMemory, type RateLimiterRes } from 'rate-limiter-flexible';
import { AppError } from '../domain/errors.js';
import { keepNewest } from '../domain/keep-newest.js';
import { withDatabaseDeadline } from './deadline.js';
import type { ApiDeps } from './deps.js';

const touchEveryMs = 60_000;

/** How one kind of secret is looked up, and how long an answer is believed. */
export interface CredentialKind<T> {
  /** What the SHA-256 (32 bytes) of a secret stands for; null when unknown or over. */
  find(sha256: Buffer): Promise<T | null>;
  /** Notes that it was used; called at most once a minute, its failure is ignored. */
  touch(found: T, sha256: Buffer): Promise<unknown>;
  /** How long a known one is believed, ms; and longer, while the database is away, ms. */
  readonly ttlMs: number;
  readonly awayMs: number;
}

/** Looks secrets up, remembering what it found. */
export interface CredentialCheck<T> {
  /** Throws `RATE_LIMITED` for an address that tries many unknown ones, `DATABASE_UNAVAILABLE`. */
  find(secret: string, address: string): Promise<T | null>;
  /** Everything is asked anew. */
  forget(): void;
}

interface Kept<T> {
  readonly hash: Buffer;
  readonly found: T | null;
  readonly atMs: number;
  readonly ttlMs: number;
  touchedMs: number;
}

/**
 * SHA-256, then the cache, then the database. Secrets are found by a part of their hash and compared whole
 * in constant time. Known and unknown ones are remembered for a while, the oldest forgotten past a bound;
 * an address that tries many unknown ones is slowed down before the database is asked.
 */
export function createCredentialCheck<T>(
  deps: Pick<ApiDeps, 'options' | 'now' | 'log'>,
  kind: CredentialKind<T>,
): CredentialCheck<T> {
  const { options } = deps;
  const cache = new Map<string, Kept<T>>();
  const lookups = new Map<string, Promise<T | null>>();
  const strangers = new RateLimiterMemory({ points: options.badKeysPerMinute, duration: 60 });
  /** How often all was forgotten. */
  let forgotten = 0;

  /** `since`: how often all had been forgotten when it was asked for; what was found before the last time is not kept. */
  const remember = (slot: string, hash: Buffer, found: T | null, since: number): Kept<T> => {
    const ttlMs = found === null ? options.badKeyTtlMs : kind.ttlMs;
    const touchedMs = cache.get(slot)?.touchedMs ?? 0;
    const entry = { hash, found, atMs: deps.now(), ttlMs, touchedMs };
    if (since !== forgotten) return entry;
    cache.delete(slot);
    cache.set(slot, entry);
    keepNewest(cache, options.maxCachedKeys);
    return entry;
  };

  const lookUp = async (slot: string, hash: Buffer): Promise<T | null> => {
    const running = lookups.get(slot);
    if (running !== undefined) return running;
    const lookup = withDatabaseDeadline(kind.find(hash), options.databaseDeadlineMs);
    lookups.set(slot, lookup);
    try {
      return await lookup;
    } catch (error) {
      if (error instanceof AppError) throw error;
      throw new AppError('DATABASE_UNAVAILABLE', 'The key could not be looked up', { cause: error });
    } finally {
      if (lookups.get(slot) === lookup) lookups.delete(slot);
    }
  };

  const touch = (entry: Kept<T>, found: T): void => {
    if (deps.now() - entry.touchedMs < touchEveryMs) return;
    entry.touchedMs = deps.now();
    kind.touch(found, entry.hash).catch((err: unknown) => deps.log.debug({ err }, 'credential not touched'));
  };

  const isYoung = (entry: Kept<T>, ms: number): boolean => deps.now() - entry.atMs < ms;

  const ask = async (slot: string, hash: Buffer, old: Kept<T> | null, address: string): Promise<Kept<T>> => {
    await refuseStranger(strangers, address, options.badKeysPerMinute);
    const since = forgotten;
    let found: T | null;
    try {
      found = await lookUp(slot, hash);
    } catch (error) {
      if (old?.found == null || !isYoung(old, kind.awayMs)) throw error;
      return old;
    }
    if (found === null) await strangers.consume(address).catch(() => undefined);
    return remember(slot, hash, found, since);
  };

  return {
    async find(secret, address) {
      const hash = createHash('sha256').update(secret).digest();
      const slot = hash.toString('base64url', 0, 12);
      const old = cache.get(slot);
      const own = old !== undefined && timingSafeEqual(old.hash, hash) ? old : null;
      const entry = own !== null && isYoung(own, own.ttlMs) ? own : await ask(slot, hash, own, address);
      if (entry.found !== null) touch(entry, entry.found);
      return entry.found;
    },
    forget() {
      forgotten++;
      cache.clear();
      // What is being looked up may be what was.
      lookups.clear();
    },
  };
}

async function refuseStranger(limiter: RateLimiterMemory, address: string, points: number): Promise<void> {
  const past = await limiter.get(address);
  if (past === null || past.consumedPoints < points) return;
  throw new AppError('RATE_LIMITED', 'Too many unknown keys', { retryAfterS: waitS(past) });
}

/** Whole seconds until the limiter lets go. */
export function waitS(state: RateLimiterRes): number {
  return Math.max(1, Math.ceil(state.msBeforeNext / 1000));
}
