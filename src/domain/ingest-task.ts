import type { ErrorCode } from './errors.js';
import type { RecordContext } from './read-record.js';
import type { RejectedRow } from './ingest.js';

/** What crosses to an ingest thread: one upload as it came off the wire. */
export interface IngestTask {
  /** Transferred: the sender's copy is gone. */
  readonly body: Uint8Array;
  /** The request said `Content-Encoding: gzip`. */
  readonly saysGzip: boolean;
  readonly siteId: number;
  /** From `X-Batch-Id` when it was a UUID. */
  readonly batchId: string | null;
  readonly maxInflatedBytes: number;
  readonly maxRecords: number;
  readonly context: RecordContext;
}

/** The errors an upload's body can have. */
type UploadErrorCode = Extract<
  ErrorCode,
  'BODY_TOO_LARGE' | 'GZIP_INVALID' | 'JSON_INVALID' | 'NOT_AN_ARRAY'
>;

export interface UploadError {
  readonly kind: 'error';
  readonly code: UploadErrorCode;
  readonly message: string;
}

/** An upload ready to be written. */
export interface ParsedUpload {
  readonly kind: 'parsed';
  readonly batchId: string;
  /** JSON text in UTF-8: array of `IngestRow`, sorted by key, then time. Transferred. */
  readonly rows: Uint8Array;
  readonly rowCount: number;
  readonly onlineCount: number;
  /** Position of each row in the upload, in the order of `rows`. */
  readonly indexes: Uint32Array;
  /** 1 where the row is online, in the order of `rows`. */
  readonly online: Uint8Array;
  readonly rejected: readonly RejectedRow[];
  /** Newest time any record carried, also a refused one, ms since the epoch; null when none did. */
  readonly newestMs: number | null;
}

export type IngestResult = ParsedUpload | UploadError;
