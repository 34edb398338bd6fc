import { access, mkdir, opendir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Logger } from '../telemetry/logger.js';
import type { DeliveryLedger, SpoolStats } from './delivery-ledger.js';
import { errnoOf, readVerified, writeDurably, type ReadResult } from './spool-file.js';
import { SpoolIndex } from './spool-index.js';
import { batchSuffix, formatBatchName, parseBatchName, tempPrefix } from './spool-name.js';
import { Quarantine } from './spool-quarantine.js';

/** A compressed batch of samples on its way to the api. */
export interface Batch {
  /** UUID. */
  readonly batchId: string;
  readonly rows: number;
  /** gzip of a JSON array of `WireRecord`. */
  readonly gz: Uint8Array;
  /** Slot, ms since the epoch. */
  readonly slotMs: number;
  /** W3C `traceparent` of its span; absent while nothing is traced. */
  readonly trace?: string;
}

export interface SpoolOptions {
  /** Of this process alone: two processes must not share it. */
  readonly dir: string;
  readonly maxBytes: number;
  /** By slot time; older batches are dropped. */
  readonly maxAgeMs: number;
  readonly maxFiles?: number;
  /** Names held in memory, whatever the backlog; at least 64. */
  readonly windowFiles?: number;
  /** A batch that inflates to more goes to quarantine. */
  readonly maxInflatedBytes?: number;
  readonly quarantineMaxFiles?: number;
  readonly quarantineMaxBytes?: number;
  readonly ledger: DeliveryLedger;
  readonly log: Logger;
}

/**
 * - `spooled`: on disk, durable.
 * - `known`: the same batch was there already; its rows are counted as duplicates.
 * - `full`: not on disk: over a bound, or the disk refused.
 */
export type PutResult =
  | { readonly kind: 'spooled' | 'known'; readonly name: string }
  | { readonly kind: 'full'; readonly reason: FullReason };

type FullReason = 'max_bytes' | 'disk_full' | 'write_failed';

const defaults = {
  maxFiles: 500_000,
  windowFiles: 4_096,
  maxInflatedBytes: 64 * 1024 * 1024,
  quarantineMaxFiles: 1_000,
  quarantineMaxBytes: 64 * 1024 * 1024,
};

/**
 * Batches on disk, one gzip file each; the existence of a file is all the state there is.
 *
 * A batch is `written` → `claimed` (by an upload) → `removed` (acknowledged) | `quarantined`, or back
 * to `written` by `release`. Retention drops the oldest that nobody claimed. Rows leave `stats()` in
 * the same tick in which the ledger counts their end; the file follows, and an unlink that fails is
 * tried again by `tend`. After a crash the file is sent again, which the api recognises.
 */
export class Spool {
  readonly #options: Required<SpoolOptions>;
  readonly #index: SpoolIndex;
  readonly #quarantine: Quarantine;
  #refilling: Promise<boolean> | null = null;

