import { describe, expect, it } from 'vitest';
import { ReadCache, type ReadPlan } from '../../src/api/read-cache.js';
import { AppError } from '../../src/domain/errors.js';
import { createMetrics } from '../../src/telemetry/metrics.js';

describe('the cache of reads', () => {
  it('holds as much as its weight allows: few large answers, or many small ones', async () => {
    const metrics = createMetrics({ withProcess: false });
    const cache = new ReadCache({ maxWeight: 20, now: () => 1_000, metrics, shared: null });
    const plan = (key: string, weight?: number): ReadPlan => ({
      key,
      freshMs: 0,
      keepMs: 60_000,
      ...(weight === undefined ? {} : { weight }),
    });
    const away = async (): Promise<string> => {
      throw new AppError('DATABASE_UNAVAILABLE', 'away');
    };
    const kept = async (keys: readonly string[]): Promise<string[]> => {
      const found = await Promise.allSettled(keys.map((key) => cache.get(plan(key), away)));
      return keys.filter((_key, index) => found[index]?.status === 'fulfilled');
    };
    const large = Array.from({ length: 10 }, (_, n) => `large ${n}`);
    for (const key of large) await cache.get(plan(key, 10), async () => key);
    expect(await kept(large)).toEqual(['large 8', 'large 9']);
    // One that is loaded again takes the place of itself.
    await cache.get(plan('large 9', 10), async () => 'again');
    expect(await kept(large)).toEqual(['large 8', 'large 9']);
    const small = Array.from({ length: 30 }, (_, n) => `small ${n}`);
    for (const key of small) await cache.get(plan(key), async () => key);
    expect(await kept([...large, ...small])).toEqual(small.slice(10));
  });
});
