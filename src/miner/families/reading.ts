import { boardHealth, minerHealth, type HealthFacts } from '../../domain/health.js';
import type {
  BoardSample,
  Health,
  MinerIdentity,
  MinerSample,
  MinerState,
  Repair,
} from '../../domain/telemetry.js';
import { emptySample } from '../../domain/wire.js';
import type { ReadContext } from '../family.js';
import type { Replies, Reply } from '../reply.js';
import { truncatedOf } from './cut-reading.js';
import { largest, mean, sum } from './records.js';
import { times } from './units.js';

/** A board as a family reads it; its health is derived afterwards. */
export type BoardReading = Omit<BoardSample, 'health'>;

/** What a family reads; everything that follows from it is derived by {@link finish}. */
export interface Reading extends Omit<
  MinerSample,
  | 'boards'
  | 'boardsTotal'
  | 'boardsHealthy'
  | 'chipTempsC'
  | 'efficiencyJPerTh'
  | 'errorMessage'
  | 'health'
  | 'poolUrl'
  | 'truncated'
  | 'workerName'
> {
  readonly boards: readonly BoardReading[];
  /** Boards the model should have, when known. */
  readonly boardsExpected: number | null;
}

/** A board of which nothing is known but its number. */
export function emptyBoard(index: number): BoardReading {
  return {
    index,
    hashrateGhs: null,
    boardTempC: null,
    chipTempC: null,
    chipTempsC: [],
    boardTempsC: [],
    chipsOk: null,
    chipsTotal: null,
    chipMap: null,
    nominalGhs: null,
    frequencyMhz: null,
    voltageMv: null,
    hardwareErrors: null,
    serial: null,
  };
}

/** Boards with their rates times `factor`. */
export function scaleBoards(boards: readonly BoardReading[], factor: number): readonly BoardReading[] {
  if (factor === 1) return boards;
  return boards.map((board) => ({ ...board, hashrateGhs: times(board.hashrateGhs, factor) }));
}

/** A reading of which nothing is known. */
export const emptyReading: Reading = { ...emptySample, boards: [], boardsExpected: null };

/** Known fields of `told` over those learned earlier. */
export function withIdentity(told: Partial<MinerIdentity>, context: ReadContext): MinerIdentity {
  const known = context.identity ?? emptySample.identity;
  return {
    vendor: told.vendor ?? known.vendor,
    model: told.model ?? known.model,
    firmware: told.firmware ?? known.firmware,
    firmwareVersion: told.firmwareVersion ?? known.firmwareVersion,
    mac: told.mac ?? known.mac,
    serial: told.serial ?? known.serial,
  };
}

/** Watts per TH/s below which no machine works: a figure under it is not the machine's power. */
const leastJPerTh = 5;

/**
 * Derives what follows from a reading: temperatures, healths, active pool, efficiency, damage.
 * Every number of the result is finite and, temperatures apart, not negative.
 *
 * Field by field rather than by spreading: this runs for every poll, and copying the reading over and
 * over took a sixth of the time of reading it.
 */
export function finish(reading: Reading, replies: Replies, context: ReadContext): MinerSample {
  const { state, boardsExpected } = reading;
  const boards = reading.boards.map((board) => finishBoard(board, state, context));
  const hashrateGhs = sound(reading.hashrateGhs);
  const hashrateExpectedGhs = sound(reading.hashrateExpectedGhs);
  const powerW = plausiblePowerW(sound(reading.powerW), hashrateGhs);
  const fans = reading.fans.map((fan) => (sound(fan.rpm) === fan.rpm ? fan : { ...fan, rpm: null }));
  const truncated = truncatedOf(replies);
  const active = reading.pools.find((pool) => pool.isActive);
  const temperatures = spread(reading, boards);
  const ths = (hashrateGhs ?? 0) / 1000;
  const facts: HealthFacts = {
    state,
    hashrateGhs,
    hashrateExpectedGhs,
    temperatureMaxC: temperatures.maxC,
    fans,
    boards: boards.map((board) => board.health),
    boardsExpected: boards.length === 0 ? null : boardsExpected,
    hasDeviceErrors: reading.deviceErrors.length > 0,
    isTruncated: truncated.length > 0,
  };
  return {
    identity: reading.identity,
    family: reading.family,
    state,
    health: minerHealth(facts, context.thresholds),
    hashrateGhs,
    hashrate5sGhs: sound(reading.hashrate5sGhs),
    hashrateExpectedGhs,
    nominalSource: reading.nominalSource,
    temperatureAvgC: temperatures.avgC,
    temperatureMinC: temperatures.minC,
    temperatureMaxC: temperatures.maxC,
    chipTempsC: boards.flatMap((board) => board.chipTempsC),
    fans,
    frequencyAvgMhz: sound(reading.frequencyAvgMhz),
    acceptedShares: sound(reading.acceptedShares),
    rejectedShares: sound(reading.rejectedShares),
    hardwareErrors: sound(reading.hardwareErrors),
    uptimeS: sound(reading.uptimeS),
    powerW,
    powerSource: powerW === null ? null : reading.powerSource,
    efficiencyJPerTh: powerW !== null && powerW > 0 && ths > 0 ? sound(powerW / ths) : null,
    pools: reading.pools,
    poolUrl: active?.url ?? null,
    workerName: active?.user ?? null,
    poolLatencyMs: reading.poolLatencyMs,
    boards,
    boardsTotal:
      boardsExpected === null && boards.length === 0 ? null : Math.max(boardsExpected ?? 0, boards.length),
    boardsHealthy: boards.length === 0 ? null : boards.filter((board) => board.health === 'healthy').length,
    deviceErrors: reading.deviceErrors,
    repairs: mergeRepairs([...repairsOf(replies), ...reading.repairs]),
    truncated,
    errorMessage: describeFailures(replies),
  };
}

