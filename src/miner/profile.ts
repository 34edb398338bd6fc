import type { MinerIdentity } from '../domain/telemetry.js';

/** What is learned of one address and kept between polls. Plain data, short keys: there are many. */
export interface Profile {
  /** Family name; absent until the address has answered once: it is no miner yet. */
  family?: string;
  identity?: MinerIdentity;
  /** Whether joined commands work; absent until tried. */
  joins?: boolean;
  /** Commands this firmware refuses, until the identity is next refreshed. */
  refused?: string[];
  /** Polls in a row without an answer. */
  failures?: number;
  /** Slot before which the address is left alone, ms since the epoch. */
  notBefore?: number;
  /** Slot at which the identity was last told, ms; absent while another device may have the address. */
  identifiedAt?: number;
  /** Uptime last told, s: set back, the device has started anew, or is another one. */
  uptimeS?: number;
  /** When it was last looked for in another way than it is read, ms. */
  lookedAt?: number;
  /** Slot at which raw replies were last sent along, ms. */
  rawAt?: number;
  /** The repairs of the last reading, as one text: a change sends the raw replies along. */
  damage?: string;
  /** Fingerprints of its damaged replies by firmware, command and kind; forgotten when the identity is refreshed. */
  prints?: Record<string, string>;
}

export interface BackoffOptions {
  readonly intervalMs: number;
  /** A dead miner is tried at least once in so many slots. */
  readonly maxSlots: number;
  /** An address that never answered is tried once in so many slots. */
  readonly scanSlots: number;
}

/** True for an address that has answered at least once. */
export function isMiner(profile: Profile | undefined): boolean {
  return profile?.family !== undefined;
}

/**
 * How long to leave an address alone after `failures` polls without an answer, in slots: at once after
 * the first, then doubling; jitter (±25 %) keeps a failed row of miners from being tried in step.
 */
export function backoffSlots(profile: Profile, options: BackoffOptions, random: number): number {
  const failures = profile.failures ?? 0;
  const ceiling = isMiner(profile) ? options.maxSlots : options.scanSlots;
  const wanted = isMiner(profile) ? 2 ** Math.max(0, failures - 2) : options.scanSlots;
  if (wanted <= 1) return 1;
  return Math.max(1, Math.round(Math.min(ceiling, wanted) * (0.75 + random / 2)));
}

/** Notes a poll without an answer. */
export function noteFailure(profile: Profile, slot: number, options: BackoffOptions, random: number): void {
  profile.failures = (profile.failures ?? 0) + 1;
  profile.notBefore = slot + backoffSlots(profile, options, random) * options.intervalMs;
}

/** Notes an answer of any kind. */
export function noteAnswer(profile: Profile): void {
  delete profile.failures;
  delete profile.notBefore;
}

/** What two pollers have learned of a shard: the newer wins, but for a miner that only the older has seen. */
export function joinProfiles(
  older: ReadonlyMap<string, Profile>,
  newer: ReadonlyMap<string, Profile>,
): Map<string, Profile> {
  const joined = new Map(older);
  for (const [ip, profile] of newer) if (isMiner(profile) || !isMiner(older.get(ip))) joined.set(ip, profile);
  return joined;
}

/** A shard's profiles by address text, as one blob that the main thread keeps without reading. */
export function packProfiles(profiles: ReadonlyMap<string, Profile>): string {
  return JSON.stringify(Object.fromEntries(profiles));
}

/** Reads a blob back; anything unreadable is an empty memory, learned again. */
export function unpackProfiles(blob: string): Map<string, Profile> {
  if (blob === '') return new Map();
  try {
    const parsed = JSON.parse(blob) as unknown;
    if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) return new Map();
    return new Map(Object.entries(parsed as Record<string, Profile>));
  } catch {
    return new Map();
  }
}
