import type { MinerIdentity, MinerSample } from '../domain/telemetry.js';
import type { Profile } from './profile.js';
import { ownText } from './remember.js';

/*
 * A MAC or serial goes with a sample only while it is certain that the device which told it still answers:
 * after a poll without an answer, or a clock of uptime set back, another device may have the address.
 * `identifiedAt` is absent then, and the identity is asked for again at once.
 */

/** Notes a poll without an answer: whoever answers next must say who it is. */
export function doubtIdentity(profile: Profile): void {
  delete profile.identifiedAt;
}

/** What of the learned identity still holds while reading. */
export function heldIdentity(profile: Profile): MinerIdentity | null {
  if (profile.identity === undefined) return null;
  return profile.identifiedAt === undefined ? nameless(profile.identity) : profile.identity;
}

/**
 * Learns from a reading who answers at this address, and gives the reading back with no more of an identity
 * than is certain. `isTold`: the identity was asked for and told in this poll.
 */
export function learnIdentity(
  profile: Profile,
  sample: MinerSample,
  slot: number,
  isTold: boolean,
): MinerSample {
  const hasRestarted =
    sample.uptimeS !== null && profile.uptimeS !== undefined && sample.uptimeS < profile.uptimeS;
  if (sample.uptimeS !== null) profile.uptimeS = sample.uptimeS;
  if (isTold) {
    profile.identity = kept(sample.identity);
    profile.identifiedAt = slot;
    return sample;
  }
  if (!hasRestarted) return sample;
  doubtIdentity(profile);
  return { ...sample, identity: nameless(sample.identity) };
}

function kept(identity: MinerIdentity): MinerIdentity {
  const text = (value: string | null) => (value === null ? null : ownText(value));
  return {
    vendor: text(identity.vendor),
    model: text(identity.model),
    firmware: text(identity.firmware),
    firmwareVersion: text(identity.firmwareVersion),
    mac: text(identity.mac),
    serial: text(identity.serial),
  };
}

function nameless(identity: MinerIdentity): MinerIdentity {
  return { ...identity, mac: null, serial: null };
}
