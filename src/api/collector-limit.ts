import { createHash } from 'node:crypto';
import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible';
import { waitS } from './credential-check.js';
import type { ApiDeps } from './deps.js';

/** Requests of a key in its present window of a minute, this one included, and when the window ends, s. */
export interface LimitState {
  readonly count: number;
  readonly resetS: number;
}

/** What is counted by itself: commands must not wait for uploads, nor they for commands. */
export type LimitUse = 'collector' | 'commands';

const windowMs = 60_000;

/**
 * Counts the requests of each key: in the shared store, so that all instances share one limit, or while
 * there is none in this process.
 */
export function createCollectorLimit(
  deps: Pick<ApiDeps, 'shared' | 'options'>,
): (key: string, use: LimitUse) => Promise<LimitState> {
  const limiters = {
    collector: new RateLimiterMemory({
      points: deps.options.requestsPerMinute,
      duration: windowMs / 1_000,
    }),
    commands: new RateLimiterMemory({
      points: deps.options.commandRequestsPerMinute,
      duration: windowMs / 1_000,
    }),
  };
  return async (key, use) => {
    const hash = createHash('sha256').update(key).digest('hex');
    const shared = (await deps.shared?.count(`rate_limit:${use}:${hash}`, windowMs)) ?? null;
    if (shared !== null)
      return { count: shared.count, resetS: Math.max(1, Math.ceil(shared.leftMs / 1_000)) };
    const own = await consume(limiters[use], hash);
    return { count: own.consumedPoints, resetS: waitS(own) };
  };
}

async function consume(limiter: RateLimiterMemory, key: string): Promise<RateLimiterRes> {
  try {
    return await limiter.consume(key);
  } catch (error) {
    if (error instanceof RateLimiterRes) return error;
    throw error;
  }
}
