import { randomUUID } from 'node:crypto';
import type { PolledPiece } from '../domain/poll-task.js';
import { joinPieces } from './batch-gzip.js';
import { causedBy, recordSpan, type TraceParent } from '../telemetry/tracing.js';
import type { Batch } from './spool.js';

export interface BatcherOptions {
  /** A record waits at most this long, ms. */
  readonly flushMs: number;
  readonly maxRows: number;
  readonly maxBytes: number;
  /** Takes a full batch in the same tick. */
  readonly deliver: (batch: Batch) => void;
}

/** Gathers the pieces that a site's shards give into batches, so that a large site makes few requests. */
export class Batcher {
  readonly #options: BatcherOptions;
  #pieces: Uint8Array[] = [];
  #bytes = 0;
  #rows = 0;
  #slotMs = 0;
  #traces: (TraceParent | undefined)[] = [];
  #startMs = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: BatcherOptions) {
    this.#options = options;
  }

  /** Rows in hand. */
  get rows(): number {
    return this.#rows;
  }

  add(piece: PolledPiece, slotMs: number, trace?: TraceParent): void {
    const { maxRows, maxBytes, flushMs } = this.#options;
    if (this.#rows > 0 && (this.#rows + piece.rows > maxRows || this.#bytes + piece.gz.length > maxBytes))
      this.flush();
    if (this.#rows === 0) {
      this.#slotMs = slotMs;
      this.#startMs = Date.now();
      this.#timer = setTimeout(() => this.flush(), flushMs);
    }
    this.#pieces.push(piece.gz);
    this.#traces.push(trace);
    this.#rows += piece.rows;
    this.#bytes += piece.gz.length;
  }

  /** Hands over what is in hand. */
  flush(): void {
    clearTimeout(this.#timer);
    if (this.#rows === 0) return;
    const batchId = randomUUID();
    const trace = this.#record(batchId);
    const batch = {
      batchId,
      rows: this.#rows,
      gz: joinPieces(this.#pieces),
      slotMs: this.#slotMs,
      ...(trace !== undefined && { trace }),
    };
    this.#pieces = [];
    this.#traces = [];
    this.#rows = 0;
    this.#bytes = 0;
    this.#options.deliver(batch);
  }

  #record(batchId: string): TraceParent | undefined {
    const attributes = { 'headframe.batch_id': batchId, 'headframe.rows': this.#rows };
    return recordSpan('batch', {
      ...causedBy(this.#traces),
      startMs: this.#startMs,
      endMs: Date.now(),
      attributes,
    });
  }
}
