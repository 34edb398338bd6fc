import { lookBackS } from '../../src/storage/rollups.js';

/** A row of the history as the oracle reads it: `t` s since the epoch, `m` the miner. */
export interface OracleSample {
  readonly m: number;
  readonly t: number;
  readonly state: string;
  readonly hashrate_ghs: number | null;
  readonly hashrate_expected_ghs: number | null;
  readonly temperature_avg: number | null;
  readonly temperature_max: number | null;
  readonly power_w: number | null;
  readonly accepted_shares: number | null;
  readonly rejected_shares: number | null;
  readonly hardware_errors: number | null;
}

export const oracleSamples = `select h.miner_id as m, extract(epoch from h.time)::float8 as t, h.state::text as state,
  h.hashrate_ghs, h.hashrate_expected_ghs, h.temperature_avg, h.temperature_max, h.power_w,
  h.accepted_shares::float8, h.rejected_shares::float8, h.hardware_errors::float8
  from miner_telemetry_history h join miners m using (miner_id) where m.site_id = `;

type Sums = Record<string, number | null>;

/** From when on slots are how far apart, s; the first holds for all that is before. */
export type ToldIntervals = readonly { readonly sinceS: number; readonly intervalS: number }[];

/** Both rollups of one site from all its samples, the plain way: `bucket` → values, `bucket miner` → values. */
export function expectedRollups(
  samples: readonly OracleSample[],
  told: number | null | ToldIntervals,
): { site: Map<string, Sums>; miners: Map<string, Sums> } {
  const intervals = typeof told === 'number' ? [{ sinceS: -Infinity, intervalS: told }] : (told ?? []);
  const byMiner = groupBy(samples, (sample) => sample.m);
  const site = new Map<string, Sums[]>();
  const miners = new Map<string, Sums>();
  for (const [miner, unsorted] of byMiner) {
    const rows = [...unsorted].sort((a, b) => a.t - b.t);
    for (const widthS of [300, 3_600]) {
      const buckets = groupBy(rows.keys(), (at) => Math.floor((rows[at]?.t ?? 0) / widthS) * widthS);
      for (const [bucket, at] of buckets) {
        const sums = minerSums(rows, at, intervals, { fromS: bucket, widthS });
        if (widthS === 3_600) miners.set(`${bucket} ${miner}`, sums);
        else site.set(String(bucket), [...(site.get(String(bucket)) ?? []), sums]);
      }
    }
  }
  return { site: new Map([...site].map(([bucket, parts]) => [bucket, siteSums(parts)])), miners };
}

const counters = ['accepted', 'rejected', 'hardware_errors'] as const;
const columnOf = {
  accepted: 'accepted_shares',
  rejected: 'rejected_shares',
  hardware_errors: 'hardware_errors',
} as const;

/** The interval in force at a time. */
function inForce(told: ToldIntervals, atS: number): number | null {
  return (told.findLast(({ sinceS }) => sinceS <= atS) ?? told[0])?.intervalS ?? null;
}

/** Slots due in a range, second by second. */
export function slotsDue(told: ToldIntervals, fromS: number, toS: number): number | null {
  if (told.length === 0) return null;
  let slots = 0;
  for (let second = fromS; second < toS; second++) slots += 1 / (inForce(told, second) ?? NaN);
  return slots;
}

