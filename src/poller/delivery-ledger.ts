import type { Metrics } from '../telemetry/metrics.js';

/** What a spool holds now. */
export interface SpoolStats {
  readonly files: number;
  readonly bytes: number;
  readonly rows: number;
  /** Slot of the oldest batch, ms since the epoch; `null` when empty or not known yet. */
  readonly oldestMs: number | null;
}

/** How the rows of one answered batch came to rest. */
export interface RowsAnswered {
  readonly stored: number;
  readonly duplicate: number;
  readonly rejected: number;
}

/** The terms of the conservation law, in rows. */
export interface LedgerSnapshot extends RowsAnswered {
  readonly scheduled: number;
  readonly spooledAtStart: number;
  readonly skipped: Readonly<Record<string, number>>;
  readonly dropped: Readonly<Record<string, number>>;
  readonly quarantined: number;
  readonly inSpool: number;
  readonly inFlight: number;
}

/**
 * Counts every row from its schedule to its end, once, for all spools and uploaders of a process.
 *
 * `scheduled + spooledAtStart = stored + duplicate + rejected + quarantined + dropped + skipped
 * + inSpool + inFlight` at every instant: the last two are read from those who hold the rows, never
 * derived from the others, so a lost or doubled row shows as a difference. A batch that is being
 * uploaded is in the spool until its outcome is counted; whoever takes a row off counts it in the
 * same tick.
 */
export class DeliveryLedger {
  readonly #metrics: Metrics;
  readonly #skipped = new Map<string, number>();
  readonly #dropped = new Map<string, number>();
  readonly #spools: (() => SpoolStats)[] = [];
  readonly #inFlight: (() => number)[] = [];
  readonly #refusals: (() => boolean)[] = [];
  #scheduled = 0;
  #spooledAtStart = 0;
  #stored = 0;
  #duplicate = 0;
  #rejected = 0;
  #quarantined = 0;

  constructor(options: { metrics: Metrics; now?: () => number }) {
    const { metrics, now = Date.now } = options;
    this.#metrics = metrics;
    const total = (of: (stats: SpoolStats) => number) => () => this.#sum(of);
    metrics.gauge(
      'headframe_spool_files',
      total((stats) => stats.files),
    );
    metrics.gauge(
      'headframe_spool_bytes',
      total((stats) => stats.bytes),
    );
    metrics.gauge(
      'headframe_spool_rows',
      total((stats) => stats.rows),
    );
    metrics.gauge('headframe_spool_oldest_seconds', () => this.#oldestSeconds(now()));
    metrics.gauge('headframe_upload_key_refused', () => (this.#refusals.some((read) => read()) ? 1 : 0));
    metrics.gauge('headframe_spool_start_rows', () => this.#spooledAtStart);
    metrics.gauge('headframe_samples_in_flight', () => this.#inFlightRows());
    metrics.gauge('headframe_conservation_error', () => this.conservationError());
  }

  /** Rows a slot should give: one per known miner. They are the scheduler's `inFlight` from here on. */
  schedule(rows: number): void {
    this.#scheduled += rows;
    this.#metrics.add('headframe_samples_scheduled_total', rows);
  }

  /** Scheduled rows that were not polled. */
  skip(reason: string, rows: number): void {
    if (rows === 0) return;
    this.#skipped.set(reason, (this.#skipped.get(reason) ?? 0) + rows);
    this.#metrics.add('headframe_samples_skipped_total', rows, { reason });
  }

  /** Polled rows given up for want of room or time. */
  drop(reason: string, rows: number): void {
    if (rows === 0) return;
    this.#dropped.set(reason, (this.#dropped.get(reason) ?? 0) + rows);
    this.#metrics.add('headframe_spool_dropped_rows_total', rows, { reason });
  }

  /** Rows the api answered for. */
  answer(rows: RowsAnswered): void {
    this.#stored += rows.stored;
    this.#duplicate += rows.duplicate;
    this.#rejected += rows.rejected;
    for (const outcome of ['stored', 'duplicate', 'rejected'] as const) {
      this.#metrics.add('headframe_upload_rows_total', rows[outcome], { outcome });
    }
  }

  /** One file with `rows` rows was set aside. */
  quarantine(reason: string, rows: number): void {
    this.#quarantined += rows;
    this.#metrics.add('headframe_spool_quarantined_total', 1, { reason });
    this.#metrics.add('headframe_upload_rows_total', rows, { outcome: 'quarantined' });
  }

  /** A spool just opened: what it holds now was there at the start. */
  trackSpool(read: () => SpoolStats): void {
    this.#spooledAtStart += read().rows;
    this.#spools.push(read);
  }

  /** `read` answers the rows in hand now: scheduled, not spooled, not ended. */
  trackInFlight(read: () => number): void {
    this.#inFlight.push(read);
  }

  /** `read` answers whether the api refuses this uploader's key. */
  trackKeyRefused(read: () => boolean): void {
    this.#refusals.push(read);
  }

  snapshot(): LedgerSnapshot {
    return {
      scheduled: this.#scheduled,
      spooledAtStart: this.#spooledAtStart,
      stored: this.#stored,
      duplicate: this.#duplicate,
      rejected: this.#rejected,
      quarantined: this.#quarantined,
      skipped: Object.fromEntries(this.#skipped),
      dropped: Object.fromEntries(this.#dropped),
      inSpool: this.#sum((stats) => stats.rows),
      inFlight: this.#inFlightRows(),
    };
  }

  /** Rows unaccounted for (positive) or counted twice (negative). Always 0. */
  conservationError(): number {
    const s = this.snapshot();
    const ended = s.stored + s.duplicate + s.rejected + s.quarantined + total(s.dropped) + total(s.skipped);
    return s.scheduled + s.spooledAtStart - ended - s.inSpool - s.inFlight;
  }

  #sum(of: (stats: SpoolStats) => number): number {
    return this.#spools.reduce((sum, read) => sum + of(read()), 0);
  }

  #inFlightRows(): number {
    return this.#inFlight.reduce((sum, read) => sum + read(), 0);
  }

  #oldestSeconds(nowMs: number): number {
    const times = this.#spools.map((read) => read().oldestMs).filter((time) => time !== null);
    return times.length === 0 ? 0 : Math.max(0, (nowMs - Math.min(...times)) / 1000);
  }
}

function total(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((sum, count) => sum + count, 0);
}
