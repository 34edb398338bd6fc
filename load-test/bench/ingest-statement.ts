import { randomUUID } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import type { IngestBatch } from '../../src/domain/ingest.js';
import { openDatabase, type Database } from '../../src/storage/database.js';
import { KeysRepo } from '../../src/storage/keys.repo.js';
import { migrate } from '../../src/storage/migrate.js';
import { SiteRepo } from '../../src/storage/site.repo.js';
import { TelemetryStore } from '../../src/storage/telemetry-store.js';
import { createLogger } from '../../src/telemetry/logger.js';

/** What the bare ingest statement does on a database, without HTTP or validation in front. */
export interface IngestStatementResult {
  readonly edition: string;
  readonly rows: number;
  readonly rowsPerSecond: number;
  readonly batchMsMedian: number;
  readonly batchMsP99: number;
  /** Heap, index and overhead of the history alone, bytes. */
  readonly bytesPerHistoryRow: number;
  readonly jsonBytesPerRow: number;
}

export interface IngestStatementOptions {
  /** A database for nothing else: it is filled. */
  readonly url: string;
  readonly miners: number;
  /** Slots, ten seconds apart and ending now. */
  readonly slots: number;
  readonly rowsPerBatch: number;
  readonly writers: number;
}

const slotMs = 10_000;

/** Fills an empty database slot by slot, as a farm would, with every value of every row known. */
export async function benchIngestStatement(options: IngestStatementOptions): Promise<IngestStatementResult> {
  const log = createLogger('warn');
  const { edition } = await migrate(options.url, { log, intervalS: slotMs / 1_000 });
  const db = openDatabase({
    url: options.url,
    poolSize: options.writers,
    deadlineMs: 30_000,
    connectTimeoutMs: 5_000,
    maxWaiting: 1_000,
    log,
  });
  try {
    const siteId = await new SiteRepo(db).ensureSite('bench');
    const { keyId } = await new KeysRepo(db).create(siteId);
    const batches = batchesOf(options, { siteId, keyId });
    const store = new TelemetryStore(db);
    const millis: number[] = [];
    let jsonBytes = 0;
    let stored = 0;
    const write = async (): Promise<void> => {
      for (let next = batches.next(); next.done !== true; next = batches.next()) {
        const startedMs = performance.now();
        const outcome = await store.writeBatch(next.value);
        millis.push(performance.now() - startedMs);
        stored += outcome.stored;
        jsonBytes += next.value.rows.byteLength;
      }
    };
    const startedMs = performance.now();
    await Promise.all(Array.from({ length: options.writers }, write));
    const busyMs = performance.now() - startedMs;
    millis.sort((a, b) => a - b);
    return {
      edition,
      rows: stored,
      rowsPerSecond: Math.round((1_000 * stored) / busyMs),
      batchMsMedian: round(millis[Math.floor(millis.length / 2)] ?? NaN),
      batchMsP99: round(millis[Math.floor(millis.length * 0.99)] ?? NaN),
      bytesPerHistoryRow: round((await historyBytes(db, edition)) / stored),
      jsonBytesPerRow: Math.round(jsonBytes / stored),
    };
  } finally {
    await db.close({ timeoutMs: 5_000 });
  }
}

function* batchesOf(
  options: IngestStatementOptions,
  key: { siteId: number; keyId: number },
): Generator<IngestBatch, undefined> {
  const endMs = Math.floor(Date.now() / slotMs) * slotMs;
  for (let slot = 0; slot < options.slots; slot++) {
    const time = new Date(endMs - (options.slots - slot) * slotMs);
    for (let from = 0; from < options.miners; from += options.rowsPerBatch) {
      const count = Math.min(options.rowsPerBatch, options.miners - from);
      const rows = Array.from({ length: count }, (_, index) => benchRow(from + index, slot, time));
      yield {
        ...key,
        batchId: randomUUID(),
        receivedAt: new Date(),
        rows: Buffer.from(`[${rows.join(',')}]`),
        rowCount: count,
        onlineCount: count,
        rejectedCount: 0,
        wireBytes: 0,
        intervalS: slotMs / 1_000,
      };
    }
  }
}

