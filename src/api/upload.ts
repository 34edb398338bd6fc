import type { Request, Response } from 'express';
import { AppError } from '../domain/errors.js';
import type { ParsedUpload } from '../domain/ingest-task.js';
import type { CollectorKey, RejectedRow, WriteOutcome } from '../domain/ingest.js';
import { inSpan } from '../telemetry/tracing.js';
import { collectorOf } from './access.js';
import { declaredLength, estimateInflatedBytes, overloaded, readBody } from './body.js';
import { ByteBudget, type Lease } from './byte-budget.js';
import { withDatabaseDeadline } from './deadline.js';
import type { ApiDeps } from './deps.js';

const uuidPattern = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** The contract's answer to a stored upload. */
interface UploadAnswer {
  readonly success: true;
  /** The whole batch was stored before. */
  readonly duplicate?: true;
  /** History rows written. */
  readonly inserted: number;
  /** Live rows written. */
  readonly updated: number;
  /** `processed = online + offline = stored + duplicate`; refused records are in `rejected` alone. */
  readonly data: {
    readonly processed: number;
    readonly online: number;
    readonly offline: number;
    readonly processing_time_ms: number;
    readonly stored: number;
    readonly duplicate: number;
    readonly rejected: readonly RejectedRow[];
  };
}

/**
 * `POST /api/collector/upload`, behind the collector's guard. Order: declared size, room in memory, raw
 * body, then inflating and validating on a thread, one write; answered after its commit.
 */
export function createUploadHandler(deps: ApiDeps): (request: Request, response: Response) => Promise<void> {
  const { metrics, options } = deps;
  const budget = new ByteBudget(options.maxInflightBytes);
  metrics.gauge('headframe_ingest_inflight_bytes', () => budget.used);

  return async function handleUpload(request, response) {
    const key = collectorOf(response);
    const startedMs = performance.now();
    let outcome = 'INTERNAL';
    try {
      const answer = await takeUpload(deps, budget, key, request, response);
      outcome = answer.duplicate === true ? 'duplicate' : 'stored';
      response.json(answer);
    } catch (error) {
      if (error instanceof AppError) outcome = error.code;
      throw error;
    } finally {
      metrics.add('collector_upload_total', 1, { site: String(key.siteId), outcome });
      metrics.observe('collector_upload_latency_ms', performance.now() - startedMs);
    }
  };
}

async function takeUpload(
  deps: ApiDeps,
  budget: ByteBudget,
  key: CollectorKey,
  request: Request,
  response: Response,
): Promise<UploadAnswer> {
  const { options } = deps;
  const lease = budget.lease(declaredLength(request, options.maxWireBytes) ?? 0);
  if (lease === null) throw overloaded();
  try {
    if (request.headers.expect?.toLowerCase() === '100-continue') response.writeContinue();
    const body = await readBody(request, lease, {
      maxBytes: options.maxWireBytes,
      timeoutMs: options.bodyTimeoutMs,
    });
    return await storeBody(deps, lease, key, request, body);
  } finally {
    lease.release();
  }
}

async function storeBody(
  deps: ApiDeps,
  lease: Lease,
  key: CollectorKey,
  request: Request,
  body: Uint8Array,
): Promise<UploadAnswer> {
  const startedMs = performance.now();
  const receivedMs = deps.now();
  const wireBytes = body.byteLength;
  const inflatedBytes = estimateInflatedBytes(body, deps.options.maxInflatedBytes);
  if (!lease.tryResize(wireBytes + inflatedBytes)) throw overloaded();
  const upload = await inSpan('read upload', { attributes: { 'headframe.wire_bytes': wireBytes } }, () =>
    parse(deps, key, request, body, receivedMs),
  );
  lease.settle(upload.rows.byteLength);
  noteSkew(deps, key, upload, receivedMs);
  const outcome = await withDatabaseDeadline(
    deps.writeBatch({
      siteId: key.siteId,
      keyId: key.keyId,
      batchId: upload.batchId,
      receivedAt: new Date(receivedMs),
      rows: upload.rows,
      rowCount: upload.rowCount,
      onlineCount: upload.onlineCount,
      rejectedCount: upload.rejected.length,
      wireBytes,
      intervalS: readInterval(request.headers['x-poll-interval']),
    }),
    deps.options.databaseDeadlineMs,
  );
  const answer = toAnswer(upload, outcome, performance.now() - startedMs);
  countRows(deps, answer);
  return answer;
}

/** Seconds between the slots of the collector, when it tells any that can be. */
function readInterval(header: string | string[] | undefined): number | null {
  const intervalS = typeof header === 'string' && header !== '' ? Number(header) : NaN;
  return intervalS >= 1 && intervalS <= 86_400 ? intervalS : null;
}

async function parse(
  deps: ApiDeps,
  key: CollectorKey,
  request: Request,
  body: Uint8Array,
  receivedMs: number,
): Promise<ParsedUpload> {
  const { options } = deps;
  const batchId = request.headers['x-batch-id'];
  const result = await deps.parseUpload({
    body,
    saysGzip: /\bgzip\b/i.test(request.headers['content-encoding'] ?? ''),
    siteId: key.siteId,
    batchId: typeof batchId === 'string' && uuidPattern.test(batchId) ? batchId.toLowerCase() : null,
    maxInflatedBytes: options.maxInflatedBytes,
    maxRecords: options.maxRecords,
    context: {
      receivedMs,
      maxAgeMs: options.maxSampleAgeMs,
      maxAheadMs: options.maxSampleAheadMs,
      thresholds: options.thresholds,
    },
  });
  if (result.kind === 'error') throw new AppError(result.code, result.message);
  return result;
}

function noteSkew(deps: ApiDeps, key: CollectorKey, upload: ParsedUpload, receivedMs: number): void {
  if (upload.newestMs === null) return;
  deps.metrics.set('headframe_clock_skew_seconds', (receivedMs - upload.newestMs) / 1000, {
    site: String(key.siteId),
  });
}

/** Rows the database could not take are named by their place in the upload. */
function toAnswer(upload: ParsedUpload, outcome: WriteOutcome, elapsedMs: number): UploadAnswer {
  const unstorable = outcome.unstorable.map((position) => ({
    index: upload.indexes[position] ?? position,
    reason: 'UNSTORABLE' as const,
  }));
  const lostOnline = outcome.unstorable.filter((position) => upload.online[position] === 1).length;
  const processed = upload.rowCount - unstorable.length;
  const online = upload.onlineCount - lostOnline;
  return {
    success: true,
    ...(outcome.isDuplicateBatch ? { duplicate: true as const } : {}),
    inserted: outcome.stored,
    updated: outcome.updated,
    data: {
      processed,
      online,
      offline: processed - online,
      processing_time_ms: Math.round(elapsedMs),
      stored: outcome.stored,
      duplicate: processed - outcome.stored,
      rejected: [...upload.rejected, ...unstorable].sort((a, b) => a.index - b.index),
    },
  };
}

function countRows({ metrics }: ApiDeps, { data }: UploadAnswer): void {
  metrics.add('headframe_ingest_rows_total', data.stored, { outcome: 'stored' });
  metrics.add('headframe_ingest_rows_total', data.duplicate, { outcome: 'duplicate' });
  metrics.add('headframe_ingest_rows_total', data.rejected.length, { outcome: 'rejected' });
  for (const { reason } of data.rejected) metrics.add('headframe_ingest_rejected_total', 1, { reason });
}
