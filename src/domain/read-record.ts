import { parseDeviceTime } from './device-time.js';
import { minerHealth, type HealthThresholds } from './health.js';
import type { IngestRow, RejectReason } from './ingest.js';
import { readBoards } from './read-boards.js';
import {
  cleanText,
  isObject,
  readBoolean,
  readCount,
  readInt,
  readIp,
  readJson,
  readMac,
  readReal,
  readText,
  type JsonObject,
} from './read-value.js';
import { isOnline, minerStates, type Health, type MinerState } from './telemetry.js';
import type { WireBoard } from './wire.js';

/** What reading a record needs beside the record. */
export interface RecordContext {
  /** Arrival of the upload, ms since the epoch: the sample time of records without one. */
  readonly receivedMs: number;
  /** Samples older than this before arrival are refused, ms. */
  readonly maxAgeMs: number;
  /** Samples later than this after arrival are refused, ms. */
  readonly maxAheadMs: number;
  readonly thresholds: HealthThresholds;
}

/** `timeMs` is the time the record itself carried, when it could be read: it tells the sender's clock. */
export type RecordReading =
  | { readonly kind: 'row'; readonly row: IngestRow; readonly timeMs: number | null }
  | { readonly kind: 'rejected'; readonly reason: RejectReason; readonly timeMs: number | null };

const maxKeyLength = 128;
const maxGhs = 1e12;
const maxUptimeS = 2_147_483_647;
const jsonBounds = { maxDepth: 6, maxNodes: 2_000, maxTextLength: 1_000 };
const rawBounds = { maxReplies: 16, maxReplyLength: 65_536 };

/**
 * Reads one record of an upload into a row every column can hold, or says why not. Never throws.
 *
 * Numbers may be text, NaN or out of range (null then, counters cut to whole numbers); text is stripped
 * of control characters and cut; an offline record keeps no readings. Records that name a `state` are
 * our own pollers' and mean null when they do not know; other collectors send 0 for an unknown
 * temperature, power, efficiency or nominal hashrate, which is null here.
 */
export function readRecord(value: unknown, context: RecordContext): RecordReading {
  if (!isObject(value)) return rejected('NOT_AN_OBJECT', null);
  const carried = value['timestamp'];
  const isDated = carried !== undefined && carried !== null && carried !== '';
  const timeMs = isDated ? parseDeviceTime(carried) : null;
  const key = readKey(value['miner_id']);
  if (key === null) return rejected('INVALID_MINER_ID', timeMs);
  if (isDated && timeMs === null) return rejected('INVALID_TIMESTAMP', null);
  const sampleMs = timeMs ?? context.receivedMs;
  if (sampleMs < context.receivedMs - context.maxAgeMs) return rejected('TIME_TOO_OLD', timeMs);
  if (sampleMs > context.receivedMs + context.maxAheadMs) return rejected('TIME_IN_FUTURE', timeMs);
  const online = readOnline(value);
  if (online === null) return rejected('INVALID_ONLINE', timeMs);
  return { kind: 'row', row: toRow(key, sampleMs, online, value, context.thresholds), timeMs };
}

function rejected(reason: RejectReason, timeMs: number | null): RecordReading {
  return { kind: 'rejected', reason, timeMs };
}

/** Never repaired: a stripped id could be another miner's. */
function readKey(value: unknown): string | null {
  if (typeof value === 'number') return Number.isSafeInteger(value) ? String(value) : null;
  if (typeof value !== 'string') return null;
  const key = value.trim();
  return key !== '' && key.length <= maxKeyLength && cleanText(key, maxKeyLength) === key ? key : null;
}

function readOnline(record: JsonObject): boolean | null {
  const said = record['online'];
  if (said !== undefined && said !== null) return readBoolean(said);
  return readReal(record['hashrate_ghs'], 0, maxGhs) === null ? null : true;
}

