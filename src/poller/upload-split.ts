import { promisify } from 'node:util';
import { gunzip, gzip } from 'node:zlib';
import type { Batch } from './spool.js';
import { derivedBatchId } from './spool-name.js';
import type { RejectedUploadRow, UploadOutcome } from './upload-client.js';
import type { RowsAnswered } from './delivery-ledger.js';

const inflate = promisify(gunzip);
const deflate = promisify(gzip);

/** The rows of a batch; `null` when it is no gzip of a JSON array or inflates to more than `maxBytes`. */
export async function rowsOf(gz: Uint8Array, maxBytes: number): Promise<unknown[] | null> {
  try {
    const rows: unknown = JSON.parse((await inflate(gz, { maxOutputLength: maxBytes })).toString('utf8'));
    return Array.isArray(rows) ? rows : null;
  } catch {
    return null;
  }
}

/** Two halves with ids derived from the batch's. `rows` are the batch's, at least two. */
export async function splitBatch(batch: Batch, rows: readonly unknown[]): Promise<[Batch, Batch]> {
  const middle = rows.length >>> 1;
  const part = async (index: number, slice: readonly unknown[]): Promise<Batch> => ({
    batchId: derivedBatchId(batch.batchId, index),
    rows: slice.length,
    gz: await deflate(JSON.stringify(slice)),
    slotMs: batch.slotMs,
    ...(batch.trace && { trace: batch.trace }),
  });
  return [await part(0, rows.slice(0, middle)), await part(1, rows.slice(middle))];
}

/** Rejects that name a row of the batch, each row once. */
export function validRejects(rejected: readonly RejectedUploadRow[], rows: number): RejectedUploadRow[] {
  const byIndex = new Map(
    rejected.filter(({ index }) => index < rows).map((reject) => [reject.index, reject]),
  );
  return [...byIndex.values()];
}

/**
 * The rows of an acknowledged batch by outcome. What the api does not tell counts as stored; what it
 * does tell is taken as said, so that a row it lost shows in the conservation law.
 */
export function rowsAnswered(
  rows: number,
  outcome: Extract<UploadOutcome, { kind: 'acked' }>,
  rejected: number,
): RowsAnswered {
  const rest = rows - rejected;
  if (outcome.isDuplicateBatch) return { stored: 0, duplicate: rest, rejected };
  const duplicate = outcome.duplicate ?? (outcome.stored === null ? 0 : Math.max(0, rest - outcome.stored));
  const stored = outcome.stored ?? Math.max(0, rest - duplicate);
  return { stored, duplicate, rejected };
}
