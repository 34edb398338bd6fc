import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { PolledPiece } from '../src/domain/poll-task.js';
import type { WireRecord } from '../src/domain/wire.js';

const compress = promisify(gzip);

/** Records on their way into a batch: encoded once, compressed once, off the main thread. */
export class BatchWriter {
  #records: string[] = [];

  get rows(): number {
    return this.#records.length;
  }

  add(record: WireRecord): void {
    this.#records.push(JSON.stringify(record));
  }

  /** Everything added so far as one piece; `null` when there is nothing. */
  async take(): Promise<PolledPiece | null> {
    if (this.#records.length === 0) return null;
    const records = this.#records;
    this.#records = [];
    const gz = await compress(records.join(','), { level: 3 });
    // A pooled buffer cannot be transferred without taking its neighbours along.
    const isOwn = gz.byteOffset === 0 && gz.byteLength === gz.buffer.byteLength;
    return { rows: records.length, gz: isOwn ? gz : new Uint8Array(gz) };
  }
}
