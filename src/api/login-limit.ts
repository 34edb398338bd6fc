import { createHash } from 'node:crypto';
import { RateLimiterMemory, type RateLimiterRes } from 'rate-limiter-flexible';
import { AppError } from '../domain/errors.js';
import { waitS } from './credential-check.js';

/** Failures before one waits, and for how long, s. */
export interface LoginLimits {
  readonly perAddress: number;
  readonly perName: number;
  readonly windowS: number;
}

/** Slows down who guesses passwords: by where they come from, and by whose they guess. */
export interface LoginLimit {
  /** Counts an attempt; null: under no name of ours. Throws `RATE_LIMITED` past either limit. */
  begin(address: string, name: string | null): Promise<void>;
  /** It was a right one: takes the attempt back. */
  succeed(address: string, name: string | null): Promise<void>;
}

/**
 * An attempt counts before its password is checked, so that many at once pass no more than many in turn.
 * Memory is bounded by how many passwords can be checked in a window: a name counts only when its address may
 * still try. A name that is guessed at waits from every address, its owner's too, for one window at most.
 */
export function createLoginLimit({ perAddress, perName, windowS }: LoginLimits): LoginLimit {
  const addresses = new RateLimiterMemory({ points: perAddress, duration: windowS });
  const names = new RateLimiterMemory({ points: perName, duration: windowS });
  return {
    async begin(address, name) {
      await consume(addresses, networkOf(address));
      if (name !== null) await consume(names, keyOf(name));
    },
    async succeed(address, name) {
      if (name !== null) await names.delete(keyOf(name));
      await addresses.reward(networkOf(address));
    },
  };
}

async function consume(limiter: RateLimiterMemory, key: string): Promise<void> {
  try {
    await limiter.consume(key);
  } catch (state) {
    const retryAfterS = waitS(state as RateLimiterRes);
    throw new AppError('RATE_LIMITED', 'Too many attempts to sign in', { retryAfterS });
  }
}

/** Whoever has one address of an IPv6 network has 2^64. */
function networkOf(address: string): string {
  if (!address.includes(':') || address.startsWith('::ffff:')) return address;
  const [head = '', tail = ''] = address.split('::');
  const groups = head.split(':').filter((group) => group !== '');
  const after = tail.split(':').filter((group) => group !== '');
  const zeros = new Array<string>(Math.max(0, 8 - groups.length - after.length)).fill('0');
  return [...groups, ...zeros, ...after].slice(0, 4).join(':');
}

/** Names may be long; cases are one. */
const keyOf = (name: string): string => createHash('sha256').update(name.toLowerCase()).digest('base64url');