/** A miner of three boards, four fans and twelve chip sensors, as JSON: made by hand, to cost the bench little. */
function benchRow(miner: number, slot: number, time: Date): string {
  const key = `10.${miner >> 16}.${(miner >> 8) & 255}.${miner & 255}`;
  const ghs = 110_000 + ((miner * 7 + slot * 13) % 997) + 0.5;
  const board = (id: number): string =>
    `{"id":${id},"hashrate":${ghs / 3},"temp":62,"chip_temp":71,"chips_ok":114,"chips_total":114,` +
    `"frequency_mhz":675,"hardware_errors":1,"serial":"FXDZ${miner}","health":"healthy"}`;
  const pool = (index: number): string =>
    `{"index":${index},"url":"stratum+tcp://pool.example:3333","user":"farm.w${miner}","status":"Alive",` +
    `"priority":${index},"active":${index === 0},"dev_fee":false,"accepted":${1_000 + slot},"rejected":1}`;
  return (
    `{"key":"${key}","time":"${time.toISOString()}","offset_ms":${miner % 9_000},"ip":"${key}",` +
    `"mac":"${macOf(miner)}","online":true,"state":"mining","health":"healthy","reported_health":"healthy",` +
    `"hashrate_ghs":${ghs},"hashrate_5s_ghs":${ghs + 1},"hashrate_expected_ghs":110000,"temperature_avg":65.5,` +
    `"temperature_min":50.25,"temperature_max":80.75,"temperature_chips":[60,61,62,63,64,65,66,67,68,69,70,71],` +
    `"fan_speeds":[5000,5010,5020,5030],"frequency_avg":675,"accepted_shares":${1_000 + slot},` +
    `"rejected_shares":1,"hardware_errors":${slot},"uptime_seconds":${86_400 + slot * 10},"power_w":3250,` +
    `"efficiency":29.5,"pool_latency_ms":33,"latency_ms":87,"pool_url":"stratum+tcp://pool.example:3333",` +
    `"worker_name":"farm.w${miner}","model":"Antminer S19","firmware":"2022-12-06","family":"antminer",` +
    `"boards":[${[0, 1, 2].map(board).join(',')}],"board_hashrate_ghs":[${ghs / 3},${ghs / 3},${ghs / 3}],` +
    `"board_temp_c":[62,62,62],"board_chips_ok":[114,114,114],"boards_total":3,"boards_healthy":3,` +
    `"error_class":null,"error_message":null,"details":{"vendor":"bitmain","firmware":"2022-12-06",` +
    `"serial":null,"fans":[],"pools":[${[0, 1, 2].map(pool).join(',')}],"power_source":"reported",` +
    `"device_errors":[],"repairs":[],"truncated":[]},"raw":null}`
  );
}

function macOf(miner: number): string {
  const hex = miner.toString(16).padStart(6, '0');
  return `02:00:00:${hex.slice(0, 2)}:${hex.slice(2, 4)}:${hex.slice(4, 6)}`;
}

async function historyBytes(db: Database, edition: string): Promise<number> {
  const size =
    edition === 'plain'
      ? `select sum(pg_total_relation_size(inhrelid)) as bytes from pg_inherits i
         join pg_class c on c.oid = i.inhrelid
         where inhparent = 'miner_telemetry_history'::regclass and pg_relation_size(i.inhrelid) > 0`
      : `select hypertable_size('miner_telemetry_history') as bytes`;
  const [row] = await db.run('size', (sql) => sql.unsafe<{ bytes: string }[]>(size));
  return Number(row?.bytes);
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

/** Command line: prints one JSON object. */
async function main(): Promise<void> {
  const text = (name: string) => ({ type: 'string' as const, default: name });
  const { values } = parseArgs({
    options: {
      url: text(process.env['DATABASE_URL'] ?? ''),
      miners: text('100'),
      slots: text('1000'),
      batch: text('100'),
      writers: text('2'),
    },
  });
  const result = await benchIngestStatement({
    url: values.url,
    miners: Number(values.miners),
    slots: Number(values.slots),
    rowsPerBatch: Number(values.batch),
    writers: Number(values.writers),
  });
  process.stdout.write(`${JSON.stringify(result, null, 2)}\n`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main();
