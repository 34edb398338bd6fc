import { bitmainFirmware } from './antminer-family.js';
import { textOf } from './records.js';

/**
 * VNish (AnthillOS) on S9 to S21, which names itself in `Type`; newer ones refuse `version` and put the
 * version under `Cgminer`. Bitmain's layout with `state`, `chain_stateN`, `chain_faultN`, `chain_volN`
 * (mV; hundredths of a volt on the S9) and an estimate of power per board, `chain_consumptionN`.
 */
export const vnish = bitmainFirmware({
  name: 'vnish',
  firmware: ['VNish'],
  add: ({ stats, head }) => {
    const version = textOf(stats, 'build_version');
    const inType = /vnish *v?\d/i.test(textOf(head, 'Type') ?? '');
    return version === null || inType ? {} : { identity: { firmwareVersion: version } };
  },
});
