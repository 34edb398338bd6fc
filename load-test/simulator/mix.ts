import { parseFault, plainFaults, garbageShapes, quirks, type Fault } from './faults.js';
import { modelNames, type ModelName } from './models.js';
import { hashText, unit } from './random.js';

/** Which machines there are, and what share of them is faulty. */
export interface Mix {
  /** Weights by kind of machine. */
  readonly models: Readonly<Partial<Record<ModelName, number>>>;
  /** Shares of all miners, 0–1; together at most 1. */
  readonly faults: readonly { readonly fault: Fault; readonly share: number }[];
}

const farm: Mix['models'] = {
  'antminer-s9': 1,
  'antminer-s19': 3,
  'antminer-s19xp': 2,
  'antminer-s21': 3,
  'whatsminer-m30s': 3,
  'whatsminer-m50s': 3,
  'avalon-1246': 3,
  cgminer: 1,
};

/** The farm with some of the firmware and machines that are met beside them. */
const variedFarm: Mix['models'] = {
  ...farm,
  'antminer-s21pro': 1,
  'vnish-s19j': 1,
  'braiins-s19j': 1,
  'luxos-s19k': 1,
  'whatsminer-m60s': 1,
  'avalon-1566': 1,
  'sealminer-a2': 1,
};

const allAlike: Mix['models'] = Object.fromEntries(modelNames.map((name) => [name, 1]));

const everyFault = [
  ...plainFaults,
  'slow:800',
  'drip:200/20',
  'flapping:60/30',
  ...garbageShapes.map((shape) => `garbage:${shape}`),
];
/** Those that every model shows alike; the other endings are in `keep_open` and `half_closed`. */
const commonQuirks = [
  'trailing_comma',
  'nan',
  'control_char',
  'invalid_escape',
  'trailing_text',
  'duplicate_keys',
  'no_nul',
  'newline_end',
  'invalid_utf8',
].map((quirk) => `malformed:${quirk}`);

const each = (texts: readonly string[], share: number): Mix['faults'] =>
  texts.map((text) => ({ fault: parseFault(text), share }));

/**
 * Named mixes. `clean`: no faults. `demo`: more vendors, 85 % healthy, the rest one of each fault per 200 miners.
 * `hostile`: every second miner faulty, every fault and quirk alike. `everything`: every kind of machine
 * there is, in equal parts, no faults.
 */
export const mixes = {
  clean: { models: farm, faults: [] },
  demo: { models: variedFarm, faults: each([...everyFault, ...commonQuirks], 0.005) },
  hostile: {
    models: farm,
    faults: each(
      [...everyFault, ...quirks.map((quirk) => `malformed:${quirk}`)],
      0.5 / (everyFault.length + quirks.length),
    ),
  },
  everything: { models: allAlike, faults: [] },
} as const satisfies Record<string, Mix>;
export type MixName = keyof typeof mixes;
export const mixNames = Object.keys(mixes) as MixName[];

/** The kind of machine at an address: a function of the seed and the address alone. */
export function pickModel(mix: Mix, key: number): ModelName {
  let total = 0;
  for (const name of modelNames) total += mix.models[name] ?? 0;
  let left = unit(key, 0) * total;
  for (const name of modelNames) {
    left -= mix.models[name] ?? 0;
    if (left < 0) return name;
  }
  return 'cgminer';
}

/**
 * Deals faults out so that each has its exact share of the addresses, rounded to the nearest; who is hit
 * is drawn by the seed.
 */
export function dealFaults(mix: Mix, seed: number, addresses: readonly string[]): Map<string, Fault> {
  const dealt = new Map<string, Fault>();
  if (mix.faults.length === 0) return dealt;
  const drawn = addresses
    .map((address) => ({ address, ticket: hashText(seed ^ 0x5f0c, address) }))
    .sort((a, b) => a.ticket - b.ticket);
  let due = 0;
  let next = 0;
  for (const { fault, share } of mix.faults) {
    due += share * addresses.length;
    for (; next < Math.min(Math.round(due), drawn.length); next++) {
      const at = drawn[next];
      if (at !== undefined) dealt.set(at.address, fault);
    }
  }
  return dealt;
}
