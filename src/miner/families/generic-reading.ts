import type {
  DeviceError,
  FanSample,
  MinerIdentity,
  MinerState,
  PowerSource,
} from '../../domain/telemetry.js';
import type { ReadContext } from '../family.js';
import { toCount, toNumber } from '../numbers.js';
import type { JsonObject, Replies } from '../reply.js';
import { readPools, sumShares } from './pools.js';
import { deriveState, emptyReading, finish, startupS, withIdentity, type BoardReading } from './reading.js';
import { descriptions, largest, mean, own, row, rows, sum, textOf } from './records.js';
import { presentGhs, ratesOf, scaleTo, steadyGhs, sumRates, times, type Rates } from './units.js';

/** What a layout tells beside `summary` and `pools`, which all of cgminer's offspring share. */
export interface Layout {
  readonly boards: readonly BoardReading[];
  /** Rates of the boards' records, for machines that tell no total. */
  readonly boardRates?: readonly Rates[];
  readonly fans: readonly FanSample[];
  readonly identity: Partial<MinerIdentity>;
  readonly powerW?: number | null;
  readonly powerSource?: PowerSource;
  readonly nominalGhs?: number | null;
  readonly uptimeS?: number | null;
  /** Its windows count shares, and the short ones jump: the rate is read as an Avalon's. */
  readonly isSteady?: boolean;
  readonly temperatureAvgC?: number | null;
  readonly deviceErrors?: readonly DeviceError[];
  /** What the machine says it is doing; it counts only while the machine does not hash. */
  readonly idleState?: MinerState | null;
}

/** The reading of a machine with cgminer's `summary` and `pools`; the rest comes from its layout. */
export function readLayout(family: string, layout: Layout, replies: Replies, context: ReadContext) {
  const summary = row(replies, ['summary'], 'SUMMARY');
  const unit = isEquihash(replies) ? ghsPerSolution : 1;
  const told = scaled(ratesOf(summary), unit);
  const boardRates = (layout.boardRates ?? []).filter((it) => presentGhs(it) !== null);
  const boardSum = sum(layout.boards.map((board) => board.hashrateGhs));
  const uptimeS = toNumber(own(summary, 'Elapsed', 'elapsed')) ?? layout.uptimeS ?? null;
  const headline = layout.isSteady === true ? steadyGhs(told, uptimeS) : presentGhs(told);
  const hashrateGhs = headline ?? times(presentGhs(sumRates(boardRates)) ?? boardSum, unit);
  const boards = fitBoards(layout.boards, boardSum, hashrateGhs, unit);
  const pools = readPools(replies);
  const shares = (name: 'Accepted' | 'Rejected') =>
    toCount(own(summary, name)) ??
    sumShares(pools, name === 'Accepted' ? 'accepted' : 'rejected') ??
    sum(rows(replies, ['devs', 'edevs'], 'DEVS').map((device) => toCount(own(device, name))));
  const acceptedShares = shares('Accepted');
  const nominalGhs = layout.nominalGhs ?? sum(layout.boards.map((board) => board.nominalGhs));
  const isIdle = hashrateGhs === null || hashrateGhs === 0;
  return finish(
    {
      ...emptyReading,
      family,
      identity: withIdentity(layout.identity, context),
      hashrateGhs,
      hashrate5sGhs: told.nowGhs ?? times(sumRates(boardRates).nowGhs, unit),
      hashrateExpectedGhs: nominalGhs,
      nominalSource: nominalGhs === null ? null : 'device',
      temperatureAvgC: layout.temperatureAvgC ?? null,
      boards: boards.list,
      fans: layout.fans,
      pools,
      acceptedShares,
      rejectedShares: shares('Rejected'),
      hardwareErrors:
        toCount(own(summary, 'Hardware Errors')) ?? sum(boards.list.map((board) => board.hardwareErrors)),
      frequencyAvgMhz: mean(boards.list.map((board) => board.frequencyMhz)),
      uptimeS,
      powerW: layout.powerW ?? null,
      powerSource: layout.powerSource ?? 'reported',
      deviceErrors: layout.deviceErrors ?? [],
      repairs: boards.isScaled || unit !== 1 ? [{ command: 'summary', kind: 'unit_scale', count: 1 }] : [],
      state: deriveState({
        told: isIdle ? (layout.idleState ?? idleState(replies, uptimeS)) : null,
        hashrateGhs,
        averageGhs: told.averageGhs,
        acceptedShares,
        uptimeS,
        neverHashed: 'stopped',
      }),
    },
    replies,
    context,
  );
}

