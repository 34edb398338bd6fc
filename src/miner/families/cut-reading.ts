import type { MinerSample } from '../../domain/telemetry.js';
import type { JsonObject, Replies, Reply } from '../reply.js';
import { mean, row, rows, sum } from './records.js';
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
  if (truncated.every((command) => boardless.has(command)))
    return { ...sample, acceptedShares, rejectedShares };
  const unless = (value: number | null, concluded: number | null): number | null =>
    value === concluded ? null : value;
  const boards = truncated.some((command) => isListCut(replies, command))
    ? sample.boards.map((board, at, all) => (at === all.length - 1 ? { ...board, hashrateGhs: null } : board))
    : sample.boards;
  const summary = truncated.includes('summary') ? row(replies, ['summary'], 'SUMMARY') : null;
  const hashrateGhs =
    summary === null || hasAllRates(summary)
      ? unless(sample.hashrateGhs, sum(sample.boards.map((board) => board.hashrateGhs)))
      : null;
  const hasShortRate = summary === null || ratesOf(summary).nowGhs !== null;
  return {
    ...sample,
    acceptedShares,
    rejectedShares,
    boards,
    hashrateGhs,
    hashrate5sGhs: hasShortRate ? sample.hashrate5sGhs : null,
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

const rateKey = /^(?:[KMGTP]?HS |rate_|Target |Factory )/;

/**
 * Whether a cut record still has all its rates: something else stands behind them. Of several rates one is
 * chosen, and the one that would have been may be what was cut.
 */
function hasAllRates(record: JsonObject): boolean {
  const keys = Object.keys(record);
  const last = keys.findIndex((key) => rateKey.test(key));
  return last !== -1 && keys.slice(last).some((key) => !rateKey.test(key));
}

/** Whether the cut fell among the rates of the last board that `command` lists. */
function isListCut(replies: Replies, command: string): boolean {
  if (command !== 'devs' && command !== 'edevs') return false;
  const last = rows(replies, [command], 'DEVS').at(-1);
  return last !== undefined && !hasAllRates(last);
}
