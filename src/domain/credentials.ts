import { holdsAddress, type IpRange } from './ip-ranges.js';

/** What a miner's web interface is logged into with. Secret: never logged, stored or queued. */
export interface Credentials {
  /** `''` where the device asks for a password alone. */
  readonly username: string;
  readonly password: string;
}

/** Credentials and the miners they are for. */
export interface CredentialRule extends Credentials {
  /** Family they are for; `null`: any. */
  readonly family: string | null;
  /** Addresses they are for; `null`: any. */
  readonly ranges: readonly IpRange[] | null;
}

/**
 * The credentials for one miner: a rule for its address goes before one for its family, that before one
 * for all; among equals the first. `null` when no rule is for it: nothing is tried unasked.
 */
export function credentialsFor(
  rules: readonly CredentialRule[],
  family: string,
  address: number,
): Credentials | null {
  let best: CredentialRule | null = null;
  for (const rule of rules) {
    if (rule.family !== null && rule.family !== family) continue;
    if (rule.ranges !== null && !holdsAddress(rule.ranges, address)) continue;
    if (best === null || weight(rule) > weight(best)) best = rule;
  }
  return best === null ? null : { username: best.username, password: best.password };
}

/** True when some rule may be for this address, whatever the family. */
export function hasCredentials(rules: readonly CredentialRule[], address: number): boolean {
  return rules.some((rule) => rule.ranges === null || holdsAddress(rule.ranges, address));
}

/** The rules that matter to these addresses: what a poll task carries. */
export function rulesWithin(
  rules: readonly CredentialRule[],
  ranges: readonly IpRange[],
): readonly CredentialRule[] {
  const touches = (a: IpRange) => ranges.some((b) => a.first <= b.last && b.first <= a.last);
  return rules.filter((rule) => rule.ranges === null || rule.ranges.some(touches));
}

const weight = (rule: CredentialRule): number =>
  (rule.ranges === null ? 0 : 2) + (rule.family === null ? 0 : 1);
