import { parseQuantity, toNumber } from '../numbers.js';
import { remember } from '../remember.js';
import type { JsonObject, JsonValue } from '../reply.js';

const ghsPer: Readonly<Record<string, number>> = {
  H: 1e-9,
  KH: 1e-6,
  MH: 1e-3,
  GH: 1,
  TH: 1e3,
  PH: 1e6,
};

/** GH/s in one of a unit as devices write it (`GH`, `MH/s`, `TH/S`); null when it is no hash unit. */
export function ghsPerUnit(unit: string | null): number | null {
  return unit === null ? null : ghsIn(unit);
}

const ghsIn = remember((unit) => {
  const name = /^\s*([KMGTP]?H)(?:ash(?:es)?)?(?:\/?s(?:ec)?)?\s*$/i.exec(unit)?.[1];
  return name === undefined ? null : (ghsPer[name.toUpperCase()] ?? null);
});

/** GH/s in a figure with its unit behind it, `21632.89GH/s`; null when it is none, or has no hash unit. */
export function ghsWithUnit(value: JsonValue | undefined): number | null {
  if (typeof value !== 'string') return null;
  const told = parseQuantity(value);
  const unit = told === null ? null : ghsPerUnit(told.unit);
  return told === null || unit === null ? null : times(told.value, unit);
}

/** Hashrates of one record, GH/s. */
export interface Rates {
  /** Shortest window of at most a minute. */
  readonly nowGhs: number | null;
  /** Since the start of mining. */
  readonly averageGhs: number | null;
  /** Every window told, shortest first. */
  readonly windows: readonly { readonly seconds: number; readonly ghs: number }[];
}

// Some write `GHS_5s` or `GHS5s`.
const rateKey = /^([KMGTP])HS[ _]?(?:(\d+)[ _]?([smh])|av)$/i;

/** GH/s in one of the unit a key names, and its window, s (0: since the start); null when it is no rate. */
const rateOf = remember((key) => {
  const match = rateKey.exec(key);
  if (match === null) return null;
  return {
    ghs: ghsPer[`${(match[1] ?? '').toUpperCase()}H`] ?? 1,
    seconds:
      match[2] === undefined ? 0 : Number(match[2]) * (secondsPer[(match[3] ?? '').toLowerCase()] ?? 1),
  };
});
const upperH = 0x48;
const upperS = 0x53;
const secondsPer: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600 };

/** Rates looked at in one record; devices tell a dozen at most. */
const maxRates = 64;

/** Reads `MHS av`, `GHS 5s`, `MHS 15m` and their like from a record. */
export function ratesOf(record: JsonObject): Rates {
  const windows: Window[] = [];
  let averageGhs: number | null = null;
  let looked = 0;
  for (const key in record) {
    // Hundreds of keys a record: look closer only at those with HS in place.
    if (key.charCodeAt(1) !== upperH || key.charCodeAt(2) !== upperS) continue;
    looked += 1;
    if (looked > maxRates) break;
    const rate = rateOf(key);
    if (rate === null) continue;
    const value = toNumber(record[key]);
    if (value === null || value < 0) continue;
    const ghs = times(value, rate.ghs) ?? 0;
    if (rate.seconds === 0) averageGhs = ghs;
    else addWindow(windows, { seconds: rate.seconds, ghs });
  }
  const shortest = windows[0];
  return {
    nowGhs: shortest !== undefined && shortest.seconds <= 60 ? shortest.ghs : null,
    averageGhs,
    windows,
  };
}

type Window = Rates['windows'][number];

/** Keeps the shortest first. Devices write them in order, so that nothing is left to sort. */
function addWindow(windows: Window[], window: Window): void {
  let at = windows.length;
  while (at > 0 && (windows[at - 1]?.seconds ?? 0) > window.seconds) at -= 1;
  if (at === windows.length) windows.push(window);
  else windows.splice(at, 0, window);
}

