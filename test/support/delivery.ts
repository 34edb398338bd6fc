import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { randomUUID } from 'node:crypto';
import { gunzipSync, gzipSync } from 'node:zlib';
import { createLogger } from '../../src/telemetry/logger.js';
import { createMetrics, type Metrics } from '../../src/telemetry/metrics.js';
import { joinPieces } from '../../src/poller/batch-gzip.js';
import { DeliveryLedger } from '../../src/poller/delivery-ledger.js';
import { formatBatchName } from '../../src/poller/spool-name.js';
import { Spool, type Batch, type SpoolOptions } from '../../src/poller/spool.js';
import { UploadClient } from '../../src/poller/upload-client.js';
import { Uploader } from '../../src/poller/uploader.js';
import type { UploaderOptions } from '../../src/poller/upload-options.js';

export interface TestRow {
  readonly miner_id: string;
  readonly timestamp: string;
}

export interface ReceivedUpload {
  readonly batchId: string;
  readonly key: string;
  readonly encoding: string;
  readonly rows: readonly TestRow[];
  /** How many came before this one. */
  readonly number: number;
}

/**
 * What the api does with one upload: `store` it and answer the contract's 200, store it and lose the
 * answer, reset the connection, never answer, answer 413 without reading the body, or answer as given.
 */
export type ApiAct =
  | 'store'
  | 'store_then_reset'
  | 'reset'
  | 'hang'
  | { readonly status: number; readonly headers?: Record<string, string>; readonly body?: string };

export interface UploadApi {
  readonly url: string;
  readonly port: number;
  readonly uploads: ReceivedUpload[];
  /** Rows stored, by `miner_id timestamp`. */
  readonly stored: Set<string>;
  act: (upload: ReceivedUpload) => ApiAct;
  close(): Promise<void>;
}

/** An upload endpoint on a real socket that stores rows by (miner, time) and fails as told. */
export async function startUploadApi(act: UploadApi['act'] = () => 'store'): Promise<UploadApi> {
  const uploads: ReceivedUpload[] = [];
  const stored = new Set<string>();
  const batches = new Set<string>();

  const store = (upload: ReceivedUpload): string => {
    const isKnown = batches.has(upload.batchId);
    batches.add(upload.batchId);
    const fresh = upload.rows.filter((row) => !stored.has(keyOf(row)));
    for (const row of fresh) stored.add(keyOf(row));
    const data = { stored: fresh.length, duplicate: upload.rows.length - fresh.length, rejected: [] };
    return JSON.stringify({ success: true, duplicate: isKnown, data });
  };
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const chunks: Buffer[] = [];
    for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
    const upload: ReceivedUpload = {
      batchId: String(request.headers['x-batch-id']),
      key: String(request.headers['x-collector-key']),
      encoding: String(request.headers['content-encoding']),
      rows: JSON.parse(gunzipSync(Buffer.concat(chunks)).toString()) as TestRow[],
      number: uploads.length,
    };
    uploads.push(upload);
    const todo = api.act(upload);
    if (todo === 'hang') return;
    if (todo === 'store') return void response.writeHead(200).end(store(upload));
    if (todo === 'store_then_reset') store(upload);
    if (typeof todo === 'string') request.socket.resetAndDestroy();
    else response.writeHead(todo.status, todo.headers).end(todo.body ?? '');
  };

  const server = createServer((request, response) => {
    answer(request, response).catch(() => response.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const api: UploadApi = {
    url: `http://127.0.0.1:${port}/api/collector/upload`,
    port,
    uploads,
    stored,
    act,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  return api;
}

export function keyOf(row: TestRow): string {
  return `${row.miner_id} ${row.timestamp}`;
}

/** A batch of `rows` rows that no other batch has; `isJoined` as the batcher makes them, of pieces. */
export function makeBatch(options: {
  rows: number;
  slotMs: number;
  padding?: number;
  isJoined?: boolean;
}): Batch & { keys: string[] } {
  const batchId = randomUUID();
  const timestamp = new Date(options.slotMs).toISOString();
  const rows = Array.from({ length: options.rows }, (_, index) => ({
    miner_id: `${batchId}-${index}`,
    timestamp,
    padding: 'x'.repeat(options.padding ?? 0),
  }));
  const text = JSON.stringify(rows);
  const gz = options.isJoined === true ? joinPieces([gzipSync(text.slice(1, -1))]) : gzipSync(text);
  return { batchId, rows: options.rows, slotMs: options.slotMs, gz, keys: rows.map(keyOf) };
}

/** A folder of its own, removed by `remove`. */
export async function makeFolder(): Promise<{ path: string; remove: () => Promise<void> }> {
  const path = await mkdtemp(join(tmpdir(), 'headframe-spool-'));
  return { path, remove: () => rm(path, { recursive: true, force: true }) };
}

/** Writes `count` batches of one row as an earlier run would have left them; answers the names, oldest first. */
export async function fillFolder(dir: string, count: number, padding = 0): Promise<string[]> {
  const names: string[] = [];
  for (let index = 0; index < count; index++) {
    const batch = makeBatch({ rows: 1, slotMs: 1_000_000 + index, padding });
    const name = formatBatchName({ ...batch, timeMs: batch.slotMs, bytes: batch.gz.byteLength });
    await writeFile(join(dir, name), batch.gz);
    names.push(name);
  }
  return names;
}

export interface Delivery {
  readonly spool: Spool;
  readonly ledger: DeliveryLedger;
  readonly uploader: Uploader;
  readonly metricsText: () => Promise<string>;
  /** Schedules the rows and offers the batch, as the poller does. */
  offer(batch: Batch): boolean;
}

/** Opens a spool and its ledger. */
export async function openSpool(
  dir: string,
  options: Partial<SpoolOptions> = {},
): Promise<{ spool: Spool; ledger: DeliveryLedger; metrics: Metrics; metricsText: () => Promise<string> }> {
  const metrics = createMetrics({ withProcess: false });
  const ledger = new DeliveryLedger({ metrics });
  const log = createLogger('silent');
  const limits = { maxBytes: 1024 ** 3, maxAgeMs: 100 * 365 * 86_400_000 };
  const spool = await Spool.open({ dir, ledger, log, ...limits, ...options });
  return { spool, ledger, metrics, metricsText: () => metrics.text() };
}

/** The whole path from `offer` to the api, with short waits. */
export async function startDelivery(options: {
  dir: string;
  url: string;
  spool?: Partial<SpoolOptions>;
  uploader?: Partial<UploaderOptions>;
  deadlineMs?: number;
}): Promise<Delivery> {
  const { spool, ledger, metrics } = await openSpool(options.dir, options.spool);
  const uploader = new Uploader({
    spool,
    ledger,
    metrics,
    log: createLogger('silent'),
    client: new UploadClient({ url: options.url, connections: 4, deadlineMs: options.deadlineMs ?? 2_000 }),
    key: () => 'hsc_test',
    backoff: { minMs: 5, maxMs: 40, maxRetryAfterMs: 5_000, keyRetryMs: 200 },
    tendMs: 50,
    onEscalate: (error) => {
      throw error;
    },
    ...options.uploader,
  });
  uploader.start();
  const offer = (batch: Batch): boolean => {
    ledger.schedule(batch.rows);
    const isTaken = uploader.offer(batch);
    if (!isTaken) ledger.drop('uploader_busy', batch.rows);
    return isTaken;
  };
  return { spool, ledger, uploader, offer, metricsText: () => metrics.text() };
}
