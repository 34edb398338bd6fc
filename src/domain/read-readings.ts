import type { IngestRow } from './ingest.js';
import { readCount, readInt, readReal, type JsonObject } from './read-value.js';

/** More than any machine hashes, GH/s. */
export const maxGhs = 1e12;
const maxUptimeS = 2_147_483_647;

const readingNames = [
  'hashrate_ghs',
  'hashrate_5s_ghs',
  'hashrate_expected_ghs',
  'temperature_avg',
  'temperature_min',
  'temperature_max',
  'temperature_chips',
  'fan_speeds',
  'frequency_avg',
  'accepted_shares',
  'rejected_shares',
  'hardware_errors',
  'uptime_seconds',
  'power_w',
  'efficiency',
  'pool_latency_ms',
] as const satisfies readonly (keyof IngestRow)[];
/** What a miner's sensors and counters say. */
export type Readings = Pick<IngestRow, (typeof readingNames)[number]>;

/** The readings of an offline miner. */
export const noReadings = Object.fromEntries(readingNames.map((name) => [name, null])) as unknown as Readings;

/**
 * Reads the numbers of a record. `isOwn`: our own poller's, which means what it says; other collectors send
 * 0 for an unknown temperature, power, efficiency or nominal hashrate, and junk among the sensors.
 */
export function readReadings(record: JsonObject, isOwn: boolean): Readings {
  const known = (value: number | null): number | null => (value === 0 && !isOwn ? null : value);
  const temperature = (name: string): number | null => known(readReal(record[name], -60, 250));
  return {
    hashrate_ghs: readReal(record['hashrate_ghs'], 0, maxGhs),
    hashrate_5s_ghs: readReal(record['hashrate_5s_ghs'], 0, maxGhs),
    hashrate_expected_ghs: known(readReal(record['hashrate_expected_ghs'], 0, maxGhs)),
    temperature_avg: temperature('temperature_avg'),
    temperature_min: temperature('temperature_min'),
    temperature_max: temperature('temperature_max'),
    temperature_chips: readChipTemps(record['temperature_chips'], isOwn),
    fan_speeds: readFans(record['fan_speeds'], isOwn),
    frequency_avg: readReal(record['frequency_avg'], 0, 1e6),
    accepted_shares: readCount(record['accepted_shares']),
    rejected_shares: readCount(record['rejected_shares']),
    hardware_errors: readCount(record['hardware_errors']),
    uptime_seconds: readCount(record['uptime_seconds'], maxUptimeS),
    power_w: known(readReal(record['power_consumption'], 0, 1e6)),
    efficiency: known(readReal(record['efficiency'], 0, 1e6)),
    pool_latency_ms: readLatency(record['pool_latency_ms']),
  };
}

/** A duration in whole ms, else null. */
export function readLatency(value: unknown): number | null {
  const ms = readInt(value);
  return ms === null || ms < 0 ? null : ms;
}

/** Collectors mix counts (3, 4) and unread sensors (0) in: dropped when another sensor is warm. */
function readChipTemps(value: unknown, isOwn: boolean): number[] | null {
  if (!Array.isArray(value)) return null;
  const temps = value
    .slice(0, 512)
    .map((item) => readReal(item, -60, 250))
    .filter((temp) => temp !== null);
  if (isOwn) return temps.length === 0 ? null : temps;
  const isWarm = temps.some((temp) => temp >= 30);
  const kept = temps.filter((temp) => temp !== 0 && (!isWarm || temp >= 10));
  return kept.length === 0 ? null : kept;
}

/** Collectors mix counts and percentages in: no fan turns at 1 to 100 rpm. A standing fan (0) is kept. */
function readFans(value: unknown, isOwn: boolean): (number | null)[] | null {
  if (!Array.isArray(value)) return null;
  const fans = value.slice(0, 32).map((item) => readReal(item, 0, 32_767));
  const rounded = fans.map((rpm) => (rpm === null ? null : Math.round(rpm)));
  const kept = isOwn ? rounded : rounded.filter((rpm) => rpm !== null && (rpm === 0 || rpm > 100));
  return kept.length === 0 ? null : kept;
}
