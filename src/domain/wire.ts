import type { ReplyQuirk } from './quirks.js';
import type { MinerSample, PollErrorClass, Repair } from './telemetry.js';

/** A board as the upload contract names it: GH/s, °C. */
export interface WireBoard {
  readonly id: number;
  readonly hashrate: number | null;
  readonly temp: number | null;
  readonly chip_temp: number | null;
  readonly chips_ok: number | null;
  readonly chips_total: number | null;
  readonly chip_temps: readonly number[];
  readonly board_temps: readonly number[];
  readonly chip_map: string | null;
  readonly nominal: number | null;
  readonly voltage_mv: number | null;
  readonly frequency_mhz: number | null;
  readonly hardware_errors: number | null;
  readonly serial: string | null;
  readonly health: string;
}

/** Everything beyond the contract that the detail view shows. Stored with the live row only. */
export interface WireDetails {
  readonly vendor: string | null;
  readonly firmware: string | null;
  readonly serial: string | null;
  readonly fans: readonly { readonly index: number; readonly rpm: number | null }[];
  readonly pools: readonly {
    readonly index: number;
    readonly url: string;
    readonly user: string;
    readonly status: string | null;
    readonly priority: number | null;
    readonly active: boolean;
    readonly dev_fee: boolean;
    readonly accepted: number | null;
    readonly rejected: number | null;
    readonly stale: number | null;
  }[];
  readonly nominal_source: string | null;
  readonly power_source: string | null;
  readonly device_errors: readonly { readonly code: string; readonly text: string }[];
  readonly repairs: readonly Repair[];
  readonly truncated: readonly string[];
}

/**
 * One record of an upload batch, as our own pollers send it: the contract's names and units
 * (GH/s, °C, rpm, MHz, W, J/TH, s, ms), plus `timestamp`, `offset_ms`, `state`, `family`,
 * `error_class`, `mac`, `serial`, `details`, `raw`, `quirks`, which other collectors do not send.
 */
export interface WireRecord {
  readonly miner_id: string;
  /** The slot, ISO 8601 with `Z`. */
  readonly timestamp: string;
  /** Instant of the answer minus the slot, ms. */
  readonly offset_ms: number | null;
  readonly ip_address: string;
  /** Told by the device since it last began to answer; a MAC or serial learned before is not repeated. */
  readonly mac: string | null;
  readonly serial: string | null;
  readonly online: boolean;
  readonly state: string;
  readonly family: string | null;
  readonly hashrate_ghs: number | null;
  readonly hashrate_5s_ghs: number | null;
  readonly hashrate_expected_ghs: number | null;
  readonly temperature_avg: number | null;
  readonly temperature_min: number | null;
  readonly temperature_max: number | null;
  readonly temperature_chips: readonly number[];
  readonly fan_speeds: readonly (number | null)[];
  readonly frequency_avg: number | null;
  readonly accepted_shares: number | null;
  readonly rejected_shares: number | null;
  readonly hardware_errors: number | null;
  readonly uptime_seconds: number | null;
  readonly power_consumption: number | null;
  readonly efficiency: number | null;
  readonly pool_url: string | null;
  readonly worker_name: string | null;
  readonly pool_latency_ms: number | null;
  readonly boards: readonly WireBoard[];
  readonly boards_total: number | null;
  readonly boards_healthy: number | null;
  readonly overall_health: string;
  readonly model: string | null;
  readonly firmware_version: string | null;
  readonly error_message: string;
  readonly error_class: string | null;
  readonly latency_ms: number | null;
  readonly details: WireDetails | null;
  /** Raw replies by command, sent now and then and whenever repairs change. */
  readonly raw: Readonly<Record<string, string>> | null;
  /** Damaged and unreadable replies of this poll, at most eight. */
  readonly quirks: readonly ReplyQuirk[] | null;
}

/** What the poll itself knows, beside what the miner said. */
export interface PollFacts {
  readonly minerId: string;
  readonly ip: string;
  readonly slot: Date;
  readonly offsetMs: number | null;
  readonly latencyMs: number | null;
  readonly errorClass: PollErrorClass | null;
  readonly raw: Readonly<Record<string, string>> | null;
  readonly quirks?: readonly ReplyQuirk[];
}

