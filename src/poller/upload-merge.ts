import { joinPieces, piecesOf } from './batch-gzip.js';
import type { Batch, Spool } from './spool.js';
import { derivedBatchId, parseBatchName } from './spool-name.js';
import type { HeldBatch, LiveBuffer } from './upload-queue.js';

/** Bounds of one request made of several batches; one batch alone may pass them. */
export interface MergeLimits {
  readonly batches: number;
  readonly rows: number;
  readonly bytes: number;
}

export const defaultMergeLimits: MergeLimits = { batches: 32, rows: 5_000, bytes: 2 * 1024 ** 2 };

interface Size {
  readonly rows: number;
  readonly bytes: number;
}

/**
 * How many waiting batches go into one request, so that a backlog of many small ones spends few of the
 * requests a key may make. Doubles with every success; one at a time after a failure, so that a batch
 * the api chokes on, or cannot store within its deadline, soon stands alone.
 */
export class MergeSize {
  readonly #limits: MergeLimits;
  #batches = 1;

  constructor(limits: MergeLimits) {
    this.#limits = limits;
  }

  succeed(): void {
    this.#batches = Math.min(this.#limits.batches, this.#batches * 2);
  }

  fail(): void {
    this.#batches = 1;
  }

  /** True when `next` may go with those taken already. */
  fits(taken: readonly Size[], next: Size): boolean {
    if (taken.length === 0) return true;
    const sum = (of: (one: Size) => number): number =>
      taken.reduce((total, one) => total + of(one), of(next));
    return (
      taken.length < this.#batches &&
      sum((one) => one.rows) <= this.#limits.rows &&
      sum((one) => one.bytes) <= this.#limits.bytes
    );
  }
}

/** True for a batch that was joined of pieces, as the batcher makes them. */
export function isMergeable(batch: Batch): boolean {
  return piecesOf(batch.gz) !== null;
}

/** One batch of the rows of several, under an id that is the same for the same batches. */
export function mergeBatches(batches: readonly Batch[]): Batch {
  const ids = batches.map(({ batchId }) => batchId).join();
  return {
    batchId: derivedBatchId(ids, batches.length),
    rows: batches.reduce((sum, { rows }) => sum + rows, 0),
    gz: joinPieces(batches.map(({ gz }) => piecesOf(gz)).filter((piece) => piece !== null)),
    slotMs: Math.min(...batches.map(({ slotMs }) => slotMs)),
  };
}

/** The newest batch in memory and, after an outage, those behind it; all but a single one are claimed files. */
export function takeFresh(live: LiveBuffer, spool: Spool, size: MergeSize): HeldBatch[] {
  const taken: HeldBatch[] = [];
  for (let held = live.peekNewest(); held !== undefined; held = live.peekNewest()) {
    const mayJoin = [...taken, held].every(({ batch, name }) => name !== null && isMergeable(batch));
    if (taken.length > 0 && !(mayJoin && size.fits(taken.map(sizeOf), sizeOf(held)))) break;
    live.takeNewest();
    if (held.name === null || spool.claim(held.name)) taken.push(held);
  }
  return taken;
}

/** Claims the oldest files that nobody has, as many as may go together. */
export function claimOldest(
  spool: Spool,
  size: MergeSize,
  isSkipped: (name: string) => boolean = () => false,
): string[] {
  const names: string[] = [];
  const sizes: Size[] = [];
  for (let name = spool.claimOldest(isSkipped); name !== null; name = spool.claimOldest(isSkipped)) {
    const next = parseBatchName(name) ?? { rows: 0, bytes: 0 };
    if (!size.fits(sizes, next)) {
      spool.release(name);
      break;
    }
    names.push(name);
    sizes.push(next);
  }
  return names;
}

function sizeOf({ batch }: HeldBatch): Size {
  return { rows: batch.rows, bytes: batch.gz.byteLength };
}
