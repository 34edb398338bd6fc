import type { PowerSource } from '../../domain/telemetry.js';
import { toNumber } from '../numbers.js';
import { positive } from './antminer-chains.js';
import type { AntminerRecords } from './antminer-records.js';
import { own, sum } from './records.js';
import type { JsonObject } from '../reply.js';

/** A machine's power and where the figure comes from. */
export interface PowerReading {
  readonly powerW: number | null;
  readonly powerSource: PowerSource | null;
}

/** No power told. */
export const noPower: PowerReading = { powerW: null, powerSource: null };

const totals = ['power', 'watt', 'Power', 'chain_power', 'total_power'];
const perBoard = ['chain_consumption', 'chain_power'].map((name) =>
  Array.from({ length: 17 }, (_, slot) => `${name}${slot}`),
);

/**
 * Power in Bitmain's layout: `power` or `watt` of `new_api` (the name varies by model on the same
 * firmware), a total as text (`1089.00 (AB)`, `total_power`), or the firmware's estimates per board.
 */
export function readPower({ stats, newStats }: AntminerRecords): PowerReading {
  for (const record of [stats, newStats]) {
    for (const name of totals) {
      const total = wattsOf(record, name);
      if (total !== null) return { powerW: total, powerSource: 'reported' };
    }
  }
  for (const names of perBoard) {
    if (!names.some((name) => stats[name] !== undefined)) continue;
    const total = sum(names.map((name) => wattsOf(stats, name)));
    if (total !== null) return { powerW: total, powerSource: 'estimated' };
  }
  return noPower;
}

function wattsOf(record: JsonObject, name: string): number | null {
  const value = own(record, name);
  return value === undefined ? null : positive(toNumber(value));
}
