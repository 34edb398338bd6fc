import { isAscii } from 'node:buffer';
import { createHash } from 'node:crypto';
import type { IngestRow, RejectedRow } from './ingest.js';
import type { IngestResult, IngestTask, UploadError } from './ingest-task.js';
import { areAsSent, readOwnRecord, type OwnRecord } from './own-record.js';
import { readRecord, type RecordContext } from './read-record.js';
import { RowTexts, textOf } from './row-texts.js';
import { parseUploadJson } from './upload-json.js';

/** What reading an inflated body needs. */
export type UploadContext = Pick<IngestTask, 'siteId' | 'batchId' | 'maxRecords' | 'context'>;

interface Entry {
  readonly key: string;
  readonly time: string;
  readonly isOnline: boolean;
  /** Of the record in the upload. */
  readonly index: number;
  /** Of the row's text among `Reading.texts`. */
  readonly row: number;
}

interface Reading {
  readonly entries: readonly Entry[];
  readonly texts: RowTexts;
  readonly rejected: readonly RejectedRow[];
  readonly newestMs: number | null;
}

/**
 * Reads an inflated upload: parse, validate each record alone, drop what stands twice, sort. Pure.
 * Of records with the same miner and time the first is kept, the others are `DUPLICATE_IN_BATCH`.
 */
export function readUpload(body: Uint8Array, upload: UploadContext): IngestResult {
  const reading = readBody(body, upload);
  if ('kind' in reading) return reading;
  const { entries, texts, rejected, newestMs } = reading;
  return {
    kind: 'parsed',
    batchId: upload.batchId ?? deriveBatchId(body, upload, newestMs !== null),
    rows: texts.toArray(entries.map((entry) => entry.row)),
    rowCount: entries.length,
    onlineCount: entries.reduce((count, entry) => count + (entry.isOnline ? 1 : 0), 0),
    indexes: Uint32Array.from(entries, (entry) => entry.index),
    online: Uint8Array.from(entries, (entry) => (entry.isOnline ? 1 : 0)),
    rejected,
    newestMs,
  };
}

function readBody(body: Uint8Array, upload: UploadContext): Reading | UploadError {
  const isPlain = isAscii(body);
  const bounds = splitRecords(body);
  if (bounds !== null && bounds.length - 1 <= upload.maxRecords) {
    const reading = readPieces(body, isPlain, bounds, upload);
    if (reading !== null) return reading;
  }
  const parsed = parseUploadJson(textOf(body, isPlain).replace(/^\ufeff/, ''));
  if (parsed.kind === 'invalid') return uploadError('JSON_INVALID', `Invalid JSON: ${parsed.message}`);
  const records: unknown = parsed.value;
  if (!Array.isArray(records)) return uploadError('NOT_AN_ARRAY', 'Expected array of miner data');
  if (records.length > upload.maxRecords) {
    return uploadError('BODY_TOO_LARGE', `More than ${upload.maxRecords} records in one upload`);
  }
  const reader = new RecordReader(upload, body.byteLength);
  for (const record of records) reader.read(record);
  return reader.finish();
}

const bodyStart = Buffer.from('[{"miner_id":"');
const bodyEnd = Buffer.from('}]');
const betweenRecords = Buffer.from('},{"miner_id":"');

/**
 * Where the records of a body as pollers write it begin, and behind them where the last one ends; null
 * for any other body. The quotes of a name never stand inside of JSON text unescaped, so a cut can only
 * be between objects; one that is deeper than the records leaves pieces that are no JSON.
 */
function splitRecords(body: Uint8Array): number[] | null {
  const buffer = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  const end = buffer.length - 1;
  if (!buffer.subarray(0, bodyStart.length).equals(bodyStart) || !buffer.subarray(end - 1).equals(bodyEnd))
    return null;
  const starts = [1];
  for (let at = buffer.indexOf(betweenRecords); at !== -1; at = buffer.indexOf(betweenRecords, at + 2))
    starts.push(at + 2);
  starts.push(end);
  return starts;
}

/**
 * One record after the other: what is parsed of one is garbage before the next, so that an upload of
 * any size holds little memory and the collector has little to copy. Null when a piece is no JSON.
 */
function readPieces(
  body: Uint8Array,
  isPlain: boolean,
  bounds: readonly number[],
  upload: UploadContext,
): Reading | null {
  const reader = new RecordReader(upload, body.byteLength);
  const end = bounds.length - 1;
  try {
    for (let piece = 0; piece < end; piece++) {
      const to = (bounds[piece + 1] ?? 0) - (piece === end - 1 ? 0 : 1);
      const text = textOf(body, isPlain, bounds[piece], to);
      const own = readOwnRecord(text);
      if (own === null) reader.read(JSON.parse(text));
      else reader.readOwn(own);
    }
  } catch {
    return null;
  }
  return reader.finish();
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

/** Row texts are a little longer than what was sent. */
const rowGrowth = 1.15;

class RecordReader {
  readonly #context: RecordContext;
  readonly #entries: Entry[] = [];
  readonly #texts: RowTexts;
  readonly #rejected: RejectedRow[] = [];
  readonly #seen = new Set<string>();
  #index = 0;
  #newestMs: number | null = null;

  constructor(upload: UploadContext, bodyBytes: number) {
    this.#context = upload.context;
    this.#texts = new RowTexts(Math.ceil(bodyBytes * rowGrowth));
  }

  read(record: unknown): void {
    const row = this.#take(record);
    if (row !== null) this.#texts.add(JSON.stringify(row));
  }

  /** What is stored as it was sent goes into the row as text. */
  readOwn({ record, boardsText, detailsText }: OwnRecord): void {
    const row = this.#take(record);
    if (row === null) return;
    const isBoardsText = row.boards !== null && areAsSent(row.boards, record['boards']);
    const isDetailsText = row.online && detailsText !== null;
    const unwritten: { boards: unknown; details: unknown } = row;
    if (isBoardsText) unwritten.boards = undefined;
    if (isDetailsText) unwritten.details = undefined;
    const parts = [JSON.stringify(row).slice(0, -1)];
    if (isBoardsText) parts.push(',"boards":', boardsText);
    if (isDetailsText) parts.push(',"details":', detailsText);
    this.#texts.add(...parts, '}');
  }

  finish(): Reading {
    this.#entries.sort(byKeyThenTime);
    return { entries: this.#entries, texts: this.#texts, rejected: this.#rejected, newestMs: this.#newestMs };
  }

  /** The row, when it is one to write. */
  #take(record: unknown): IngestRow | null {
    const index = this.#index++;
    const reading = readRecord(record, this.#context);
    if (reading.timeMs !== null) this.#newestMs = Math.max(this.#newestMs ?? reading.timeMs, reading.timeMs);
    if (reading.kind === 'rejected') {
      this.#rejected.push({ index, reason: reading.reason });
      return null;
    }
    const { key, time, online } = reading.row;
    const id = `${time} ${key}`;
    if (this.#seen.has(id)) {
      this.#rejected.push({ index, reason: 'DUPLICATE_IN_BATCH' });
      return null;
    }
    this.#seen.add(id);
    this.#entries.push({ key, time, isOnline: online, index, row: this.#entries.length });
    return reading.row;
  }
}

function byKeyThenTime(a: Entry, b: Entry): number {
  if (a.key !== b.key) return a.key < b.key ? -1 : 1;
  return a.time < b.time ? -1 : a.time > b.time ? 1 : 0;
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