  private constructor(options: Required<SpoolOptions>) {
    this.#options = options;
    this.#index = new SpoolIndex(Math.max(64, options.windowFiles));
    this.#quarantine = new Quarantine({
      dir: join(options.dir, 'quarantine'),
      maxFiles: options.quarantineMaxFiles,
      maxBytes: options.quarantineMaxBytes,
      log: options.log,
    });
  }

  /** Lists the folder once and removes what a crash left half-written. `tend` applies the bounds. */
  static async open(options: SpoolOptions): Promise<Spool> {
    const spool = new Spool({ ...defaults, ...options });
    await mkdir(join(options.dir, 'quarantine'), { recursive: true });
    await spool.#list(true);
    options.ledger.trackSpool(() => spool.stats());
    return spool;
  }

  stats(): SpoolStats {
    return this.#index.stats;
  }

  /**
   * Writes a batch. With `mayEvict` the oldest batches make way, counted; without, a full spool or disk
   * answers `full` and nothing is lost. `onSettled` runs in the tick in which `stats()` changes.
   */
  async put(
    batch: Batch,
    options: { mayEvict: boolean; onSettled?: (result: PutResult) => void },
  ): Promise<PutResult> {
    const result = await this.#write(batch, options.mayEvict);
    this.#settle(batch, result);
    options.onSettled?.(result);
    return result;
  }

  /** Takes a batch for an upload, if it is still there and free. */
  claim(name: string): boolean {
    return this.#index.claim(name);
  }

  /** Takes the oldest free batch that is not to be skipped; `null` may also mean `needsRefill`. */
  claimOldest(isSkipped?: (name: string) => boolean): string | null {
    const name = this.#index.oldestFree(isSkipped);
    return name !== null && this.#index.claim(name) ? name : null;
  }

  /** True when there are more batches than names in memory and all of those are claimed. */
  get needsRefill(): boolean {
    return this.#index.needsListing;
  }

  /** Lists the folder again for the next names; false when it cannot be listed now. */
  refill(): Promise<boolean> {
    this.#refilling ??= this.#list(false)
      .then(() => true)
      .catch((err: unknown) => {
        this.#options.log.warn({ err }, 'cannot list the spool');
        return false;
      })
      .finally(() => (this.#refilling = null));
    return this.#refilling;
  }

  /** Gives a claimed batch back. */
  release(name: string): void {
    this.#index.release(name);
  }

  /** Reads a claimed batch and checks it. */
  read(name: string): Promise<ReadResult> {
    return readVerified(this.#path(name), parseBatchName(name)?.bytes ?? 0, this.#options.maxInflatedBytes);
  }

  /** A claimed batch has ended, and its rows have been counted in this tick. */
  async remove(name: string): Promise<void> {
    this.#index.take(name);
    await this.#unlink(name);
  }

  /** A claimed batch's file is not there any more: counted as dropped. */
  forget(name: string): void {
    this.#options.ledger.drop('vanished', this.#index.take(name));
    this.#index.forget(name);
  }

  /** Sets a claimed batch aside, counted; false when its file cannot be moved: the batch stays claimed. */
  async quarantine(name: string, reason: string): Promise<boolean> {
    const stem = name.slice(0, -batchSuffix.length);
    if (!(await this.#quarantine.take(this.#path(name), `${stem}.${reason}${batchSuffix}`))) return false;
    this.#options.ledger.quarantine(reason, this.#index.take(name));
    this.#index.forget(name);
    this.#options.log.warn({ name, reason }, 'batch put into quarantine');
    return true;
  }

  /** Keeps something beside the quarantined batches; `name` begins with the slot's 13-digit ms. */
  keepAside(name: string, bytes: Uint8Array): Promise<void> {
    return this.#quarantine.write(name, bytes);
  }

  /**
   * Puts the parts of a claimed batch in its place. All parts are durable before it goes, so a crash
   * in between leaves both; the parts' names are derived, so doing it again changes nothing.
   * False when there is no room: the batch stays claimed.
   */
  async replace(name: string, parts: readonly Batch[]): Promise<boolean> {
    const written: { part: Batch; result: PutResult }[] = [];
    for (const part of parts) written.push({ part, result: await this.#write(part, false) });
    const isWhole = written.every(({ result }) => result.kind !== 'full');
    for (const { part, result } of written) {
      if (isWhole) this.#settle(part, result);
      else await this.#undo(result);
    }
    if (!isWhole) return false;
    await this.remove(name);
    return true;
  }

  /** Housekeeping, every few seconds: removals that failed, then the bounds. */
  async tend(nowMs: number): Promise<void> {
    const { maxAgeMs, maxBytes, maxFiles } = this.#options;
    for (const name of this.#index.gone(1_000)) await this.#unlink(name);
    while (await this.#evict('max_age', nowMs - maxAgeMs));
    const isOver = (): boolean => this.stats().bytes > maxBytes || this.stats().files > maxFiles;
    while (isOver() && (await this.#evict('max_bytes')));
  }

  /** The name stays pending until `#settle` or `#undo`. */
  async #write(batch: Batch, mayEvict: boolean): Promise<PutResult> {
    const name = nameOf(batch);
    if (this.#index.isGone(name)) return { kind: 'known', name };
    if (!this.#index.begin(name, batch.gz.byteLength)) return { kind: 'full', reason: 'write_failed' };
    if (!(await this.#makeRoom(mayEvict))) return this.#fail(name, 'max_bytes');
    const isKnown = await access(this.#path(name)).then(
      () => true,
      () => false,
    );
    const failure = await this.#tryWrite(this.#path(name), batch.gz, mayEvict);
    return failure === null ? { kind: isKnown ? 'known' : 'spooled', name } : this.#fail(name, failure);
  }

  #fail(name: string, reason: FullReason): PutResult {
    this.#index.end(name, false);
    return { kind: 'full', reason };
  }

  #settle(batch: Batch, result: PutResult): void {
    if (result.kind === 'full') return;
    this.#index.end(result.name, result.kind === 'spooled');
    if (result.kind === 'known') {
      this.#options.ledger.answer({ stored: 0, duplicate: batch.rows, rejected: 0 });
    }
  }

  async #undo(result: PutResult): Promise<void> {
    if (result.kind === 'full') return;
    if (result.kind === 'spooled') await rm(this.#path(result.name), { force: true }).catch(() => undefined);
    this.#index.end(result.name, false);
  }

  async #makeRoom(mayEvict: boolean): Promise<boolean> {
    const { maxBytes, maxFiles } = this.#options;
    const isOver = (): boolean => this.#index.plannedBytes > maxBytes || this.#index.plannedFiles > maxFiles;
    while (isOver()) if (!mayEvict || !(await this.#evict('max_bytes'))) return false;
    return true;
  }

  /** On a full disk, makes room by the oldest batches, as much as this one takes, and gives up after three. */
  async #tryWrite(path: string, gz: Uint8Array, mayEvict: boolean): Promise<FullReason | null> {
    for (let attempt = 0; ; attempt++) {
      try {
        await writeDurably(path, gz);
        return null;
      } catch (err) {
        const isDiskFull = ['ENOSPC', 'EDQUOT', 'EFBIG'].includes(errnoOf(err));
        if (isDiskFull && mayEvict && attempt < 3 && (await this.#evictBytes(gz.byteLength))) continue;
        this.#options.log.warn({ err }, 'cannot spool a batch');
        return isDiskFull ? 'disk_full' : 'write_failed';
      }
    }
  }

  async #evictBytes(bytes: number): Promise<boolean> {
    const before = this.stats().bytes;
    while (before - this.stats().bytes < bytes && (await this.#evict('disk_full')));
    return this.stats().bytes < before;
  }

  /** Drops the oldest free batch, if its slot is before `beforeMs`. False when there is none. */
  async #evict(reason: string, beforeMs = Infinity): Promise<boolean> {
    if (this.needsRefill && !(await this.refill())) return false;
    const name = this.#index.oldestFree();
    if (name === null || (parseBatchName(name)?.timeMs ?? 0) >= beforeMs) return false;
    this.#options.ledger.drop(reason, this.#index.take(name));
    await this.#unlink(name);
    return true;
  }

  async #unlink(name: string): Promise<void> {
    try {
      await rm(this.#path(name), { force: true, recursive: true });
      this.#index.forget(name);
    } catch (err) {
      this.#options.log.warn({ err, name }, 'cannot remove a batch, will try again');
    }
  }

  async #list(isFirst: boolean): Promise<void> {
    this.#index.beginListing();
    let isComplete = false;
    try {
      for await (const { name } of await opendir(this.#options.dir, { bufferSize: 256 })) {
        if (parseBatchName(name) !== null) this.#index.listed(name, isFirst);
        else if (isFirst) await this.#clearStray(name);
      }
      isComplete = true;
    } finally {
      this.#index.endListing(isComplete);
    }
  }

  /** A file that was cut short, or a batch with a name that says nothing; the rest is not ours. */
  async #clearStray(name: string): Promise<void> {
    if (name.startsWith(tempPrefix)) await rm(this.#path(name), { force: true });
    else if (name.endsWith(batchSuffix)) {
      if (await this.#quarantine.take(this.#path(name), name)) this.#options.ledger.quarantine('bad_name', 0);
    }
  }

  #path(name: string): string {
    return join(this.#options.dir, name);
  }
}

function nameOf(batch: Batch): string {
  const { slotMs: timeMs, rows, batchId, trace } = batch;
  return formatBatchName({ timeMs, rows, bytes: batch.gz.byteLength, batchId, ...(trace && { trace }) });
}
