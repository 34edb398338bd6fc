import { toNumber } from '../numbers.js';
import { bitmainFirmware } from './antminer-family.js';
import { digObject, webObject } from '../http/web-replies.js';
import { cleanMac } from './model-names.js';
import { own, textOf } from './records.js';

/**
 * MSKMiner, and others built on the same engine (`rwglr`): Bitmain's layout with `total_power` and
 * `chain_powerN` in watts, `chain_voltageN` in volts, `tune_running`, and what the supply says of itself. The MAC
 * is on its page `info_v1` alone, which is read where a capture has it.
 */
export const mskminer = bitmainFirmware({
  name: 'mskminer',
  firmware: ['MSKMiner', 'rwglr'],
  add: ({ stats }, replies) => {
    const isTuning = (toNumber(own(stats, 'tune_running')) ?? 0) > 0;
    const mac = cleanMac(
      textOf(digObject(webObject(replies, 'info_v1'), 'network_info', 'result'), 'macaddr'),
    );
    return {
      ...(mac === null ? {} : { identity: { mac } }),
      state: (shown) => (isTuning && (shown === 'sleeping' || shown === 'stopped') ? 'starting' : shown),
    };
  },
});
