import { gunzipSync } from 'node:zlib';
import type { IngestResult, IngestTask, UploadError } from '../src/domain/ingest-task.js';
import { readUpload, uploadError } from '../src/domain/read-upload.js';

/** One upload per task: inflate, parse, validate, sort. Expected faults are returned, never thrown. */
export default function ingest(task: IngestTask): IngestResult {
  const inflated = inflate(task);
  return inflated instanceof Uint8Array ? readUpload(inflated, task) : inflated;
}

/**
 * Inflates by content: the gzip magic decides, not the content type. Never more than
 * `maxInflatedBytes`; a body whose trailer announces more is refused before a byte is inflated.
 */
function inflate(task: IngestTask): Uint8Array | UploadError {
  const { body, maxInflatedBytes } = task;
  if (!isGzip(body)) {
    if (task.saysGzip) return uploadError('GZIP_INVALID', 'Invalid gzip body');
    return body.byteLength > maxInflatedBytes ? tooLarge(maxInflatedBytes) : body;
  }
  if (announcedBytes(body) > maxInflatedBytes) return tooLarge(maxInflatedBytes);
  try {
    const inflated = gunzipSync(body, { maxOutputLength: maxInflatedBytes, chunkSize: 256 * 1024 });
    return isGzip(inflated) ? uploadError('GZIP_INVALID', 'Invalid gzip body') : inflated;
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ERR_BUFFER_TOO_LARGE') return tooLarge(maxInflatedBytes);
    return uploadError('GZIP_INVALID', 'Invalid gzip body');
  }
}

function tooLarge(maxInflatedBytes: number): UploadError {
  return uploadError('BODY_TOO_LARGE', `Inflated body is over ${maxInflatedBytes} bytes`);
}

function isGzip(body: Uint8Array): boolean {
  return body[0] === 0x1f && body[1] === 0x8b;
}

/** The trailer's length field: modulo 2³² and not to be trusted, but a plain bomb tells the truth there. */
function announcedBytes(body: Uint8Array): number {
  return body.byteLength < 18
    ? 0
    : new DataView(body.buffer, body.byteOffset).getUint32(body.byteLength - 4, true);
}