function minerSums(
  rows: readonly OracleSample[],
  at: readonly number[],
  told: ToldIntervals,
  { fromS, widthS }: { readonly fromS: number; readonly widthS: number },
): Sums {
  const here = at.map((index) => rows[index]).filter((row) => row !== undefined);
  const gaps = at.map((index) => gapOf(rows, index));
  const known = gaps.filter((gap) => gap !== null).sort((a, b) => a - b);
  const slots = slotsDue(told, fromS, fromS + widthS);
  const median = known[Math.ceil(known.length / 2) - 1] ?? null;
  const intervalS = slots === null ? median : widthS / slots;
  const sums: Sums = {
    samples: here.length,
    online_samples: here.filter((row) => row.state !== 'u').length,
    hashing_samples: here.filter((row) => row.state === 'm').length,
    interval_s: intervalS,
    expected_samples: intervalS === null ? null : widthS / intervalS,
    hashrate_samples: values(here, 'hashrate_ghs').length,
    hashrate_ghs_sum: total(values(here, 'hashrate_ghs')),
    hashrate_ghs_min: least(values(here, 'hashrate_ghs')),
    hashrate_ghs_max: greatest(values(here, 'hashrate_ghs')),
    nominal_samples: values(here, 'hashrate_expected_ghs').length,
    nominal_ghs_sum: total(values(here, 'hashrate_expected_ghs')),
    temperature_samples: values(here, 'temperature_avg').length,
    temperature_avg_sum: total(values(here, 'temperature_avg')),
    temperature_max: greatest(
      here.map((row) => row.temperature_max ?? row.temperature_avg).filter((v) => v !== null),
    ),
    power_samples: values(here, 'power_w').length,
    power_w_sum: total(values(here, 'power_w')),
    energy_kwh: total(
      here.flatMap((row, n) => {
        const coverS = Math.min(
          gaps[n] ?? Infinity,
          (slots === null ? median : inForce(told, row.t)) ?? Infinity,
        );
        return row.power_w === null || coverS === Infinity ? [] : [(row.power_w * coverS) / 3.6e6];
      }),
    ),
  };
  for (const counter of counters)
    sums[`${counter}_delta`] = total(at.flatMap((index) => deltaOf(rows, index, columnOf[counter])));
  return sums;
}

function siteSums(parts: readonly Sums[]): Sums {
  const column = (name: string): number[] =>
    parts.map((part) => part[name] ?? null).filter((v) => v !== null);
  const mean = (name: string, count: string): number[] =>
    parts.flatMap((part) => (part[count] ? [(part[name] ?? 0) / part[count]] : []));
  const sums: Sums = {
    miners: parts.length,
    online_miners: parts.filter((part) => part['online_samples'] !== 0).length,
    hashing_miners: parts.filter((part) => part['hashing_samples'] !== 0).length,
    online_avg: total(mean('online_samples', 'samples')),
    hashing_avg: total(mean('hashing_samples', 'samples')),
    hashrate_ghs: total(mean('hashrate_ghs_sum', 'hashrate_samples')),
    nominal_ghs: total(mean('nominal_ghs_sum', 'nominal_samples')),
    power_w: total(mean('power_w_sum', 'power_samples')),
    hashrate_ghs_min: least(column('hashrate_ghs_min')),
    hashrate_ghs_max: greatest(column('hashrate_ghs_max')),
    temperature_max: greatest(column('temperature_max')),
  };
  for (const name of [
    'samples',
    'expected_samples',
    'online_samples',
    'hashing_samples',
    'hashrate_samples',
    'hashrate_ghs_sum',
    'nominal_samples',
    'nominal_ghs_sum',
    'temperature_samples',
    'temperature_avg_sum',
    'power_samples',
    'power_w_sum',
    'energy_kwh',
    'accepted_delta',
    'rejected_delta',
    'hardware_errors_delta',
  ])
    sums[name] = total(column(name));
  return sums;
}

function gapOf(rows: readonly OracleSample[], index: number): number | null {
  const gap = (rows[index]?.t ?? 0) - (rows[index - 1]?.t ?? -Infinity);
  return gap <= lookBackS ? gap : null;
}

function deltaOf(
  rows: readonly OracleSample[],
  index: number,
  column: (typeof columnOf)[keyof typeof columnOf],
): number[] {
  const row = rows[index];
  const value = row?.[column] ?? null;
  if (row === undefined || value === null) return [];
  const before = rows
    .slice(0, index)
    .findLast((other) => other[column] !== null && row.t - other.t <= lookBackS)?.[column];
  if (before === undefined || before === null) return [];
  return [value < before ? value : value - before];
}

const values = (rows: readonly OracleSample[], column: keyof OracleSample): number[] =>
  rows.map((row) => row[column]).filter((value) => typeof value === 'number');
const total = (list: readonly number[]): number | null =>
  list.length === 0 ? null : list.reduce((a, b) => a + b, 0);
const least = (list: readonly number[]): number | null => (list.length === 0 ? null : Math.min(...list));
const greatest = (list: readonly number[]): number | null => (list.length === 0 ? null : Math.max(...list));

/** Items by what `keyOf` says of each, in the order they came. */
export function groupBy<T, K>(items: Iterable<T>, keyOf: (item: T) => K): Map<K, T[]> {
  const groups = new Map<K, T[]>();
  for (const item of items) {
    const key = keyOf(item);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [item]);
    else group.push(item);
  }
  return groups;
}
