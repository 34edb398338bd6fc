import { createHash } from 'node:crypto';

/** All the spool knows of a batch without opening its file. */
export interface BatchName {
  /** Slot of the batch, ms since the epoch. */
  readonly timeMs: number;
  readonly rows: number;
  /** Compressed size, bytes: a shorter file was cut. */
  readonly bytes: number;
  /** UUID, sent as `X-Batch-Id`. */
  readonly batchId: string;
  /** W3C `traceparent` of the batch's span; absent where it was not traced. */
  readonly trace?: string;
}

/** Ending of every batch file. */
export const batchSuffix = '.json.gz';

/** Start of the name of a file being written; what a crash leaves of it is removed at start. */
export const tempPrefix = '.tmp-';

const pattern =
  /^(\d{13})-r(\d{1,9})-b(\d{1,10})-([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})(?:-t([0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}))?\.json\.gz$/;

/**
 * `<time ms, 13 digits>-r<rows>-b<bytes>-<uuid>.json.gz`: sorting names sorts by time. A traced batch has
 * `-t<traceparent>` behind its id, so that it is still part of its trace when it is sent days later.
 */
export function formatBatchName(batch: BatchName): string {
  const time = String(Math.max(0, Math.trunc(batch.timeMs))).padStart(13, '0');
  const trace = batch.trace === undefined ? '' : `-t${batch.trace}`;
  return `${time}-r${batch.rows}-b${batch.bytes}-${batch.batchId.toLowerCase()}${trace}${batchSuffix}`;
}

/** `null` when the name is not one of ours. */
export function parseBatchName(name: string): BatchName | null {
  const match = pattern.exec(name);
  if (match === null) return null;
  const [, time = '', rows = '', bytes = '', batchId = '', trace] = match;
  const facts = { timeMs: Number(time), rows: Number(rows), bytes: Number(bytes), batchId };
  return trace === undefined ? facts : { ...facts, trace };
}

/**
 * The id of a part of a split batch, always the same for the same parent and part, so that a batch
 * split twice (a crash in between) gives the same files and the api recognises them. RFC 9562 version 8.
 */
export function derivedBatchId(parentId: string, part: number): string {
  const hash = createHash('sha256').update(`${parentId.toLowerCase()}:${part}`).digest();
  hash[6] = ((hash[6] ?? 0) & 0x0f) | 0x80;
  hash[8] = ((hash[8] ?? 0) & 0x3f) | 0x80;
  const hex = hash.toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20, 32)].join(
    '-',
  );
}
