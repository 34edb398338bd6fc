import { remember } from '../remember.js';

/** What is known of a Bitmain machine by its model alone. */
export interface AntminerModel {
  /** Bounds of what such a machine can make at all, any version and any tuning, GH/s. */
  readonly rangeGhs: readonly [number, number];
  /** The one figure it was sold with, GH/s; null where there were several. */
  readonly nominalGhs: number | null;
}

const sha256: readonly (readonly [RegExp, AntminerModel])[] = [
  [/\bS15\b/i, { rangeGhs: [10_000, 40_000], nominalGhs: 28_000 }],
  [/\bT15\b/i, { rangeGhs: [10_000, 40_000], nominalGhs: 23_000 }],
  [/\bT17\b(?!\+)/i, { rangeGhs: [15_000, 60_000], nominalGhs: 40_000 }],
  [/\b[ST]17/i, { rangeGhs: [15_000, 120_000], nominalGhs: null }],
  [/\b[ST](?:19|2\d)/i, { rangeGhs: [30_000, 1_500_000], nominalGhs: null }],
  [/\bS11\b/i, { rangeGhs: [5000, 40_000], nominalGhs: null }],
  [/\b[STRV]9/i, { rangeGhs: [4000, 25_000], nominalGhs: null }],
  [/\bS7/i, { rangeGhs: [1000, 8000], nominalGhs: null }],
];

/**
 * Other coins: firmware writes MH/s under `GHS` for scrypt, X11 and ethash, thousands of solutions for
 * equihash (a solution counts as one hash), single hashes for Tensority (B3).
 */
const others: readonly (readonly [RegExp, AntminerModel])[] = [
  [/\bL3\+(?!\+)/i, { rangeGhs: [0.2, 1], nominalGhs: 0.504 }],
  [/\bL3/i, { rangeGhs: [0.2, 1], nominalGhs: null }],
  [/\bL(?:7|9|11)/i, { rangeGhs: [4, 60], nominalGhs: null }],
  [/volcminer|\bD1\b/i, { rangeGhs: [0.8, 60], nominalGhs: null }],
  [/\bD3\b/i, { rangeGhs: [8, 30], nominalGhs: null }],
  [/\bD[579]\b/i, { rangeGhs: [30, 4000], nominalGhs: null }],
  [/\bE3\b/i, { rangeGhs: [0.1, 0.3], nominalGhs: null }],
  [/\bE(?:9|11)\b/i, { rangeGhs: [0.8, 20], nominalGhs: null }],
  [/\bZ(?:9|1[157])/i, { rangeGhs: [3e-6, 3e-3], nominalGhs: null }],
  [/\bB3\b/i, { rangeGhs: [2e-7, 5e-6], nominalGhs: null }],
  [/\bKS\d/i, { rangeGhs: [3000, 100_000], nominalGhs: null }],
  [/\bKA3\b/i, { rangeGhs: [50_000, 400_000], nominalGhs: null }],
  [/\bK7\b/i, { rangeGhs: [20_000, 150_000], nominalGhs: null }],
  [/\bK5\b/i, { rangeGhs: [400, 3000], nominalGhs: null }],
  [/\bHS3\b/i, { rangeGhs: [3000, 30_000], nominalGhs: null }],
];

/** What is known of a model; null when nothing is. Figures: Bitmain's product pages. */
export function antminerModel(model: string | null): AntminerModel | null {
  return model === null ? null : modelOf(model);
}

const modelOf = remember((model) => [...sha256, ...others].find(([name]) => name.test(model))?.[1] ?? null);

/**
 * The power of 1000 that brings a figure into a model's range; 1 when it is in, near enough to be a
 * dying machine, or when no power fits.
 */
export function scaleToModel(ghs: number | null, model: AntminerModel | null): number {
  if (ghs === null || ghs <= 0 || model === null) return 1;
  const [least, most] = model.rangeGhs;
  if (ghs >= least / 50 && ghs <= most * 4) return 1;
  return [1e-3, 1e3, 1e-6, 1e6, 1e-9].find((by) => ghs * by >= least && ghs * by <= most) ?? 1;
}
