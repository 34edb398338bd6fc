import type { BoardSample, FanSample, Health, MinerState } from './telemetry.js';

/** Documented in `docs/quirks.md` and settings under `health.*`. */
export interface HealthThresholds {
  /** Chip or board temperature above which a miner is in warning, °C. */
  readonly temperatureWarningC: number;
  /** Chip or board temperature above which a miner is critical, °C. */
  readonly temperatureCriticalC: number;
  /** Share of nominal hashrate below which a miner is in warning, 0–1. */
  readonly hashrateWarningRatio: number;
  /** Share of nominal hashrate below which a miner is critical, 0–1. */
  readonly hashrateCriticalRatio: number;
  /** Share of a board's chips that must answer, 0–1, below which the board is in warning. */
  readonly chipsWarningRatio: number;
  /** Share of a board's chips below which the board is critical, 0–1. */
  readonly chipsCriticalRatio: number;
  /** A fan slower than this while mining has failed, rpm. */
  readonly fanMinimumRpm: number;
}

export const defaultHealthThresholds: HealthThresholds = {
  temperatureWarningC: 85,
  temperatureCriticalC: 95,
  hashrateWarningRatio: 0.9,
  hashrateCriticalRatio: 0.7,
  chipsWarningRatio: 1,
  chipsCriticalRatio: 0.9,
  fanMinimumRpm: 500,
};

const rank: Record<Health, number> = { unknown: 0, healthy: 1, warning: 2, critical: 3, offline: 4 };

/** The worse of two levels; `unknown` yields to anything known. */
export function worse(a: Health, b: Health): Health {
  return rank[a] >= rank[b] ? a : b;
}

/** Health of one board from its chips and temperatures; `unknown` when nothing is known. */
export function boardHealth(
  board: Pick<BoardSample, 'hashrateGhs' | 'boardTempC' | 'chipTempC' | 'chipsOk' | 'chipsTotal'>,
  isMining: boolean,
  limits: HealthThresholds,
): Health {
  let health: Health = 'unknown';
  if (board.chipsOk !== null && board.chipsTotal !== null && board.chipsTotal > 0) {
    health = worse(
      health,
      below(board.chipsOk / board.chipsTotal, limits.chipsWarningRatio, limits.chipsCriticalRatio),
    );
  }
  const hottest = hottestOf(board.boardTempC, board.chipTempC);
  if (hottest !== null) health = worse(health, temperatureHealth(hottest, limits));
  if (board.hashrateGhs !== null)
    health = worse(health, isMining && board.hashrateGhs <= 0 ? 'critical' : 'healthy');
  return health;
}

export interface HealthFacts {
  readonly state: MinerState;
  readonly hashrateGhs: number | null;
  readonly hashrateExpectedGhs: number | null;
  readonly temperatureMaxC: number | null;
  readonly fans: readonly Pick<FanSample, 'rpm'>[];
  readonly boards: readonly Health[];
  /** Boards the model should have, when known. */
  readonly boardsExpected: number | null;
  readonly hasDeviceErrors: boolean;
  readonly isTruncated: boolean;
}

/**
 * Health of a miner: the worst of its parts. An unreachable miner is `offline`; one that answers but
 * could not be read, or whose reply was cut, is never `healthy`.
 */
export function minerHealth(facts: HealthFacts, limits: HealthThresholds): Health {
  switch (facts.state) {
    case 'unreachable':
      return 'offline';
    case 'denied':
    case 'wrong_password':
    case 'parse_error':
      return 'unknown';
    case 'stopped':
    case 'overheated':
    case 'no_boards':
      return 'critical';
    case 'sleeping':
    case 'starting':
    case 'mining':
      break;
  }
  let health: Health = 'healthy';
  if (facts.temperatureMaxC !== null)
    health = worse(health, temperatureHealth(facts.temperatureMaxC, limits));
  if (facts.hasDeviceErrors || facts.isTruncated) health = worse(health, 'warning');
  if (facts.state !== 'mining') return health;
  if (facts.hashrateGhs !== null && facts.hashrateExpectedGhs !== null && facts.hashrateExpectedGhs > 0) {
    const ratio = facts.hashrateGhs / facts.hashrateExpectedGhs;
    health = worse(health, below(ratio, limits.hashrateWarningRatio, limits.hashrateCriticalRatio));
  }
  for (const fan of facts.fans) {
    if (fan.rpm !== null && fan.rpm < limits.fanMinimumRpm) health = worse(health, 'warning');
  }
  for (const board of facts.boards) health = worse(health, board);
  if (facts.boardsExpected !== null && facts.boards.length < facts.boardsExpected)
    health = worse(health, 'critical');
  return health;
}

function temperatureHealth(tempC: number, limits: HealthThresholds): Health {
  if (tempC >= limits.temperatureCriticalC) return 'critical';
  return tempC >= limits.temperatureWarningC ? 'warning' : 'healthy';
}

function below(ratio: number, warning: number, critical: number): Health {
  if (ratio < critical) return 'critical';
  return ratio < warning ? 'warning' : 'healthy';
}

function hottestOf(a: number | null, b: number | null): number | null {
  return a === null || b === null ? (a ?? b) : Math.max(a, b);
}
