/**
 * What Headframe knows of a miner at one slot. Unknown is `null`, never 0.
 *
 * Units stand in the names: GH/s, °C, MHz, W, J/TH, s, ms.
 */

/** What the device is doing, as far as its replies tell. */
export const minerStates = [
  'mining', // answers and hashes
  'starting', // answers, boards still tuning or averages not there yet
  'sleeping', // answers, told not to hash (curtailed, btmineroff, sleep mode)
  'stopped', // answers, should hash, does not
  'overheated', // answers, has shut itself down for heat
  'no_boards', // answers, finds none of its hash boards
  'denied', // answers, but refuses to talk to this address (code 45, empty reply)
  'wrong_password', // answers, but not with the credentials it was given
  'parse_error', // answers, but nothing could be read
  'unreachable', // no connection, or no answer within the deadline
] as const;
export type MinerState = (typeof minerStates)[number];

export const healthLevels = ['healthy', 'warning', 'critical', 'offline', 'unknown'] as const;
export type Health = (typeof healthLevels)[number];

/** Why a poll gave no reading. Bounded: it is a metric label. */
export const pollErrorClasses = [
  'connect_timeout',
  'connect_refused',
  'network_unreachable',
  'reset',
  'deadline',
  'empty_reply',
  'access_denied',
  'too_large',
  'not_json',
  'truncated',
  'device_error',
  'wrong_password',
  'http_error',
  'internal',
] as const;
export type PollErrorClass = (typeof pollErrorClasses)[number];

/** True for the states in which the device itself answered. */
export function isOnline(state: MinerState): boolean {
  return state !== 'unreachable';
}

export interface BoardSample {
  readonly index: number;
  readonly hashrateGhs: number | null;
  /** Hottest board (pcb) sensor, °C. */
  readonly boardTempC: number | null;
  /** Hottest chip sensor, °C. */
  readonly chipTempC: number | null;
  /** Every chip or corner sensor reported, °C. */
  readonly chipTempsC: readonly number[];
  /** Every board (pcb) sensor reported, °C. */
  readonly boardTempsC: readonly number[];
  readonly chipsOk: number | null;
  readonly chipsTotal: number | null;
  /** One letter a chip, `o` good, `x` bad, `-` missing, as the device groups them. */
  readonly chipMap: string | null;
  readonly nominalGhs: number | null;
  readonly frequencyMhz: number | null;
  readonly voltageMv: number | null;
  readonly hardwareErrors: number | null;
  readonly serial: string | null;
  readonly health: Health;
}

export interface FanSample {
  readonly index: number;
  readonly rpm: number | null;
}

export interface PoolSample {
  readonly index: number;
  readonly url: string;
  readonly user: string;
  readonly status: string | null;
  readonly priority: number | null;
  readonly isActive: boolean;
  readonly isDevFee: boolean;
  readonly accepted: number | null;
  readonly rejected: number | null;
  readonly stale: number | null;
}

/** Who a device says it is. */
export interface MinerIdentity {
  readonly vendor: string | null;
  readonly model: string | null;
  readonly firmware: string | null;
  readonly firmwareVersion: string | null;
  /** Lower case, colon separated. */
  readonly mac: string | null;
  readonly serial: string | null;
}

export type PowerSource = 'measured' | 'reported' | 'estimated';

/** A vendor's own error report. */
export interface DeviceError {
  readonly code: string;
  readonly text: string;
}

/** One thing put right while reading a reply. */
export interface Repair {
  /** The command whose reply was damaged. */
  readonly command: string;
  /** Bounded vocabulary, see `docs/quirks.md`. */
  readonly kind: string;
  /** How many times in this reply. */
  readonly count: number;
}

/** One reading of one miner, normalised. */
export interface MinerSample {
  readonly identity: MinerIdentity;
  /** Firmware family that read it: `antminer`, `whatsminer`, `avalon`, `generic`. */
  readonly family: string;
  readonly state: MinerState;
  readonly health: Health;
  readonly hashrateGhs: number | null;
  readonly hashrate5sGhs: number | null;
  /** Nominal hashrate, GH/s. */
  readonly hashrateExpectedGhs: number | null;
  /** Where the nominal hashrate comes from: the device's own word, or what is known of its model. */
  readonly nominalSource: 'device' | 'model' | null;
  readonly temperatureAvgC: number | null;
  readonly temperatureMinC: number | null;
  readonly temperatureMaxC: number | null;
  readonly chipTempsC: readonly number[];
  readonly fans: readonly FanSample[];
  readonly frequencyAvgMhz: number | null;
  readonly acceptedShares: number | null;
  readonly rejectedShares: number | null;
  readonly hardwareErrors: number | null;
  readonly uptimeS: number | null;
  readonly powerW: number | null;
  readonly powerSource: PowerSource | null;
  readonly efficiencyJPerTh: number | null;
  readonly pools: readonly PoolSample[];
  readonly poolUrl: string | null;
  readonly workerName: string | null;
  readonly poolLatencyMs: number | null;
  readonly boards: readonly BoardSample[];
  readonly boardsTotal: number | null;
  readonly boardsHealthy: number | null;
  readonly deviceErrors: readonly DeviceError[];
  readonly repairs: readonly Repair[];
  /** Commands whose replies were cut; their missing values are null. */
  readonly truncated: readonly string[];
  readonly errorMessage: string | null;
}
