import { createGunzip, gunzipSync } from 'node:zlib';
import { move, transferableSymbol, valueSymbol } from 'piscina';
import type { IngestResult, IngestTask, UploadError } from '../src/domain/ingest-task.js';
import { announcedBytes, isGzip, readUpload, uploadError } from '../src/domain/read-upload.js';

/** What is inflated in one go; a body that says or turns out to be larger is measured first. */
const unmeasuredBytes = 8 * 1024 ** 2;
/** Past `unmeasuredBytes`, what inflates to more than this is a bomb: records differ at least in their miner. */
const maxRatio = 400;
/** Large enough to be fast, small enough that the dead ones do not add up before they are collected. */
const measureChunkBytes = 512 * 1024;

/** One upload per task: inflate, parse, validate, sort. Expected faults are returned, never thrown. */
export default async function ingest(task: IngestTask): Promise<IngestResult> {
  const inflated = await inflate(task);
  return inflated instanceof Uint8Array ? transfer(readUpload(inflated, task)) : inflated;
}

/** The rows are megabytes: they change hands instead of being copied. */
function transfer(result: IngestResult): IngestResult {
  if (result.kind === 'error') return result;
  const transferable = { [transferableSymbol]: [result.rows.buffer], [valueSymbol]: result };
  return move(transferable) as unknown as IngestResult;
}

/**
 * Inflates by content: the gzip magic decides, not the content type. Never more than
 * `maxInflatedBytes`, and no more than `unmeasuredBytes` in memory before the rest is known to fit:
 * a bomb is only ever counted, and not to its end. The trailer's length is a hint, no proof.
 */
async function inflate({ body, saysGzip, maxInflatedBytes }: IngestTask): Promise<Uint8Array | UploadError> {
  if (!isGzip(body)) {
    if (saysGzip) return uploadError('GZIP_INVALID', 'Invalid gzip body');
    return body.byteLength > maxInflatedBytes ? tooLarge(maxInflatedBytes) : body;
  }
  const firstBytes = Math.min(unmeasuredBytes, maxInflatedBytes);
  const hint = announcedBytes(body);
  try {
    const small = hint > firstBytes ? null : gunzipWithin(body, firstBytes, hint);
    const inflated = small ?? (await gunzipMeasured(body, maxInflatedBytes));
    if (inflated === null) return tooLarge(maxInflatedBytes);
    return isGzip(inflated) ? uploadError('GZIP_INVALID', 'Invalid gzip body') : inflated;
  } catch {
    return uploadError('GZIP_INVALID', 'Invalid gzip body');
  }
}

/** Null when it becomes more than `maxBytes`; throws when it is no complete gzip. */
function gunzipWithin(body: Uint8Array, maxBytes: number, hintBytes: number): Uint8Array | null {
  try {
    // One buffer of the right size: no list of chunks to copy together. A byte more shows the end.
    return gunzipSync(body, { maxOutputLength: maxBytes, chunkSize: Math.max(65_536, hintBytes + 1) });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') return null;
    throw error;
  }
}

async function gunzipMeasured(body: Uint8Array, maxBytes: number): Promise<Uint8Array | null> {
  const gunzip = createGunzip({ chunkSize: measureChunkBytes });
  gunzip.end(body);
  let bytes = 0;
  for await (const chunk of gunzip as AsyncIterable<Buffer>) {
    bytes += chunk.byteLength;
    if (bytes > maxBytes) return null;
    if (bytes > unmeasuredBytes && bytes > gunzip.bytesWritten * maxRatio) return null;
  }
  return gunzipWithin(body, maxBytes, bytes);
}

function tooLarge(maxInflatedBytes: number): UploadError {
  return uploadError('BODY_TOO_LARGE', `Inflated body is over ${maxInflatedBytes} bytes`);
}