/**
 * Equihash machines write solutions a second under `MHS`. One counts as one hash, as pools count them:
 * 50 kSol/s are 0.00005 GH/s, not 50.
 */
const ghsPerSolution = 1e-6;

function isEquihash(replies: Replies): boolean {
  if (/innominer a9/i.test(descriptions(replies))) return true;
  const pools = rows(replies, ['pools'], 'POOLS').slice(0, 32);
  const active = pools.find((it) => own(it, 'Stratum Active') === true) ?? pools[0] ?? {};
  if (/equihash|zhash|beamhash/i.test(textOf(active, 'Algorithm', 'Algorithm Type') ?? '')) return true;
  // Innosilicon's A9 under cgminer's own name: its chains, and a pool of such a coin.
  const hasA9Chains = rows(replies, ['stats'], 'STATS').some((it) => /^HLT\d/.test(textOf(it, 'ID') ?? ''));
  return hasA9Chains && pools.some((it) => equihashPool.test(textOf(it, 'URL') ?? ''));
}

const equihashPool = /equihash|zhash|zcash|flypool|\b(?:zec|zcl|zen|btg|komodo|kmd)\b/i;

function scaled(rates: Rates, factor: number): Rates {
  if (factor === 1) return rates;
  return {
    nowGhs: times(rates.nowGhs, factor),
    averageGhs: times(rates.averageGhs, factor),
    windows: rates.windows.map((it) => ({ ...it, ghs: times(it.ghs, factor) ?? 0 })),
  };
}

/** Boards must add up to the total: a thousandfold off is put right; anything else twice too much is no rate. */
function fitBoards(
  boards: readonly BoardReading[],
  total: number | null,
  hashrateGhs: number | null,
  unit: number,
) {
  const boardSum = times(total, unit);
  const factor = scaleTo(boardSum, hashrateGhs);
  const ratio = ((boardSum ?? 0) * factor) / (hashrateGhs ?? 0);
  const isNonsense = hashrateGhs !== null && hashrateGhs > 0 && ratio > 2;
  const list = boards.map((board) => ({
    ...board,
    hashrateGhs: isNonsense ? null : times(times(board.hashrateGhs, unit), factor),
  }));
  return { list, isScaled: factor !== 1 || isNonsense };
}

/** cgminer's own words for boards that are not there, not yet ready, or switched off. */
function idleState(replies: Replies, uptimeS: number | null): MinerState | null {
  const listed = ['devs', 'edevs']
    .map((command) => replies.get(command))
    .find((reply) => reply !== undefined);
  if (listed?.kind === 'device_error' && listed.code === noDevices)
    return uptimeS !== null && uptimeS < startupS ? 'starting' : 'no_boards';
  const devices = rows(replies, ['devs', 'edevs'], 'DEVS');
  if (devices.length === 0) return null;
  const every = (test: (device: JsonObject) => boolean) => devices.every(test);
  if (every((it) => /^(?:N|false)$/i.test(textOf(it, 'Enabled') ?? ''))) return 'sleeping';
  if (every((it) => /^init|^nostart|^no start/i.test(textOf(it, 'Status') ?? ''))) return 'starting';
  return null;
}

/** "No ASCs", "No devs". */
const noDevices = 10;

/** Uptime by the records of boards. */
export function deviceUptimeS(devices: readonly JsonObject[]): number | null {
  return largest(devices.map((it) => toNumber(own(it, 'Device Elapsed', 'Elapsed'))));
}
