import type {
  DeviceError,
  FanSample,
  MinerIdentity,
  MinerSample,
  MinerState,
} from '../../domain/telemetry.js';
import type { ReadContext } from '../family.js';
import { toCount, toNumber } from '../numbers.js';
import { isObject } from '../reply-status.js';
import type { JsonObject, Replies } from '../reply.js';
import { megahertz } from './antminer-chains.js';
import { antminerIdentity } from './antminer-identity.js';
import { readPower, type PowerReading } from './antminer-power.js';
import { readRates, type AntminerRates } from './antminer-rates.js';
import { antminerRecords, type AntminerRecords } from './antminer-records.js';
import { antminerErrors, antminerState } from './antminer-state.js';
import { readNumberedFans } from './fans.js';
import { antminerBoards } from './model-names.js';
import { readPools, sumShares } from './pools.js';
import { emptyReading, finish, withIdentity, type BoardReading } from './reading.js';
import { mean, own, sum } from './records.js';

/** What a firmware in Bitmain's layout tells besides, or otherwise. Each falls back to the layout. */
export interface Additions {
  readonly identity?: Partial<MinerIdentity>;
  readonly boards?: (boards: readonly BoardReading[], rates: AntminerRates) => readonly BoardReading[];
  readonly power?: PowerReading;
  readonly errors?: readonly DeviceError[];
  /** The state it tells of itself, given the one the layout shows. */
  readonly state?: (shown: MinerState) => MinerState;
}

/** Reads a machine whose `stats` are laid out as Bitmain's firmware does. Never throws. */
export function readAntminer(
  family: string,
  replies: Replies,
  context: ReadContext,
  add: (records: AntminerRecords) => Additions = () => ({}),
): MinerSample {
  const records = antminerRecords(replies);
  const { stats, summary } = records;
  const more = add(records);
  const identity = withIdentity({ ...antminerIdentity(replies, records), ...more.identity }, context);
  const rates = readRates(replies, records, identity.model);
  const boards = more.boards?.(rates.boards, rates) ?? rates.boards;
  const pools = readPools(replies);
  const acceptedShares = sharesOf(summary, 'Accepted') ?? sumShares(pools, 'accepted');
  const deviceErrors = [...antminerErrors(records), ...(more.errors ?? [])].slice(0, 32);
  const shown = antminerState(records, rates, deviceErrors, acceptedShares);
  return finish(
    {
      ...emptyReading,
      family,
      identity,
      hashrateGhs: rates.nowGhs,
      hashrate5sGhs: rates.shortGhs,
      hashrateExpectedGhs: rates.nominalGhs,
      nominalSource: rates.nominalSource,
      boards,
      boardsExpected: antminerBoards(identity.model),
      fans: readFans(stats, identity.model),
      pools,
      acceptedShares,
      rejectedShares: sharesOf(summary, 'Rejected') ?? sumShares(pools, 'rejected'),
      hardwareErrors: hardwareErrors(records, boards),
      uptimeS: rates.uptimeS,
      frequencyAvgMhz: frequency(stats, boards),
      ...powerOf(more.power, records),
      deviceErrors,
      repairs: rates.isScaled ? [{ command: 'stats', kind: 'unit_scale', count: 1 }] : [],
      state: more.state?.(shown) ?? shown,
    },
    replies,
    context,
  );
}

/**
 * Shares as `summary` counts them. ccminer (Blackminer, Hammer) writes one and the same text, `" 12.0000"`,
 * for accepted and rejected: its pools alone count.
 */
function sharesOf(summary: JsonObject, name: 'Accepted' | 'Rejected'): number | null {
  const value = own(summary, name);
  const isOneText = value === own(summary, 'Accepted') && value === own(summary, 'Rejected');
  return isOneText && typeof value === 'string' && /\.\d{4}$/.test(value) ? null : toCount(value);
}

function powerOf(told: PowerReading | undefined, records: AntminerRecords): PowerReading {
  return told === undefined || told.powerW === null ? readPower(records) : told;
}

function hardwareErrors({ stats, summary }: AntminerRecords, boards: readonly BoardReading[]): number | null {
  return (
    toCount(own(summary, 'Hardware Errors', 'hw_all')) ??
    toCount(own(stats, 'no_matching_work')) ??
    sum(boards.map((board) => board.hardwareErrors))
  );
}

function frequency(stats: JsonObject, boards: readonly BoardReading[]): number | null {
  return (
    megahertz(toNumber(own(stats, 'total_freqavg'))) ??
    mean(boards.map((board) => board.frequencyMhz)) ??
    megahertz(toNumber(own(stats, 'frequency')))
  );
}

/** A machine cooled by water or oil has no fans, whatever `fan_num` says. */
function readFans(stats: JsonObject, model: string | null): FanSample[] {
  const list = own(stats, 'fan');
  const fans = Array.isArray(list)
    ? list
        .slice(0, 16)
        .map((rpm, index) => ({ index, rpm: toNumber(isObject(rpm) ? own(rpm, 'rpm', 'speed') : rpm) }))
    : readNumberedFans(stats);
  return /\b(?:hyd|imm)/i.test(model ?? '') ? fans.filter((fan) => fan.rpm !== 0) : fans;
}
