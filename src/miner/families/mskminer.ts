import { toNumber } from '../numbers.js';
import { bitmainFirmware } from './antminer-family.js';
import { own } from './records.js';

/**
 * MSKMiner, and others built on the same engine (`rwglr`): Bitmain's layout with `total_power` and
 * `chain_powerN` in watts, `chain_voltageN` in volts, `tune_running`, and what the supply says of itself.
 */
export const mskminer = bitmainFirmware({
  name: 'mskminer',
  firmware: ['MSKMiner', 'rwglr'],
  add: ({ stats }) => {
    const isTuning = (toNumber(own(stats, 'tune_running')) ?? 0) > 0;
    return {
      state: (shown) => (isTuning && (shown === 'sleeping' || shown === 'stopped') ? 'starting' : shown),
    };
  },
});
