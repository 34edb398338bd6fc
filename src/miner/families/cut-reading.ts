import type { MinerSample } from '../../domain/telemetry.js';
import type { Replies, Reply } from '../reply.js';
import { mean, sum } from './records.js';

/** What a family was told itself, as against what followed from boards. */
interface Told {
  readonly temperatureAvgC: number | null;
  readonly temperatureMinC: number | null;
  /** Boards the model should have, when known. */
  readonly boardsExpected: number | null;
}

/** Commands whose replies tell nothing of boards, whatever they lose. */
const boardless: ReadonlySet<string> = new Set([
  'pools',
  'version',
  'config',
  'coin',
  'devdetails',
  'get_version',
  'get_psu',
  'get_miner_info',
  'get_error_code',
  'status',
  'power',
]);

/** Commands whose replies were cut, or were behind the cut of a joined one. */
export function truncatedOf(replies: Replies): string[] {
  const truncated: string[] = [];
  for (const reply of replies.values()) if (isCut(reply)) truncated.push(reply.command);
  return truncated;
}

function isCut(reply: Reply): boolean {
  if (reply.kind === 'ok') return reply.isTruncated;
  if (reply.kind === 'unreadable') return reply.errorClass === 'truncated';
  return reply.kind === 'device_error' && reply.repairs.some((repair) => repair.kind === 'unterminated');
}

/**
 * A sample of replies that were cut, without what was concluded from lists that may have lost entries:
 * the hottest of two boards is not the hottest of three, nor is their sum the machine's. A fan at 0 may be
 * an empty slot whose turning neighbours are gone.
 */
export function withoutGuesses(sample: MinerSample, told: Told): MinerSample {
  const { boards, pools } = sample;
  const own = pools.filter((pool) => !pool.isDevFee);
  const isFromPools = (value: number | null, kind: 'accepted' | 'rejected'): boolean =>
    sample.truncated.includes('pools') && value === sum(own.map((pool) => pool[kind]));
  const acceptedShares = isFromPools(sample.acceptedShares, 'accepted') ? null : sample.acceptedShares;
  const rejectedShares = isFromPools(sample.rejectedShares, 'rejected') ? null : sample.rejectedShares;
  if (sample.truncated.every((command) => boardless.has(command)))
    return { ...sample, acceptedShares, rejectedShares };
  const unless = (value: number | null, concluded: number | null): number | null =>
    value === concluded ? null : value;
  // The average since the start stands in for the present rate only where there is none.
  const isPresent = sample.hashrate5sGhs !== null;
  const hashrateGhs = isPresent
    ? unless(sample.hashrateGhs, sum(boards.map((board) => board.hashrateGhs)))
    : null;
  return {
    ...sample,
    acceptedShares,
    rejectedShares,
    hashrateGhs,
    efficiencyJPerTh: hashrateGhs === null ? null : sample.efficiencyJPerTh,
    temperatureAvgC: told.temperatureAvgC,
    temperatureMinC: told.temperatureMinC,
    temperatureMaxC: null,
    frequencyAvgMhz: unless(sample.frequencyAvgMhz, mean(boards.map((board) => board.frequencyMhz))),
    hardwareErrors: unless(sample.hardwareErrors, sum(boards.map((board) => board.hardwareErrors))),
    fans: sample.fans.filter((fan) => fan.rpm !== 0),
    boardsTotal: told.boardsExpected,
    boardsHealthy: null,
  };
}
