import { createHash } from 'node:crypto';
import type { IngestBatch, IngestRow, WriteOutcome } from '../domain/ingest.js';
import { decodeUtf8 } from '../domain/row-texts.js';
import { classifyFailure, errorCode } from './database-error.js';
import type { Database } from './database.js';
import { lendBytes } from './large-parameter.js';
import { ensurePartitions } from './partitions.js';
import { readQuery } from './sql-files.js';

export interface TelemetryStoreOptions {
  /** Bad rows looked for in one batch; past it, parts that are refused are not halved further. Default 64. */
  readonly maxUnstorable?: number;
  readonly deadlineMs?: number;
  readonly sqlDir?: string;
}

interface Counts {
  readonly stored: number;
  readonly updated: number;
  readonly created: number;
  readonly is_duplicate_batch: boolean;
  /** JSON text; null when the batch was written. */
  readonly claims: string | null;
}

/** Times identities are settled for one batch; past them its doubtful rows go by their address. */
const maxSettlings = 4;

/**
 * Writes batches, each with one statement that commits whole or not at all. A batch id already in the
 * ledger changes nothing. Throws `DATABASE_UNAVAILABLE`; after it the same batch may be written again.
 */
export class TelemetryStore {
  readonly #db: Database;
  readonly #statement: string;
  readonly #settling: string;
  readonly #maxUnstorable: number;
  readonly #callOptions: { readonly deadlineMs?: number };

  constructor(db: Database, options: TelemetryStoreOptions = {}) {
    this.#db = db;
    this.#statement = readQuery('ingest_batch', options.sqlDir);
    this.#settling = readQuery('settle_identities', options.sqlDir);
    this.#maxUnstorable = options.maxUnstorable ?? 64;
    this.#callOptions = options.deadlineMs === undefined ? {} : { deadlineMs: options.deadlineMs };
  }

  async writeBatch(batch: IngestBatch): Promise<WriteOutcome> {
    try {
      return toOutcome(batch, await this.#write(batch));
    } catch (error) {
      if (classifyFailure(error) !== 'data') throw error;
      // No partition for a time that validation let pass: maintenance did not run.
      if (errorCode(error) === '23514') await ensurePartitions(this.#db, batch.receivedAt);
    }
    return await this.#writeParts(batch);
  }

  /**
   * Halves a batch that holds rows the database cannot take until they stand alone. Each part is a batch
   * with an id that follows from its place, so that doing it all again changes nothing.
   */
  async #writeParts(batch: IngestBatch): Promise<WriteOutcome> {
    const rows = JSON.parse(decodeUtf8(batch.rows)) as IngestRow[];
    const parts = [{ from: 0, to: rows.length }];
    const unstorable: number[] = [];
    let total: WriteOutcome | null = null;
    for (let part = parts.pop(); part !== undefined; part = parts.pop()) {
      const { from, to } = part;
      const isFirst = total === null;
      const outcome = await this.#tryWrite(partOf(batch, rows.slice(from, to), from, isFirst));
      if (outcome !== null) total = total === null ? outcome : addOutcomes(total, outcome);
      else if (to - from === 1 || unstorable.length >= this.#maxUnstorable) {
        for (let index = from; index < to; index++) unstorable.push(index);
      } else {
        const middle = (from + to) >> 1;
        parts.push({ from: middle, to }, { from, to: middle });
      }
    }
    const none = { stored: 0, duplicate: 0, updated: 0, created: 0, isDuplicateBatch: false };
    return { ...(total ?? none), unstorable };
  }

  /** Null when the part still holds a row that cannot be stored. */
  async #tryWrite(part: IngestBatch): Promise<WriteOutcome | null> {
    try {
      return toOutcome(part, await this.#write(part));
    } catch (error) {
      if (classifyFailure(error) !== 'data') throw error;
      return null;
    }
  }

  /** Writes a batch; when rows say that a miner is new, moved or replaced, that is settled first. */
  async #write(batch: IngestBatch): Promise<Counts> {
    let made = 0;
    for (let settled = 0; ; settled++) {
      const counts = await this.#attempt(batch, settled >= maxSettlings);
      if (counts.claims === null) return { ...counts, created: counts.created + made };
      made += await this.#settle(batch.siteId, counts.claims);
    }
  }

  async #settle(siteId: number, claims: string): Promise<number> {
    const [settled] = await this.#db.run(
      'settle_identities',
      (sql) => sql.unsafe<{ made: number }[]>(this.#settling, [siteId, claims], { prepare: true }),
      this.#callOptions,
    );
    return settled?.made ?? 0;
  }

  async #attempt(batch: IngestBatch, goesByAddress: boolean): Promise<Counts> {
    const parameters = [
      batch.siteId,
      batch.batchId,
      batch.keyId,
      batch.receivedAt.toISOString(),
      batch.rowCount,
      batch.onlineCount,
      batch.rejectedCount,
      batch.wireBytes,
      String(goesByAddress),
      batch.intervalS === null ? null : String(batch.intervalS),
    ];
    const [counts] = await this.#db.run(
      'ingest_batch',
      (sql) => {
        const rows = lendBytes(sql, batch.rows);
        const query = sql.unsafe<Counts[]>(this.#statement, [rows.text, ...parameters], { prepare: true });
        query.then(rows.release, rows.release);
        return query;
      },
      this.#callOptions,
    );
    if (counts === undefined) throw new Error('the ingest statement answered no row');
    return counts;
  }
}

function toOutcome(batch: IngestBatch, counts: Counts): WriteOutcome {
  return {
    stored: counts.stored,
    duplicate: batch.rowCount - counts.stored,
    updated: counts.updated,
    created: counts.created,
    isDuplicateBatch: counts.is_duplicate_batch,
    unstorable: [],
  };
}

function addOutcomes(a: WriteOutcome, b: WriteOutcome): WriteOutcome {
  return {
    stored: a.stored + b.stored,
    duplicate: a.duplicate + b.duplicate,
    updated: a.updated + b.updated,
    created: a.created + b.created,
    isDuplicateBatch: a.isDuplicateBatch && b.isDuplicateBatch,
    unstorable: [],
  };
}

/** Rows of a batch from `from` on, as a batch. What is counted once per batch goes with the first part. */
function partOf(batch: IngestBatch, rows: readonly IngestRow[], from: number, isFirst: boolean): IngestBatch {
  return {
    ...batch,
    batchId: partId(batch.batchId, from, rows.length),
    rows: Buffer.from(JSON.stringify(rows)),
    rowCount: rows.length,
    onlineCount: rows.filter((row) => row.online).length,
    rejectedCount: isFirst ? batch.rejectedCount : 0,
    wireBytes: isFirst ? batch.wireBytes : 0,
  };
}

function partId(batchId: string, from: number, length: number): string {
  const hex = createHash('sha256').update(`${batchId}:${from}:${length}`).digest('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20, 32)].join(
    '-',
  );
}
