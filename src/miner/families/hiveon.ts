import { bitmainFirmware } from './antminer-family.js';

/** Hiveon on S9 to S19: Bitmain's layout, power as `chain_power` "1089.00 (AB)" (0 to a tenth of it while starting). */
export const hiveon = bitmainFirmware({ name: 'hiveon', firmware: ['Hiveon'] });
