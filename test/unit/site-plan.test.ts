import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { withoutRanges, withRanges } from '../../src/cli/plan.js';
import { countAddresses, holdsAddress, parseRanges } from '../../src/domain/ip-ranges.js';
import { comparePlans, overlapOf, shardsOfPlan, tagOf, without } from '../../src/domain/site-plan.js';

const read = (...ranges: string[]) => parseRanges(ranges, { allowLoopback: false });
const plan = { ranges: ['10.1.0.0/23'], zone: 'default', interval_s: 30, port: 4028, http_port: null };
const shards = (changes: Partial<typeof plan>) =>
  shardsOfPlan('north', { ...plan, ...changes }, { allowLoopback: false, intervalS: 60 });

/** Some of sixteen addresses, as expressions. */
const some = fc
  .uniqueArray(fc.integer({ min: 0, max: 15 }), { maxLength: 16 })
  .map((list) => list.map((n) => `10.0.0.${n}`));

describe('ranges of plans', () => {
  it('overlap and differ as their addresses do', () => {
    fc.assert(
      fc.property(some, some, (a, b) => {
        const [x, y] = [read(...a), read(...b)];
        expect(countAddresses(overlapOf(x, y))).toBe(a.filter((text) => b.includes(text)).length);
        const left = without(x, y);
        expect(countAddresses(left)).toBe(a.filter((text) => !b.includes(text)).length);
        for (const { first, last } of left)
          for (let address = first; address <= last; address++)
            expect([holdsAddress(x, address), holdsAddress(y, address)]).toEqual([true, false]);
      }),
    );
  });

  it('hold no more addresses than a farm has', () => {
    expect(() => shards({ ranges: ['10.0.0.0/12', '11.0.0.1'] })).toThrow(/1048577 addresses/);
    expect(() => shards({ ranges: ['127.0.0.1'] })).toThrow(/loopback/);
    expect(() => shards({ ranges: ['169.254.0.1'] })).toThrow(/link-local/);
  });

  it('are edited as they are written', () => {
    expect(withRanges(['10.1.0.0/24', '!10.1.0.7'], ['10.1.0.7'])).toEqual(['10.1.0.0/24', '10.1.0.7']);
    expect(withRanges(['10.1.0.0/24'], ['10.1.0.0/24'])).toEqual(['10.1.0.0/24']);
    expect(withoutRanges(['10.1.0.0/24', '10.2.0.0/24'], ['10.2.0.0/24'])).toEqual(['10.1.0.0/24']);
    expect(withoutRanges(['10.1.0.0/24'], ['10.1.0.7'])).toEqual(['10.1.0.0/24', '!10.1.0.7']);
    expect(() => withoutRanges(['10.1.0.0/24'], ['10.3.0.0/24'])).toThrow(/not in the plan/);
  });
});

describe('a change of plan', () => {
  it('tells which shards and addresses come, go, and go on', () => {
    const change = comparePlans(shards({}), shards({ ranges: ['10.1.1.0/24', '10.2.0.0-9'] }));
    expect(change).toEqual({
      shards: { added: 1, removed: 1, changed: 0, kept: 1 },
      addresses: { added: 10, removed: 256, kept: 256 },
      added: ['10.2.0.0-10.2.0.9'],
      removed: ['10.1.0.0-10.1.0.255'],
    });
    expect(comparePlans(shards({}), shards({ interval_s: 10 })).shards).toMatchObject({
      changed: 2,
      kept: 0,
    });
    expect(comparePlans(shards({}), shards({ zone: 'barn' })).shards).toMatchObject({ changed: 2, kept: 0 });
  });

  it('has another tag, also at the same version', () => {
    const tags = [
      null,
      { ...plan, version: 1 },
      { ...plan, version: 2 },
      { ...plan, version: 1, zone: 'barn' },
    ];
    expect(new Set(tags.map(tagOf)).size).toBe(tags.length);
    expect(tagOf({ ...plan, version: 1 })).toBe(tagOf({ ...plan, version: 1 }));
  });
});
