import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { RateLimiterRes } from 'rate-limiter-flexible';
import { RateLimiterMemory } from 'rate-limiter-flexible';
import { AppError } from '../domain/errors.js';
import type { CollectorKey } from '../domain/ingest.js';
import { withDatabaseDeadline } from './deadline.js';
import type { ApiDeps } from './deps.js';

const keyPattern = /^hsc_[A-Za-z0-9_-]{32,64}$/;
const touchEveryMs = 60_000;

/** Answers whose key a request carries. Throws `KEY_MISSING`, `KEY_INVALID`, `RATE_LIMITED`, `DATABASE_UNAVAILABLE`. */
export type KeyCheck = (request: IncomingMessage) => Promise<CollectorKey>;

interface CachedKey {
  readonly hash: Buffer;
  readonly key: CollectorKey | null;
  readonly expiresMs: number;
  touchedMs: number;
}

/**
 * Checks collector keys: format, SHA-256, then the cache, then the database. Keys are found by a part of
 * their hash and compared whole in constant time. Known and unknown ones are remembered for a while,
 * the oldest forgotten past a bound; an address that tries many unknown keys is slowed down before the
 * database is asked.
 */
export function createKeyCheck(deps: ApiDeps): KeyCheck {
  const { options } = deps;
  const cache = new Map<string, CachedKey>();
  const lookups = new Map<string, Promise<CollectorKey | null>>();
  const strangers = new RateLimiterMemory({ points: options.badKeysPerMinute, duration: 60 });

  const remember = (slot: string, hash: Buffer, key: CollectorKey | null): CachedKey => {
    const ttlMs = key === null ? options.badKeyTtlMs : options.keyTtlMs;
    const touchedMs = cache.get(slot)?.touchedMs ?? 0;
    const entry = { hash, key, expiresMs: deps.now() + ttlMs, touchedMs };
    cache.delete(slot);
    cache.set(slot, entry);
    for (const oldest of cache.keys()) {
      if (cache.size <= options.maxCachedKeys) break;
      cache.delete(oldest);
    }
    return entry;
  };

  const lookUp = async (slot: string, hash: Buffer): Promise<CollectorKey | null> => {
    const running = lookups.get(slot);
    if (running !== undefined) return running;
    const lookup = withDatabaseDeadline(deps.findKey(hash), options.databaseDeadlineMs);
    lookups.set(slot, lookup);
    try {
      return await lookup;
    } catch (error) {
      if (error instanceof AppError) throw error;
      throw new AppError('DATABASE_UNAVAILABLE', 'The key could not be looked up', { cause: error });
    } finally {
      lookups.delete(slot);
    }
  };

  const touch = (entry: CachedKey, key: CollectorKey): void => {
    if (deps.now() - entry.touchedMs < touchEveryMs) return;
    entry.touchedMs = deps.now();
    deps
      .touchKey(key.keyId)
      .catch((err: unknown) => deps.log.debug({ err, keyId: key.keyId }, 'key not touched'));
  };

  return async function checkKey(request) {
    const text = presentedKey(request);
    if (text === null) throw new AppError('KEY_MISSING', 'Missing collector API key');
    if (!keyPattern.test(text)) throw invalidKey();
    const hash = createHash('sha256').update(text).digest();
    const slot = hash.toString('base64url', 0, 12);
    let entry = cache.get(slot);
    if (entry === undefined || entry.expiresMs <= deps.now() || !timingSafeEqual(entry.hash, hash)) {
      const address = request.socket.remoteAddress ?? '';
      await refuseStranger(strangers, address, options.badKeysPerMinute);
      const key = await lookUp(slot, hash);
      if (key === null) await strangers.consume(address).catch(() => undefined);
      entry = remember(slot, hash, key);
    }
    if (entry.key === null) throw invalidKey();
    touch(entry, entry.key);
    return entry.key;
  };
}

/** The text of the key a request carries, in either header; null when it carries none. */
export function presentedKey(request: IncomingMessage): string | null {
  const own = request.headers['x-collector-key'];
  if (typeof own === 'string' && own.trim() !== '') return own.trim();
  return /^Bearer\s+(\S+)\s*$/i.exec(request.headers.authorization ?? '')?.[1] ?? null;
}

function invalidKey(): AppError {
  return new AppError('KEY_INVALID', 'Invalid API key');
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