function toRow(
  key: string,
  sampleMs: number,
  online: boolean,
  record: JsonObject,
  thresholds: HealthThresholds,
): IngestRow {
  const ownState = minerStates.find((name) => name === record['state']) ?? null;
  const readings = online ? readReadings(record, ownState !== null) : noReadings;
  const state = readState(online, ownState, readings);
  const boards = online ? readBoards(record['boards'], state === 'mining', thresholds) : [];
  const boardsTotal = online ? (readCount(record['boards_total'], 1_000) ?? lengthOrNull(boards)) : null;
  const boardsHealthy = online ? readBoardsHealthy(record, boards) : null;
  const errorMessage = readText(record['error_message'], 1_000);
  const details = online ? readJson(record['details'], jsonBounds) : null;
  const health = minerHealth(
    {
      state,
      hashrateGhs: readings.hashrate_ghs ?? readings.hashrate_5s_ghs,
      hashrateExpectedGhs: readings.hashrate_expected_ghs,
      temperatureMaxC: hottest(readings),
      fans: (readings.fan_speeds ?? []).map((rpm) => ({ rpm })),
      boards:
        boards.length > 0
          ? boards.map((board) => board.health as Health)
          : countedBoards(boardsTotal, boardsHealthy),
      boardsExpected: boards.length > 0 ? boardsTotal : null,
      hasDeviceErrors: ownState === null ? errorMessage !== null : isFilled(details?.['device_errors']),
      isTruncated: isFilled(details?.['truncated']),
    },
    thresholds,
  );
  return {
    key,
    time: new Date(sampleMs).toISOString(),
    offset_ms: readInt(record['offset_ms']),
    ip: readIp(record['ip_address']),
    mac: readMac(record['mac']),
    online,
    state,
    health,
    reported_health: readText(record['overall_health'], 32),
    ...readings,
    latency_ms: readLatency(record['latency_ms']),
    pool_url: readText(record['pool_url'], 512),
    worker_name: readText(record['worker_name'], 256),
    model: readText(record['model'], 128),
    firmware: readText(record['firmware_version'], 128),
    family: readText(record['family'], 32),
    boards: boards.length > 0 ? boards.map((board) => ({ ...board })) : null,
    board_hashrate_ghs: columnOf(boards, (board) => board.hashrate),
    board_temp_c: columnOf(boards, (board) => board.temp),
    board_chips_ok: columnOf(boards, (board) => board.chips_ok),
    boards_total: boardsTotal,
    boards_healthy: boardsHealthy,
    error_class: readText(record['error_class'], 64),
    error_message: errorMessage,
    details,
    raw: readRaw(record['raw']),
  };
}

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
type Readings = Pick<IngestRow, (typeof readingNames)[number]>;

const noReadings = Object.fromEntries(readingNames.map((name) => [name, null])) as unknown as Readings;

function readReadings(record: JsonObject, isOwn: boolean): Readings {
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

function readLatency(value: unknown): number | null {
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

/** Other collectors name no state: it follows from `online` and the hashrate. */
function readState(online: boolean, ownState: MinerState | null, readings: Readings): MinerState {
  if (!online) return 'unreachable';
  if (ownState !== null && isOnline(ownState)) return ownState;
  const hashrate = readings.hashrate_ghs ?? readings.hashrate_5s_ghs;
  if (hashrate === null) return 'parse_error';
  if (hashrate > 0 || (readings.hashrate_5s_ghs ?? 0) > 0) return 'mining';
  return readings.uptime_seconds !== null && readings.uptime_seconds < 600 ? 'starting' : 'stopped';
}

function hottest(readings: Readings): number | null {
  const temps = [readings.temperature_max, readings.temperature_avg, ...(readings.temperature_chips ?? [])];
  const known = temps.filter((temp) => temp !== null);
  return known.length === 0 ? null : known.reduce((a, b) => Math.max(a, b));
}

function readBoardsHealthy(record: JsonObject, boards: readonly WireBoard[]): number | null {
  const said = readCount(record['boards_healthy'], 1_000);
  if (said !== null || boards.length === 0) return said;
  return boards.filter((board) => board.health === 'healthy').length;
}

/** Boards known by their number alone. */
function countedBoards(total: number | null, healthy: number | null): Health[] {
  return total !== null && healthy !== null && healthy < total ? ['critical'] : [];
}

function lengthOrNull(items: readonly unknown[]): number | null {
  return items.length === 0 ? null : items.length;
}

function columnOf(
  boards: readonly WireBoard[],
  pick: (board: WireBoard) => number | null,
): (number | null)[] | null {
  return boards.length === 0 ? null : boards.map(pick);
}

function isFilled(value: unknown): boolean {
  return Array.isArray(value) && value.length > 0;
}

function readRaw(value: unknown): Readonly<Record<string, string>> | null {
  if (!isObject(value)) return null;
  const replies = Object.entries(value)
    .filter((entry): entry is [string, string] => typeof entry[1] === 'string' && entry[0] !== '__proto__')
    .slice(0, rawBounds.maxReplies)
    .map(([command, reply]) => [cleanText(command, 64), cleanText(reply, rawBounds.maxReplyLength, true)]);
  return replies.length === 0 ? null : (Object.fromEntries(replies) as Record<string, string>);
}
