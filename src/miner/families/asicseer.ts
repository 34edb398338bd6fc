import { bitmainFirmware } from './antminer-family.js';

/** asicseer on S9: Bitmain's layout with `voltageN` in hundredths of a volt; `miner_id` is the host name. */
export const asicseer = bitmainFirmware({ name: 'asicseer', firmware: ['asicseer'] });