/** The reading of a device that could not be read: every value null. */
export const emptySample: MinerSample = {
  identity: { vendor: null, model: null, firmware: null, firmwareVersion: null, mac: null, serial: null },
  family: 'unknown',
  state: 'unreachable',
  health: 'offline',
  hashrateGhs: null,
  hashrate5sGhs: null,
  hashrateExpectedGhs: null,
  nominalSource: null,
  temperatureAvgC: null,
  temperatureMinC: null,
  temperatureMaxC: null,
  chipTempsC: [],
  fans: [],
  frequencyAvgMhz: null,
  acceptedShares: null,
  rejectedShares: null,
  hardwareErrors: null,
  uptimeS: null,
  powerW: null,
  powerSource: null,
  efficiencyJPerTh: null,
  pools: [],
  poolUrl: null,
  workerName: null,
  poolLatencyMs: null,
  boards: [],
  boardsTotal: null,
  boardsHealthy: null,
  deviceErrors: [],
  repairs: [],
  truncated: [],
  errorMessage: null,
};

/** Names a sample in the upload contract's words. */
export function toWire(sample: MinerSample, facts: PollFacts): WireRecord {
  const isReadable = sample.family !== 'unknown';
  return {
    miner_id: facts.minerId,
    timestamp: facts.slot.toISOString(),
    offset_ms: facts.offsetMs,
    ip_address: facts.ip,
    mac: sample.identity.mac,
    serial: sample.identity.serial,
    online: sample.state !== 'unreachable',
    state: sample.state,
    family: isReadable ? sample.family : null,
    hashrate_ghs: sample.hashrateGhs,
    hashrate_5s_ghs: sample.hashrate5sGhs,
    hashrate_expected_ghs: sample.hashrateExpectedGhs,
    temperature_avg: sample.temperatureAvgC,
    temperature_min: sample.temperatureMinC,
    temperature_max: sample.temperatureMaxC,
    temperature_chips: sample.chipTempsC,
    fan_speeds: sample.fans.map((fan) => fan.rpm),
    frequency_avg: sample.frequencyAvgMhz,
    accepted_shares: sample.acceptedShares,
    rejected_shares: sample.rejectedShares,
    hardware_errors: sample.hardwareErrors,
    uptime_seconds: sample.uptimeS,
    power_consumption: sample.powerW,
    efficiency: sample.efficiencyJPerTh,
    pool_url: sample.poolUrl,
    worker_name: sample.workerName,
    pool_latency_ms: sample.poolLatencyMs,
    boards: sample.boards.map((board) => ({
      id: board.index,
      hashrate: board.hashrateGhs,
      temp: board.boardTempC,
      chip_temp: board.chipTempC,
      chips_ok: board.chipsOk,
      chips_total: board.chipsTotal,
      chip_temps: board.chipTempsC,
      board_temps: board.boardTempsC,
      chip_map: board.chipMap,
      nominal: board.nominalGhs,
      voltage_mv: board.voltageMv,
      frequency_mhz: board.frequencyMhz,
      hardware_errors: board.hardwareErrors,
      serial: board.serial,
      health: board.health,
    })),
    boards_total: sample.boardsTotal,
    boards_healthy: sample.boardsHealthy,
    overall_health: sample.health,
    model: sample.identity.model,
    // The name stands in for a version that there is none of, not for one that was cut off.
    firmware_version:
      sample.identity.firmwareVersion ?? (sample.truncated.length > 0 ? null : sample.identity.firmware),
    error_message: sample.errorMessage ?? '',
    error_class: facts.errorClass,
    latency_ms: facts.latencyMs,
    details: isReadable ? toDetails(sample) : null,
    raw: facts.raw,
    quirks: facts.quirks === undefined || facts.quirks.length === 0 ? null : facts.quirks,
  };
}

function toDetails(sample: MinerSample): WireDetails {
  return {
    vendor: sample.identity.vendor,
    firmware: sample.identity.firmware,
    serial: sample.identity.serial,
    fans: sample.fans,
    pools: sample.pools.map((pool) => ({
      index: pool.index,
      url: pool.url,
      user: pool.user,
      status: pool.status,
      priority: pool.priority,
      active: pool.isActive,
      dev_fee: pool.isDevFee,
      accepted: pool.accepted,
      rejected: pool.rejected,
      stale: pool.stale,
    })),
    nominal_source: sample.nominalSource,
    power_source: sample.powerSource,
    device_errors: sample.deviceErrors,
    repairs: sample.repairs,
    truncated: sample.truncated,
  };
}
