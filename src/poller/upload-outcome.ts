import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { Logger } from '../telemetry/logger.js';
import type { DeliveryLedger } from './delivery-ledger.js';
import type { Spool } from './spool.js';
import { formatBatchName, batchSuffix } from './spool-name.js';
import type { UploadOutcome } from './upload-client.js';
import type { HeldBatch } from './upload-queue.js';
import { rowsAnswered, rowsOf, splitBatch, validRejects } from './upload-split.js';

const deflate = promisify(gzip);

export interface SettlerOptions {
  readonly spool: Spool;
  readonly ledger: DeliveryLedger;
  /** Batches in memory only; who ends one takes it out in the tick in which its rows are counted. */
  readonly unspooled: Set<HeldBatch>;
  readonly log: Logger;
  readonly maxInflatedBytes: number;
  /** Batches a minute whose rejected rows are kept; those of more are only counted. */
  readonly maxKeptRejectsPerMinute: number;
  readonly now: () => number;
}

/** What is left to do with a batch after a definite answer: nothing, try later, or upload its parts. */
export type Settled =
  | { readonly kind: 'ended' }
  | { readonly kind: 'kept' }
  | { readonly kind: 'parts'; readonly parts: readonly HeldBatch[] };

/** Answers that decide a batch's fate. */
export type Definite = Extract<UploadOutcome, { kind: 'acked' | 'split' | 'quarantine' }>;

/** Carries out the definite answers of the api on a batch, spooled and claimed or in memory only. */
export class UploadSettler {
  readonly #options: SettlerOptions;
  #keptSinceMs = 0;
  #kept = 0;

  constructor(options: SettlerOptions) {
    this.#options = options;
  }

  async settle(held: HeldBatch, outcome: Definite): Promise<Settled> {
    switch (outcome.kind) {
      case 'acked':
        await this.#acknowledge(held, outcome);
        return { kind: 'ended' };
      case 'quarantine':
        return this.#setAside(held, `http_${outcome.status}`);
      case 'split':
        return this.#split(held);
    }
  }

  async #setAside(held: HeldBatch, reason: string): Promise<Settled> {
    const { spool, ledger, unspooled, log } = this.#options;
    if (held.name !== null) return { kind: (await spool.quarantine(held.name, reason)) ? 'ended' : 'kept' };
    ledger.quarantine(reason, held.batch.rows);
    unspooled.delete(held);
    log.warn({ batchId: held.batch.batchId, reason }, 'batch put into quarantine');
    await spool.keepAside(`${stemOf(held)}.${reason}${batchSuffix}`, held.batch.gz);
    return { kind: 'ended' };
  }

  async #acknowledge(held: HeldBatch, outcome: Extract<UploadOutcome, { kind: 'acked' }>): Promise<void> {
    const { spool, ledger, unspooled, log } = this.#options;
    const { batchId, rows } = held.batch;
    const rejects = validRejects(outcome.rejected, rows);
    if (rejects.length > 0 && this.#mayKeep()) await this.#keepRejects(held, rejects);
    const answered = rowsAnswered(rows, outcome, rejects.length);
    if (answered.stored + answered.duplicate + answered.rejected !== rows) {
      log.warn({ batchId, rows, answered }, 'api answered for another number of rows');
    }
    ledger.answer(answered);
    if (held.name === null) unspooled.delete(held);
    else await spool.remove(held.name);
  }

  async #keepRejects(held: HeldBatch, rejects: ReturnType<typeof validRejects>): Promise<void> {
    const { spool, ledger, maxInflatedBytes } = this.#options;
    const rows = await rowsOf(held.batch.gz, maxInflatedBytes);
    const kept = rejects.map((reject) => ({ ...reject, row: rows?.[reject.index] ?? null }));
    await spool.keepAside(`${stemOf(held)}.rejected_rows${batchSuffix}`, await deflate(JSON.stringify(kept)));
    ledger.quarantine('rejected_rows', 0);
  }

  #mayKeep(): boolean {
    const nowMs = this.#options.now();
    if (Math.abs(nowMs - this.#keptSinceMs) >= 60_000) {
      this.#keptSinceMs = nowMs;
      this.#kept = 0;
    }
    return this.#kept++ < this.#options.maxKeptRejectsPerMinute;
  }

  async #split(held: HeldBatch): Promise<Settled> {
    const { spool, unspooled, maxInflatedBytes } = this.#options;
    const rows = await rowsOf(held.batch.gz, maxInflatedBytes);
    if (rows === null || rows.length < 2) {
      return this.#setAside(held, rows === null ? 'unreadable_rows' : 'row_too_large');
    }
    const parts = await splitBatch(held.batch, rows);
    if (held.name !== null) return { kind: (await spool.replace(held.name, parts)) ? 'ended' : 'kept' };
    unspooled.delete(held);
    const heldParts = parts.map((batch): HeldBatch => ({ batch, name: null }));
    for (const part of heldParts) unspooled.add(part);
    return { kind: 'parts', parts: heldParts };
  }
}

function stemOf({ batch }: HeldBatch): string {
  const { slotMs: timeMs, rows, batchId, gz } = batch;
  return formatBatchName({ timeMs, rows, bytes: gz.byteLength, batchId }).slice(0, -batchSuffix.length);
}