/**
 * The power of 1000 that brings `value` near `reference`; 1 when it is near already, when nothing
 * fits, or when either is unknown. For two figures that must agree, such as a total and its parts.
 */
export function scaleTo(value: number | null, reference: number | null): number {
  if (value === null || reference === null || value <= 0 || reference <= 0) return 1;
  const ratio = value / reference;
  if (ratio > 0.02 && ratio < 50) return 1;
  return [1e-3, 1e3, 1e-6, 1e6].find((factor) => ratio * factor > 0.5 && ratio * factor < 2) ?? 1;
}

/**
 * The factor by which a device's hashrates are off its nominal one.
 *
 * A rate far above nominal cannot be; one far below may be a dying miner, so that is corrected only
 * when the average since the start is off by the same factor and the miner has run for ten minutes.
 */
export function scaleToNominal(rates: {
  readonly nowGhs: number | null;
  readonly averageGhs: number | null;
  readonly nominalGhs: number | null;
  readonly uptimeS: number | null;
}): number {
  const factor = scaleTo(rates.nowGhs ?? rates.averageGhs, rates.nominalGhs);
  if (factor <= 1) return factor;
  const isSettled = rates.uptimeS !== null && rates.uptimeS >= 600;
  return isSettled && scaleTo(rates.averageGhs, rates.nominalGhs) === factor ? factor : 1;
}

/** `value` times `factor`, a power of 1000, without the noise in the last digit; null stays null. */
export function times(value: number | null, factor: number): number | null {
  if (value === null || factor === 1) return value;
  const product = value * factor;
  // Nine decimals of a figure of this size are all it has, and rounding to them is far cheaper than by text.
  if (product >= 1 && product < 1e6) return Math.round(product * 1e9) / 1e9;
  return Number(product.toPrecision(15));
}

/**
 * The figure that tells of now without jumping: after an hour the 15-minute (else 5-minute) window,
 * since an average from the start hides for days that a board has died; before that the average, as
 * the windows are not full. 0 when every window is.
 */
export function steadyGhs(rates: Rates, uptimeS: number | null): number | null {
  if (rates.windows.length > 0 && rates.windows.every((it) => it.ghs === 0)) return 0;
  const wide = rates.windows.filter((it) => it.seconds >= 300 && it.seconds <= 900).at(-1);
  const isSettled = uptimeS !== null && uptimeS >= 3600;
  return (isSettled ? wide?.ghs : undefined) ?? rates.averageGhs ?? rates.nowGhs;
}

/** How far the shortest window may be from the minute before it is taken for noise, as a share. */
const mostNoise = 0.03;

/**
 * What a machine of unknown make does now: its shortest window; the minute where that strays from it (a
 * 5 s figure jumps with every share found); the average where there are no windows.
 */
export function presentGhs(rates: Rates): number | null {
  const now = rates.nowGhs;
  const minute = rates.windows.find((it) => it.seconds === 60)?.ghs ?? null;
  if (now === null) return rates.averageGhs;
  if (minute === null || minute === 0) return now;
  return Math.abs(now - minute) > mostNoise * minute ? minute : now;
}

/** Adds up the rates of several boards, window by window; windows that one of them lacks are left out. */
export function sumRates(all: readonly Rates[]): Rates {
  const known = (values: readonly (number | null)[]) =>
    values.length > 0 && values.every((value) => value !== null) ? values.reduce((a, b) => a + b, 0) : null;
  const windows = (all[0]?.windows ?? []).flatMap(({ seconds }) => {
    const ghs = known(all.map((rates) => rates.windows.find((it) => it.seconds === seconds)?.ghs ?? null));
    return ghs === null ? [] : [{ seconds, ghs }];
  });
  const shortest = windows[0];
  return {
    nowGhs: shortest !== undefined && shortest.seconds <= 60 ? shortest.ghs : null,
    averageGhs: known(all.map((rates) => rates.averageGhs)),
    windows,
  };
}
