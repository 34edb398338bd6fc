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
  const acceptedShares = toCount(own(summary, 'Accepted')) ?? sumShares(pools, 'accepted');
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
      fans: readFans(stats),
      pools,
      acceptedShares,
      rejectedShares: toCount(own(summary, 'Rejected')) ?? sumShares(pools, 'rejected'),
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

function readFans(stats: JsonObject): FanSample[] {
  const list = own(stats, 'fan');
  if (!Array.isArray(list)) return readNumberedFans(stats);
  return list
    .slice(0, 16)
    .map((rpm, index) => ({ index, rpm: toNumber(isObject(rpm) ? own(rpm, 'rpm', 'speed') : rpm) }));
}
