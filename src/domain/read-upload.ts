import { createHash } from 'node:crypto';
import type { IngestRow, RejectedRow } from './ingest.js';
import type { IngestResult, IngestTask, UploadError } from './ingest-task.js';
import { readRecord } from './read-record.js';
import { parseUploadJson } from './upload-json.js';

/** What reading an inflated body needs. */
export type UploadContext = Pick<IngestTask, 'siteId' | 'batchId' | 'maxRecords' | 'context'>;

interface Entry {
  readonly row: IngestRow;
  readonly index: number;
}

/**
 * Reads an inflated upload: parse, validate each record alone, drop what stands twice, sort. Pure.
 * Of records with the same miner and time the first is kept, the others are `DUPLICATE_IN_BATCH`.
 */
export function readUpload(body: Uint8Array, upload: UploadContext): IngestResult {
  const parsed = parseUploadJson(decodeUtf8(body));
  if (parsed.kind === 'invalid') return uploadError('JSON_INVALID', `Invalid JSON: ${parsed.message}`);
  const records: unknown = parsed.value;
  if (!Array.isArray(records)) return uploadError('NOT_AN_ARRAY', 'Expected array of miner data');
  if (records.length > upload.maxRecords) {
    return uploadError('BODY_TOO_LARGE', `More than ${upload.maxRecords} records in one upload`);
  }
  const { entries, rejected, newestMs } = readRecords(records, upload);
  return {
    kind: 'parsed',
    batchId: upload.batchId ?? deriveBatchId(body, upload, newestMs !== null),
    rowsJson: JSON.stringify(entries.map((entry) => entry.row)),
    rowCount: entries.length,
    onlineCount: entries.reduce((count, entry) => count + (entry.row.online ? 1 : 0), 0),
    indexes: Uint32Array.from(entries, (entry) => entry.index),
    online: Uint8Array.from(entries, (entry) => (entry.row.online ? 1 : 0)),
    rejected,
    newestMs,
  };
}

/** An error answer of the body. */
export function uploadError(code: UploadError['code'], message: string): UploadError {
  return { kind: 'error', code, message };
}

/** True when the body begins like gzip. */
export function isGzip(body: Uint8Array): boolean {
  return body[0] === 0x1f && body[1] === 0x8b;
}

/** The length a gzip body's trailer tells, bytes: modulo 2³², and not to be trusted. 0 for a body too short. */
export function announcedBytes(body: Uint8Array): number {
  return body.byteLength < 18
    ? 0
    : new DataView(body.buffer, body.byteOffset).getUint32(body.byteLength - 4, true);
}

function decodeUtf8(body: Uint8Array): string {
  const text = Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString('utf8');
  return text.startsWith('\ufeff') ? text.slice(1) : text;
}

function readRecords(
  records: readonly unknown[],
  upload: UploadContext,
): { entries: Entry[]; rejected: RejectedRow[]; newestMs: number | null } {
  const entries: Entry[] = [];
  const rejected: RejectedRow[] = [];
  const seen = new Set<string>();
  let newestMs: number | null = null;
  records.forEach((record, index) => {
    const reading = readRecord(record, upload.context);
    if (reading.timeMs !== null) newestMs = Math.max(newestMs ?? reading.timeMs, reading.timeMs);
    if (reading.kind === 'rejected') {
      rejected.push({ index, reason: reading.reason });
      return;
    }
    const id = `${reading.row.time} ${reading.row.key}`;
    if (seen.has(id)) {
      rejected.push({ index, reason: 'DUPLICATE_IN_BATCH' });
      return;
    }
    seen.add(id);
    entries.push({ row: reading.row, index });
  });
  entries.sort(byKeyThenTime);
  return { entries, rejected, newestMs };
}

function byKeyThenTime(a: Entry, b: Entry): number {
  if (a.row.key !== b.row.key) return a.row.key < b.row.key ? -1 : 1;
  return a.row.time < b.row.time ? -1 : a.row.time > b.row.time ? 1 : 0;
}

/**
 * The id of a batch whose sender gave none: a UUID (version 8) of the site and the inflated body's
 * SHA-256, so that a body sent again is recognised even when it was compressed anew.
 *
 * Records without a time are sampled on arrival, and an idle farm may honestly say the same thing
 * twice; so when no record carried a time the minute of arrival is part of the id. Within one minute
 * an identical timeless body is a resend; a resend across a minute's edge is one sample more, of the
 * same true content, which is the cheaper mistake of the two.
 */
function deriveBatchId(body: Uint8Array, upload: UploadContext, isDated: boolean): string {
  const minute = isDated ? 'dated' : String(Math.floor(upload.context.receivedMs / 60_000));
  const hash = createHash('sha256').update(`${upload.siteId} ${minute} `).update(body).digest();
  hash[6] = ((hash[6] ?? 0) & 0x0f) | 0x80;
  hash[8] = ((hash[8] ?? 0) & 0x3f) | 0x80;
  const hex = hash.toString('hex', 0, 16);
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}
