import { cleanText, isObject, readText } from './read-value.js';

/** One damaged or unreadable reply, as it travels with the sample it belongs to. */
export interface ReplyQuirk {
  /** Stands for family, firmware, command, damage and shape; hex. */
  readonly fingerprint: string;
  readonly command: string;
  /** Kinds of repair joined by `+`, or `unreadable:` and the shape. */
  readonly damage: string;
  /** The reply itself, cut; null when one was sent not long ago. */
  readonly sample: string | null;
}

/** Bounds of what travels with one sample. */
export const quirkBounds = {
  perSample: 8,
  sampleLength: 4_096,
  commandLength: 64,
  damageLength: 128,
} as const;

/** Reads a record's `quirks`; entries that are none are left out, more than eight are cut. */
export function readQuirks(value: unknown): ReplyQuirk[] | null {
  if (!Array.isArray(value)) return null;
  const quirks = value
    .slice(0, quirkBounds.perSample)
    .map(readQuirk)
    .filter((quirk) => quirk !== null);
  return quirks.length === 0 ? null : quirks;
}

function readQuirk(value: unknown): ReplyQuirk | null {
  if (!isObject(value)) return null;
  const fingerprint = value['fingerprint'];
  const command = readText(value['command'], quirkBounds.commandLength);
  const damage = readText(value['damage'], quirkBounds.damageLength);
  if (typeof fingerprint !== 'string' || !/^[0-9a-f]{8,64}$/.test(fingerprint)) return null;
  if (command === null || damage === null) return null;
  const sample = value['sample'];
  return {
    fingerprint,
    command,
    damage,
    sample: typeof sample === 'string' ? cleanText(sample, quirkBounds.sampleLength, true) : null,
  };
}

/** A kind of damage as a site shows it, in the api's words. */
export interface QuirkReport {
  readonly site_id: number;
  readonly site: string;
  readonly fingerprint: string;
  readonly family: string | null;
  readonly firmware: string | null;
  readonly command: string;
  readonly damage: string;
  /** ISO 8601. */
  readonly first_seen: string;
  /** Start of the present spell: an hour without it ends one. */
  readonly since: string;
  readonly last_seen: string;
  /** Replies ever, each counted once. */
  readonly replies: number;
  /** Distinct miners that showed it within the last `quirkNowS`. */
  readonly miners_now: number;
  /** Distinct miners that ever did and are still known. */
  readonly miners: number;
  readonly sample_reply: string | null;
}

/** What "now" means for a quirk, s: over the five minutes to which its miners are kept. */
export const quirkNowS = 900;

/**
 * One sentence for people: "142 miners on firmware X answer stats with a missing comma since 03:00".
 * Times are UTC, with the date unless it is today's.
 */
export function describeQuirk(quirk: QuirkReport, now: Date): string {
  const isOn = quirk.miners_now > 0;
  const count = isOn ? quirk.miners_now : quirk.miners;
  const miners = `${count} ${count === 1 ? 'miner' : 'miners'}`;
  const make = quirk.firmware === null ? '' : ` on firmware ${quirk.firmware}`;
  const verb = isOn ? (count === 1 ? 'answers' : 'answer') : 'answered';
  const when = isOn
    ? `since ${clock(quirk.since, now)}`
    : `from ${clock(quirk.since, now)} to ${clock(quirk.last_seen, now)}`;
  return `${miners}${make} ${verb} ${quirk.command} ${damageWords(quirk.damage)} ${when}`;
}

const unreadableWords: Readonly<Record<string, string>> = {
  empty: 'with nothing',
  nul: 'with a NUL alone',
  html: 'with a web page',
  text: 'with text that is no reply',
  binary: 'with binary data',
  json_scalar: 'with JSON that is no object',
};

function damageWords(damage: string): string {
  const shape = /^unreadable:(.*)$/.exec(damage)?.[1];
  if (shape !== undefined) return unreadableWords[shape] ?? 'unreadably';
  const kinds = damage.split('+').map((kind) => kind.replaceAll('_', ' '));
  return `with ${kinds.map((kind) => `${/^[aeiou]/.test(kind) ? 'an' : 'a'} ${kind}`).join(' and ')}`;
}

function clock(time: string, now: Date): string {
  const text = new Date(time).toISOString();
  return text.slice(0, 10) === now.toISOString().slice(0, 10)
    ? text.slice(11, 16)
    : text.slice(0, 16).replace('T', ' ');
}
