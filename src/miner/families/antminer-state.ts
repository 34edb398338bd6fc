import type { DeviceError, MinerState } from '../../domain/telemetry.js';
import { toNumber, toText } from '../numbers.js';
import { isObject } from '../reply-status.js';
import type { JsonObject } from '../reply.js';
import type { AntminerRates } from './antminer-rates.js';
import type { AntminerRecords } from './antminer-records.js';
import { deriveState } from './reading.js';
import { own, textOf } from './records.js';

/** Work mode of a stock machine that was told to sleep. */
const sleepMode = 254;
const overheat = /over[-_ ]?(?:heat|temp)|temp\w*[ _-]*(?:too high|protect|limit)|too hot/i;

/** True for a text that tells of a shutdown for heat. */
export function isOverheat(text: string | null): boolean {
  return text !== null && overheat.test(text);
}

/**
 * What the machine says of itself in words: null where it says nothing, or hashes in spite of it.
 * VNish and MSKMiner write `state`; a machine whose `state` is stopped was told to stop, for a fault
 * VNish writes `failure`.
 */
function toldState(records: AntminerRecords, errors: readonly DeviceError[]): MinerState | null {
  const { stats } = records;
  const state = textOf(stats, 'state', 'miner_state', 'status') ?? '';
  if (isOverheat(state) || errors.some((it) => isOverheat(it.text) || /^temp\b/i.test(it.code)))
    return 'overheated';
  if (/^(?:auto-?tuning|tuning|initiali[sz]ing|initing|starting|restarting|warming|warm-?up)$/i.test(state))
    return 'starting';
  if (/^(?:pause|paused|sleep|sleeping|curtailed|idle|shutting-down|stop|stopped)$/i.test(state))
    return 'sleeping';
  return /^(?:failure|failed|error|fault)$/i.test(state) ? 'stopped' : null;
}

/** The machine's state, from its words, its mode and its figures. */
export function antminerState(
  records: AntminerRecords,
  rates: AntminerRates,
  errors: readonly DeviceError[],
  acceptedShares: number | null,
): MinerState {
  const { stats } = records;
  const mode = toNumber(own(stats, 'Mode'));
  const isHashing = (rates.nowGhs ?? 0) > 0;
  const told = mode === sleepMode ? 'sleeping' : isHashing ? null : toldState(records, errors);
  const hasChips = rates.boards.some((board) => (board.chipsTotal ?? board.chipsOk ?? 0) > 0);
  const isSettled = rates.uptimeS === null || rates.uptimeS >= 600;
  // Without a chip there is nothing to stop: whatever it did before, its boards are gone.
  if (told === null && rates.nowGhs === 0 && isSettled && hasSlots(stats) && rates.boards.length === 0)
    return mode === 1 ? 'sleeping' : 'no_boards';
  return deriveState({
    told,
    hashrateGhs: rates.nowGhs,
    averageGhs: rates.averageGhs,
    acceptedShares,
    uptimeS: rates.uptimeS,
    // A machine told to sleep restarts its miner, keeps its chips, and never hashes.
    neverHashed: hasChips ? 'sleeping' : 'stopped',
  });
}

/** True when the reply came as far as telling of boards. */
function hasSlots(stats: JsonObject): boolean {
  return (
    own(stats, 'miner_count', 'chain_num') !== undefined ||
    own(stats, 'chain_acn1', 'chain_rate1') !== undefined ||
    Array.isArray(own(stats, 'chain'))
  );
}

const faultKeys = Array.from({ length: 17 }, (_, slot) => `chain_fault${slot}`);

/**
 * Faults a machine names: `status` of `new_api` (`s` is good), `chain_faultN` of VNish, `psu_status` of those
 * built on rwglr's engine (MSKMiner, Hiveon).
 */
export function antminerErrors({ stats, newStats, summary }: AntminerRecords): DeviceError[] {
  const errors: DeviceError[] = [];
  for (const record of [summary, stats, newStats]) {
    const list = own(record, 'status');
    for (const entry of (Array.isArray(list) ? list : []).slice(0, 16)) {
      if (!isObject(entry) || !/^[ewf]/i.test(textOf(entry, 'status') ?? '')) continue;
      const type = textOf(entry, 'type') ?? 'status';
      errors.push({
        code: `${type} ${textOf(entry, 'code') ?? ''}`.trim(),
        text: textOf(entry, 'msg') ?? type,
      });
    }
  }
  for (const [slot, key] of faultKeys.entries()) {
    const fault = stats[key];
    const text = fault === undefined ? null : toText(fault);
    if (text !== null && text !== '0') errors.push({ code: `chain${slot}`, text: text.slice(0, 256) });
  }
  const supply = textOf(stats, 'psu_status');
  if (supply !== null && !/ok|normal/i.test(supply)) errors.push({ code: 'psu', text: supply });
  return errors;
}
