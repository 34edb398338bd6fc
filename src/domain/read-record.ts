import { parseDeviceTime } from './device-time.js';
import { minerHealth, type HealthFacts, type HealthThresholds } from './health.js';
import type { IngestRow, RejectReason } from './ingest.js';
import { readQuirks } from './quirks.js';
import { readBoards } from './read-boards.js';
import { maxGhs, noReadings, readLatency, readReadings, type Readings } from './read-readings.js';
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
  readSerial,
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

/** Field by field: spreading parts of a row together costs as much as reading them. */
function toRow(
  key: string,
  sampleMs: number,
  online: boolean,
  record: JsonObject,
  thresholds: HealthThresholds,
): IngestRow {
  const { readings, state, health, boards, boardsTotal, boardsHealthy, details } = readCondition(
    online,
    record,
    thresholds,
  );
  return {
    key,
    time: isoTime(sampleMs),
    offset_ms: readInt(record['offset_ms']),
    ip: readIp(record['ip_address']),
    mac: readMac(record['mac']),
    serial: readSerial(record['serial']),
    online,
    state,
    health,
    reported_health: readText(record['overall_health'], 32),
    hashrate_ghs: readings.hashrate_ghs,
    hashrate_5s_ghs: readings.hashrate_5s_ghs,
    hashrate_expected_ghs: readings.hashrate_expected_ghs,
    temperature_avg: readings.temperature_avg,
    temperature_min: readings.temperature_min,
    temperature_max: readings.temperature_max,
    temperature_chips: readings.temperature_chips,
    fan_speeds: readings.fan_speeds,
    frequency_avg: readings.frequency_avg,
    accepted_shares: readings.accepted_shares,
    rejected_shares: readings.rejected_shares,
    hardware_errors: readings.hardware_errors,
    uptime_seconds: readings.uptime_seconds,
    power_w: readings.power_w,
    efficiency: readings.efficiency,
    pool_latency_ms: readings.pool_latency_ms,
    latency_ms: readLatency(record['latency_ms']),
    pool_url: readText(record['pool_url'], 512),
    worker_name: readText(record['worker_name'], 256),
    model: readText(record['model'], 128),
    firmware: readText(record['firmware_version'], 128),
    family: readText(record['family'], 32),
    boards: boards.length > 0 ? (boards as unknown as IngestRow['boards']) : null,
    board_hashrate_ghs: columnOf(boards, (board) => board.hashrate),
    board_temp_c: columnOf(boards, (board) => board.temp),
    board_chips_ok: columnOf(boards, (board) => board.chips_ok),
    boards_total: boardsTotal,
    boards_healthy: boardsHealthy,
    board_serials: serialsOf(boards),
    error_class: readText(record['error_class'], 64),
    error_message: readText(record['error_message'], 1_000),
    details,
    raw: readRaw(record['raw']),
    quirks: readQuirks(record['quirks']),
  };
}

/** ISO 8601 with `Z`; the records of an upload have the same time over and over. */
function isoTime(ms: number): string {
  if (ms !== latestTime.ms) latestTime = { ms, text: new Date(ms).toISOString() };
  return latestTime.text;
}
let latestTime: { readonly ms: number; readonly text: string } = { ms: NaN, text: '' };

/** Readings and boards, and what follows from them. */
interface Condition {
  readonly readings: Readings;
  readonly state: MinerState;
  readonly health: Health;
  readonly boards: readonly WireBoard[];
  readonly boardsTotal: number | null;
  readonly boardsHealthy: number | null;
  readonly details: JsonObject | null;
}

function readCondition(online: boolean, record: JsonObject, thresholds: HealthThresholds): Condition {
  const ownState = minerStates.find((name) => name === record['state']) ?? null;
  const readings = online ? readReadings(record, ownState !== null) : noReadings;
  const state = readState(online, ownState, readings);
  const boards = online ? readBoards(record['boards'], state === 'mining', thresholds) : [];
  const total = online ? (readCount(record['boards_total'], 1_000) ?? lengthOrNull(boards)) : null;
  const healthy = online ? readBoardsHealthy(record, boards) : null;
  const details = online ? readJson(record['details'], jsonBounds) : null;
  const hasMessage = readText(record['error_message'], 1) !== null;
  const facts: HealthFacts = {
    state,
    hashrateGhs: readings.hashrate_ghs ?? readings.hashrate_5s_ghs,
    hashrateExpectedGhs: readings.hashrate_expected_ghs,
    temperatureMaxC: hottest(readings),
    fans: (readings.fan_speeds ?? []).map((rpm) => ({ rpm })),
    boards: boards.length > 0 ? boards.map((board) => board.health as Health) : countedBoards(total, healthy),
    boardsExpected: boards.length > 0 ? total : null,
    hasDeviceErrors: ownState === null ? hasMessage : isFilled(details?.['device_errors']),
    isTruncated: isFilled(details?.['truncated']),
  };
  return {
    readings,
    state,
    health: minerHealth(facts, thresholds),
    boards,
    boardsTotal: total,
    boardsHealthy: healthy,
    details,
  };
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

function serialsOf(boards: readonly WireBoard[]): string[] | null {
  const serials = boards.map((board) => readSerial(board.serial)).filter((serial) => serial !== null);
  return serials.length === 0 ? null : [...new Set(serials)].sort();
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
