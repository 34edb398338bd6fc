import type { z } from 'zod';
import type { clusterAnswer } from '../../../../src/api/contract/cluster-schemas.js';
import { number, UNKNOWN } from '../format.js';

/** The state of the cluster, as the api tells it. */
export type Cluster = z.infer<typeof clusterAnswer>['data'];

/** Bytes in the largest unit that leaves at least 1 of it. */
export function bytes(count: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  const at = count < 1 ? 0 : Math.min(units.length - 1, Math.floor(Math.log10(count) / 3));
  return `${number(count / 1000 ** at, at === 0 ? 0 : 1)} ${units[at]}`;
}

/** A share of 1 in whole percent. */
export const share = (value: number | null): string =>
  value === null ? UNKNOWN : `${number(value * 100)} %`;
