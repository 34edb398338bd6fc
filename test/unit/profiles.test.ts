import { describe, expect, it } from 'vitest';
import { joinProfiles, type Profile } from '../../src/miner/profile.js';

const of = (profiles: Record<string, Profile>): Map<string, Profile> => new Map(Object.entries(profiles));

describe('what two pollers have learned of one shard', () => {
  it('is what the newer knows, and the miners that only the older has seen', () => {
    const older = of({
      a: { family: 'antminer', joins: false, uptimeS: 10 },
      b: { family: 'whatsminer' },
      c: { failures: 2, notBefore: 5_000 },
    });
    const newer = of({
      a: { family: 'antminer', joins: true, uptimeS: 70 },
      b: { failures: 1, notBefore: 9_000 },
      c: { failures: 3, notBefore: 8_000 },
      d: { family: 'avalon' },
    });
    expect(Object.fromEntries(joinProfiles(older, newer))).toEqual({
      a: { family: 'antminer', joins: true, uptimeS: 70 },
      b: { family: 'whatsminer' },
      c: { failures: 3, notBefore: 8_000 },
      d: { family: 'avalon' },
    });
  });
});
