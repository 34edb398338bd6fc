import type { BoardSample, MinerSample } from '../../domain/telemetry.js';
import type { Replies, Reply } from '../reply.js';
import { mean, row, sum } from './records.js';
import { ratesOf } from './units.js';

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
  'fans',
  'summary',
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
export function withoutGuesses(sample: MinerSample, told: Told, replies: Replies): MinerSample {
  const { pools, truncated } = sample;
  const own = pools.filter((pool) => !pool.isDevFee);
  const isFromPools = (value: number | null, kind: 'accepted' | 'rejected'): boolean =>
    truncated.includes('pools') && value === sum(own.map((pool) => pool[kind]));
  const acceptedShares = isFromPools(sample.acceptedShares, 'accepted') ? null : sample.acceptedShares;
  const rejectedShares = isFromPools(sample.rejectedShares, 'rejected') ? null : sample.rejectedShares;
  const fans = sample.fans.filter((fan) => fan.rpm !== null && fan.rpm > 0);
  if (truncated.every((command) => command !== 'summary' && boardless.has(command)))
    return {
      ...sample,
      acceptedShares,
      rejectedShares,
      fans,
      // Braiins tells there how many boards there are.
      boardsTotal: truncated.includes('devdetails') ? null : sample.boardsTotal,
    };
  const unless = (value: number | null, concluded: number | null): number | null =>
    value === concluded ? null : value;
  const summary = truncated.includes('summary') ? row(replies, ['summary'], 'SUMMARY') : null;
  const hashrateGhs = unless(sample.hashrateGhs, sum(sample.boards.map((board) => board.hashrateGhs)));
  const hasUnits = summary === null || Object.keys(summary).some((key) => rateKey.test(key));
  const isOfTotal = ratesOf(row(replies, ['summary'], 'SUMMARY')).nowGhs !== null;
  const hasShortRate = isOfTotal || (summary === null && !isListCut(truncated));
  const nominalGhs = unless(sample.hashrateExpectedGhs, sum(sample.boards.map((board) => board.nominalGhs)));
  const boards = soundBoards(sample, hashrateGhs, hasUnits);
  return {
    ...sample,
    acceptedShares,
    rejectedShares,
    boards,
    hashrateGhs,
    hashrate5sGhs: hasShortRate ? sample.hashrate5sGhs : null,
    hashrateExpectedGhs: nominalGhs,
    nominalSource: nominalGhs === null ? null : sample.nominalSource,
    efficiencyJPerTh: hashrateGhs === null ? null : sample.efficiencyJPerTh,
    temperatureAvgC: told.temperatureAvgC,
    temperatureMinC: told.temperatureMinC,
    temperatureMaxC: null,
    frequencyAvgMhz: unless(sample.frequencyAvgMhz, mean(sample.boards.map((board) => board.frequencyMhz))),
    hardwareErrors: unless(sample.hardwareErrors, sum(sample.boards.map((board) => board.hardwareErrors))),
    fans,
    boardsTotal: isListCut(truncated) ? null : told.boardsExpected,
    boardsHealthy: null,
  };
}

/** Keys of a total by which the boards' rates are measured. */
const rateKey = /^(?:[KMGTP]?HS |rate_)/;

/**
 * Boards of which nothing is told but what was read for certain. In a list the last one is half told. In
 * Bitmain's columns the maps that count chips, or the hottest sensor, may stand in what is gone. Without
 * the total a board's unit is not sure.
 */
function soundBoards(sample: MinerSample, totalGhs: number | null, hasUnits: boolean): BoardSample[] {
  const isColumns = sample.truncated.some((command) => columns.has(command));
  const whole = isListCut(sample.truncated) ? sample.boards.slice(0, -1) : sample.boards;
  return whole.map((board) => ({
    ...board,
    hashrateGhs: hasUnits && isShare(board.hashrateGhs, totalGhs) ? board.hashrateGhs : null,
    ...(isColumns ? { boardTempC: null, chipTempC: null } : {}),
    chipsOk: isColumns && board.chipMap === null ? null : board.chipsOk,
  }));
}

/** Replies that tell of all boards side by side. */
const columns: ReadonlySet<string> = new Set(['stats', 'estats', 'stats_new_api', 'http_stats']);

/** Whether a board's rate can be a part of the total in the same unit; true where either is unknown. */
function isShare(ghs: number | null, totalGhs: number | null): boolean {
  if (ghs === null || totalGhs === null || totalGhs === 0 || ghs === 0) return true;
  return ghs / totalGhs > 0.002 && ghs / totalGhs < 2;
}

/** Whether a reply was cut that lists boards, or may. */
function isListCut(truncated: readonly string[]): boolean {
  return truncated.some((command) => !columns.has(command) && !boardless.has(command));
}
