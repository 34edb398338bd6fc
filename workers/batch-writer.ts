import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { PolledPiece } from '../src/domain/poll-task.js';
import type { WireRecord } from '../src/domain/wire.js';
import { TextChunks } from './text-chunks.js';

const compress = promisify(gzip);
/** A shard's batch comes out in one piece: in the default's 16 KiB it is put together of several. */
const gzipChunkBytes = 131_072;

/** Records on their way into a batch: encoded once, compressed once, off the main thread. */
export class BatchWriter {
  readonly #text = new TextChunks();
  #rows = 0;

  get rows(): number {
    return this.#rows;
  }

  add(record: WireRecord): void {
    if (this.#rows > 0) this.#text.add(',');
    this.#text.add(JSON.stringify(record));
    this.#rows++;
  }

  /** Everything added so far as one piece; `null` when there is nothing. */
  async take(): Promise<Pick<PolledPiece, 'rows' | 'gz'> | null> {
    if (this.#rows === 0) return null;
    const rows = this.#rows;
    this.#rows = 0;
    const gz = await compress(this.#text.take(), { level: 3, chunkSize: gzipChunkBytes });
    // A pooled buffer cannot be transferred without taking its neighbours along.
    const isOwn = gz.byteOffset === 0 && gz.byteLength === gz.buffer.byteLength;
    return { rows, gz: isOwn ? gz : new Uint8Array(gz) };
  }
}