function finishBoard(board: BoardReading, state: MinerState, context: ReadContext): BoardSample {
  const isMining = state === 'mining';
  const seen = {
    index: board.index,
    hashrateGhs: sound(board.hashrateGhs),
    boardTempC: board.boardTempC,
    chipTempC: board.chipTempC,
    chipTempsC: board.chipTempsC,
    boardTempsC: board.boardTempsC,
    // The chip map of a machine that does not hash says nothing of its chips.
    chipsOk: isMining || state === 'stopped' ? sound(board.chipsOk) : null,
    chipsTotal: sound(board.chipsTotal),
    chipMap: board.chipMap,
    nominalGhs: sound(board.nominalGhs),
    frequencyMhz: sound(board.frequencyMhz),
    voltageMv: sound(board.voltageMv),
    hardwareErrors: sound(board.hardwareErrors),
    serial: board.serial,
    health: 'unknown' as Health,
  };
  seen.health = boardHealth(seen, isMining, context.thresholds);
  return seen;
}

/** Repairs the replies needed, before any family saw them. */
export function repairsOf(replies: Replies): Repair[] {
  const repairs: Repair[] = [];
  for (const reply of replies.values())
    if (reply.kind === 'ok' || reply.kind === 'device_error') repairs.push(...reply.repairs);
  return repairs;
}

/** What went wrong with single commands, in one line; null when nothing did. Joined replies share it. */
export function describeFailures(replies: Replies): string | null {
  const failures: string[] = [];
  for (const reply of replies.values()) {
    const failure = describeFailure(reply);
    if (failure !== null) failures.push(failure);
  }
  return failures.length === 0 ? null : failures.join('; ').slice(0, 300);
}

/** Codes of commands a firmware lacks or has nothing for: no pools, no devices, invalid command. */
const harmlessCodes = new Set([0, 8, 10, 14]);

function describeFailure(reply: Reply): string | null {
  switch (reply.kind) {
    case 'ok':
      return reply.isTruncated ? `${reply.command}: reply cut` : null;
    case 'device_error':
      return reply.code !== null && harmlessCodes.has(reply.code)
        ? null
        : `${reply.command}: ${reply.message}`;
    case 'denied':
      return `${reply.command}: denied${reply.message === '' ? '' : ` (${reply.message})`}`;
    case 'unreadable':
      return `${reply.command}: ${reply.errorClass} (${reply.shape})`;
  }
}

interface Spread {
  readonly avgC: number | null;
  readonly minC: number | null;
  readonly maxC: number | null;
}

function spread(reading: Reading, boards: readonly BoardSample[]): Spread {
  const chips: number[] = [];
  const pcbs: number[] = [];
  for (const { chipTempsC, chipTempC, boardTempC } of boards) {
    if (chipTempsC.length > 0) chips.push(...chipTempsC);
    else if (chipTempC !== null) chips.push(chipTempC);
    if (boardTempC !== null) pcbs.push(boardTempC);
  }
  const sensors = chips.length > 0 ? chips : pcbs;
  return {
    avgC: reading.temperatureAvgC ?? mean(sensors),
    minC: reading.temperatureMinC ?? (sensors.length === 0 ? null : Math.min(...sensors)),
    maxC: largest([reading.temperatureMaxC, ...chips, ...pcbs]),
  };
}

function plausiblePowerW(powerW: number | null, hashrateGhs: number | null): number | null {
  if (powerW === null || powerW <= 0) return null;
  return hashrateGhs !== null && hashrateGhs > 0 && powerW / (hashrateGhs / 1000) < leastJPerTh
    ? null
    : powerW;
}

/** Adds up repairs of one command and kind. */
export function mergeRepairs(repairs: readonly Repair[]): Repair[] {
  if (repairs.length === 0) return [];
  const byKey = new Map<string, Repair>();
  for (const repair of repairs) {
    const key = `${repair.command}\n${repair.kind}`;
    const before = byKey.get(key);
    byKey.set(key, before === undefined ? repair : { ...repair, count: before.count + repair.count });
  }
  return [...byKey.values()];
}

/** A number that is finite and not negative; null otherwise. Temperatures have been checked where they were read. */
function sound(value: number | null): number | null {
  return value !== null && Number.isFinite(value) && value >= 0 ? value : null;
}

/**
 * What a device is doing. `told` is what it says itself; a rate of zero shortly after the start is
 * `starting`; of one that has hashed since its start it is `stopped`. No rate at all is `parse_error`.
 */
export function deriveState(facts: {
  readonly told: MinerState | null;
  readonly hashrateGhs: number | null;
  readonly averageGhs: number | null;
  readonly acceptedShares: number | null;
  readonly uptimeS: number | null;
  /** What a machine is that runs long, is whole, and has never hashed since its start. */
  readonly neverHashed: MinerState;
}): MinerState {
  if (facts.told !== null) return facts.told;
  if (facts.hashrateGhs === null) return 'parse_error';
  if (facts.hashrateGhs > 0) return 'mining';
  if (facts.uptimeS !== null && facts.uptimeS < startupS) return 'starting';
  const hasHashed = (sum([facts.averageGhs, facts.acceptedShares]) ?? 0) > 0;
  return hasHashed ? 'stopped' : facts.neverHashed;
}

/** How long a machine may take from its start to its first hash, s. */
export const startupS = 600;
