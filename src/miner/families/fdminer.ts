import type { MinerState } from '../../domain/telemetry.js';
import { toNumber } from '../numbers.js';
import type { JsonObject } from '../reply.js';
import { bitmainFirmware } from './antminer-family.js';
import { noPower, type PowerReading } from './antminer-power.js';
import { isOverheat } from './antminer-state.js';
import { own, row, textOf } from './records.js';

/**
 * Foundry's FDMiner (`BCFMiner`) on S19 controllers: Bitmain's layout with TH/s in `chain_rateN` and
 * `total rate`, `DEVS` as an object with an empty key. Power (kW) and state stand in `prodata` alone.
 */
export const fdminer = bitmainFirmware({
  name: 'fdminer',
  firmware: ['FDMiner'],
  commands: ['summary', 'stats', 'pools', 'prodata'],
  add: (_records, replies) => {
    const data = row(replies, ['prodata'], 'PROData');
    const told = stateOf(textOf(data, 'Miner Status') ?? '');
    return {
      power: powerOf(data),
      state: (shown) => (shown === 'mining' ? shown : (told ?? shown)),
    };
  },
});

function powerOf(data: JsonObject): PowerReading {
  const told = toNumber(own(data, 'Power'));
  if (told === null || told <= 0) return noPower;
  return { powerW: told < 50 ? Math.round(told * 1000) : told, powerSource: 'reported' };
}

function stateOf(status: string): MinerState | null {
  if (isOverheat(status)) return 'overheated';
  if (/^(?:sleep|curtail|idle|pause)/i.test(status)) return 'sleeping';
  if (/^(?:start|init|tun|warm|boot)/i.test(status)) return 'starting';
  return /^(?:stop|fail|error|fault)/i.test(status) ? 'stopped' : null;
}
