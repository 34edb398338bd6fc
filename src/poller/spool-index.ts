import type { SpoolStats } from './delivery-ledger.js';
import { parseBatchName } from './spool-name.js';
import { OldestNames, SpoolWindow } from './spool-window.js';

/**
 * What a spool knows of its files in memory: totals, the oldest names, and who has them in hand.
 *
 * A name is `pending` (being written) → counted → `claimed` ⇄ free → `gone` (ended, the file may still
 * be there) → forgotten. Synchronous, so that totals change in the tick of their cause.
 */
export class SpoolIndex {
  readonly #windowFiles: number;
  readonly #window: SpoolWindow;
  readonly #claimed = new Set<string>();
  readonly #pending = new Map<string, number>();
  readonly #gone = new Set<string>();
  #scan: { readonly oldest: OldestNames; readonly removed: Set<string> } | null = null;
  #files = 0;
  #bytes = 0;
  #rows = 0;
  #pendingBytes = 0;

  constructor(windowFiles: number) {
    this.#windowFiles = windowFiles;
    this.#window = new SpoolWindow(windowFiles);
  }

  get stats(): SpoolStats {
    const oldest = this.#window.oldest;
    const oldestMs = oldest === null ? null : (parseBatchName(oldest)?.timeMs ?? null);
    return { files: this.#files, bytes: this.#bytes, rows: this.#rows, oldestMs };
  }

  /** Files counted and being written. */
  get plannedFiles(): number {
    return this.#files + this.#pending.size;
  }

  /** Bytes counted and being written. */
  get plannedBytes(): number {
    return this.#bytes + this.#pendingBytes;
  }

  /** True when files exist whose names are not in memory and every name in memory is claimed. */
  get needsListing(): boolean {
    return this.#window.isPartial && this.oldestFree() === null;
  }

  isGone(name: string): boolean {
    return this.#gone.has(name);
  }

  /** Names whose files are still to be removed, at most `limit`. */
  gone(limit: number): string[] {
    return [...this.#gone].slice(0, limit);
  }

  /** A file of this name is about to be written: listings pass over it. False when one is already. */
  begin(name: string, bytes: number): boolean {
    if (this.#pending.has(name)) return false;
    this.#pending.set(name, bytes);
    this.#pendingBytes += bytes;
    return true;
  }

  /** The write is over; `isNew` when the file counts from here on. */
  end(name: string, isNew: boolean): void {
    this.#pendingBytes -= this.#pending.get(name) ?? 0;
    this.#pending.delete(name);
    if (isNew) this.#count(name);
  }

  claim(name: string): boolean {
    if (this.#claimed.has(name) || this.#gone.has(name) || !this.#window.mayHold(name)) return false;
    this.#claimed.add(name);
    return true;
  }

  release(name: string): void {
    this.#claimed.delete(name);
  }

  oldestFree(isSkipped: (name: string) => boolean = () => false): string | null {
    return this.#window.first((name) => this.#claimed.has(name) || isSkipped(name));
  }

  /** Takes the name out of the totals; answers its rows, which are now the caller's to count. */
  take(name: string): number {
    const batch = parseBatchName(name);
    this.#claimed.delete(name);
    this.#window.delete(name);
    this.#gone.add(name);
    this.#scan?.removed.add(name);
    this.#files--;
    this.#bytes -= batch?.bytes ?? 0;
    this.#rows -= batch?.rows ?? 0;
    return batch?.rows ?? 0;
  }

  /** The file of a taken name is surely not there any more. */
  forget(name: string): void {
    this.#gone.delete(name);
  }

  /** A listing of the folder begins; what changes meanwhile is taken in. */
  beginListing(): void {
    this.#scan = { oldest: new OldestNames(this.#windowFiles), removed: new Set() };
  }

  /** A name of the listing; `isNew` at start, when nothing is counted yet. */
  listed(name: string, isNew: boolean): void {
    if (isNew) this.#count(name);
    else if (!this.#pending.has(name) && !this.#gone.has(name)) this.#scan?.oldest.push(name);
  }

  /** The listing is over; when it was not complete, the names in memory stay as they were. */
  endListing(isComplete: boolean): void {
    const scan = this.#scan;
    this.#scan = null;
    if (scan === null || !isComplete) return;
    for (const name of scan.removed) scan.oldest.delete(name);
    this.#window.load(scan.oldest);
  }

  #count(name: string): void {
    const batch = parseBatchName(name);
    this.#files++;
    this.#bytes += batch?.bytes ?? 0;
    this.#rows += batch?.rows ?? 0;
    this.#window.add(name);
    this.#scan?.oldest.push(name);
  }
}
