import { randomUUID } from 'node:crypto';
import type { IngestBatch, IngestRow } from '../../src/domain/ingest.js';

/** A healthy three-board row as validation makes it. */
export function ingestRow(key: string, time: string, changes: Partial<IngestRow> = {}): IngestRow {
  return {
    key,
    time,
    offset_ms: 120,
    ip: '10.1.2.3',
    mac: '02:00:00:00:00:01',
    serial: null,
    online: true,
    state: 'mining',
    health: 'healthy',
    reported_health: 'healthy',
    hashrate_ghs: 110_123.5,
    hashrate_5s_ghs: 110_456.25,
    hashrate_expected_ghs: 110_000,
    temperature_avg: 65.5,
    temperature_min: 50.25,
    temperature_max: 80.75,
    temperature_chips: [60, 61, 62, 63, 64, 65, 66, 67, 68, 69, 70, 71],
    fan_speeds: [5_000, 5_010, 5_020, 5_030],
    frequency_avg: 675,
    accepted_shares: 123_456,
    rejected_shares: 12,
    hardware_errors: 34,
    uptime_seconds: 86_400,
    power_w: 3_250,
    efficiency: 29.5,
    pool_latency_ms: 33,
    latency_ms: 87,
    pool_url: 'stratum+tcp://pool.example:3333',
    worker_name: 'farm.worker1',
    model: 'Antminer S19',
    firmware: '2022-12-06',
    family: 'antminer',
    boards: [0, 1, 2].map((id) => ({
      id,
      hashrate: 36_700.5,
      temp: 62.5,
      chip_temp: 71,
      chips_ok: 114,
      chips_total: 114,
      frequency_mhz: 675,
      hardware_errors: 1,
      serial: null,
      health: 'healthy',
    })),
    board_hashrate_ghs: [36_700.5, 36_700.5, 36_700.5],
    board_temp_c: [62.5, 62.5, 62.5],
    board_chips_ok: [114, 114, 114],
    boards_total: 3,
    boards_healthy: 3,
    board_serials: null,
    error_class: null,
    error_message: null,
    details: { fans: [], pools: [] },
    raw: null,
    quirks: null,
    ...changes,
  };
}

/** The row of a miner that did not answer. */
export function offlineRow(key: string, time: string): IngestRow {
  const nothing = Object.fromEntries(Object.keys(ingestRow(key, time)).map((name) => [name, null]));
  return {
    ...(nothing as unknown as IngestRow),
    key,
    time,
    online: false,
    state: 'unreachable',
    health: 'offline',
    error_class: 'connect_timeout',
  };
}

/** A batch around rows, which are sorted as the contract asks. */
export function ingestBatch(
  rows: readonly IngestRow[],
  key: { siteId: number; keyId: number },
  changes: Partial<IngestBatch> = {},
): IngestBatch {
  const sorted = [...rows].sort((a, b) =>
    a.key === b.key ? (a.time < b.time ? -1 : 1) : a.key < b.key ? -1 : 1,
  );
  return {
    ...key,
    batchId: randomUUID(),
    receivedAt: new Date(),
    rows: Buffer.from(JSON.stringify(sorted)),
    rowCount: sorted.length,
    onlineCount: sorted.filter((row) => row.online).length,
    rejectedCount: 0,
    wireBytes: 1_000,
    intervalS: null,
    ...changes,
  };
}
