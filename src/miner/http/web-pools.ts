import type { PoolSample } from '../../domain/telemetry.js';

/** A pool of which nothing is known but its number. */
export function emptyPool(index: number): PoolSample {
  return {
    index,
    url: '',
    user: '',
    status: null,
    priority: index,
    isActive: false,
    isDevFee: false,
    accepted: null,
    rejected: null,
    stale: null,
  };
}
