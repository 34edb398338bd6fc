import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { countAddresses, parseRanges } from '../../src/domain/ip-ranges.js';
import { planShards } from '../../src/domain/shards.js';

const plan = (expressions: string[], site = 'north') =>
  planShards({
    site,
    zone: 'default',
    ranges: parseRanges(expressions, { allowLoopback: false }),
    port: 4028,
    intervalMs: 10_000,
  });

describe('planShards', () => {
  it('cuts at /24 borders, at most 256 addresses each, losing none', () => {
    const shards = plan(['10.0.0.100-10.0.2.50', '!10.0.1.7']);
    expect(shards.map((shard) => shard.addressCount)).toEqual([156, 255, 51]);
  });

  it('gives the same ids and phases whatever the order of the ranges', () => {
    fc.assert(
      fc.property(
        fc.shuffledSubarray(['10.0.0.0/24', '10.0.5.1-10.0.7.9', '10.0.9.9'], { minLength: 3 }),
        (order) => {
          expect(plan(order)).toEqual(plan(['10.0.0.0/24', '10.0.5.1-10.0.7.9', '10.0.9.9']));
        },
      ),
    );
  });

  it('gives other ids for another site or other content', () => {
    const ids = [plan(['10.0.0.0/24']), plan(['10.0.0.0/24'], 'south'), plan(['10.0.0.0/25'])].map(
      (s) => s[0]?.id,
    );
    expect(new Set(ids).size).toBe(3);
  });

  it('spreads phases over the interval', () => {
    const shards = plan(['10.0.0.0/16']);
    expect(shards).toHaveLength(256);
    const tenths = new Array<number>(10).fill(0);
    for (const shard of shards) tenths[Math.floor(shard.phaseMs / 1000)]! += 1;
    expect(Math.min(...tenths)).toBeGreaterThan(8);
    expect(shards.reduce((sum, shard) => sum + countAddresses(shard.ranges), 0)).toBe(65_536);
  });
});
