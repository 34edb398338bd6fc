import { describe, expect, it } from 'vitest';
import { readSerial } from '../../src/domain/read-value.js';
import { emptySample } from '../../src/domain/wire.js';
import type { MinerIdentity, MinerSample } from '../../src/domain/telemetry.js';
import type { Profile } from '../../src/miner/profile.js';
import { doubtIdentity, heldIdentity, learnIdentity } from '../../src/miner/told-identity.js';

const identity: MinerIdentity = {
  ...emptySample.identity,
  model: 'S19',
  mac: '02:00:00:00:00:0a',
  serial: 'SN-000123',
};
const reading = (uptimeS: number | null, told = identity): MinerSample => ({
  ...emptySample,
  uptimeS,
  identity: told,
});

describe('the identity that goes with a sample', () => {
  it('is the one learned, as long as the device has answered since', () => {
    const profile: Profile = {};
    expect(learnIdentity(profile, reading(100), 10, true).identity).toEqual(identity);
    expect(profile).toMatchObject({ identity, identifiedAt: 10, uptimeS: 100 });
    expect(heldIdentity(profile)).toEqual(identity);
    expect(learnIdentity(profile, reading(110), 20, false).identity).toEqual(identity);
    expect(profile.identifiedAt).toBe(10);
  });

  it('is none after a poll without an answer, until it is told again', () => {
    const profile: Profile = {};
    learnIdentity(profile, reading(100), 10, true);
    doubtIdentity(profile);
    const held = heldIdentity(profile);
    expect(held).toEqual({ ...identity, mac: null, serial: null });
    expect(learnIdentity(profile, reading(130, held ?? identity), 30, false).identity.mac).toBeNull();
    expect(profile.identifiedAt).toBeUndefined();
    expect(learnIdentity(profile, reading(140), 40, true).identity.mac).toBe(identity.mac);
    expect(profile.identifiedAt).toBe(40);
  });

  it('is none when the uptime was set back, for another device may have come between two polls', () => {
    const profile: Profile = {};
    learnIdentity(profile, reading(100), 10, true);
    expect(learnIdentity(profile, reading(5), 20, false).identity).toEqual({
      ...identity,
      mac: null,
      serial: null,
    });
    expect(profile.identifiedAt).toBeUndefined();
    expect(learnIdentity(profile, reading(15), 30, true).identity).toEqual(identity);
  });
});

describe('a serial', () => {
  it('is kept as the device writes it', () => {
    expect(readSerial('SMTTYRHBDJAAI05H5')).toBe('SMTTYRHBDJAAI05H5');
    expect(readSerial(' HQ-123456 ')).toBe('HQ-123456');
  });

  it('is none when it cannot tell one device from another', () => {
    for (const text of ['', '0', '0000000000', 'N/A', 'unknown', '1234567890', 'ffffffff', '----', null, {}])
      expect(readSerial(text)).toBeNull();
  });
});
