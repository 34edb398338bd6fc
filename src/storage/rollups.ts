import { AppError } from '../domain/errors.js';
import type { Metrics } from '../telemetry/metrics.js';
import type { Database, Row } from './database.js';
import { elected } from './election.js';
import { coveredPastS, ensurePartitions } from './partitions.js';
import { errorCode } from './database-error.js';
import { noteRun, readClock } from './maintenance-runs.js';
import { readRollupTexts, render } from './rollup-texts.js';

/** How far behind a sample the one before it may lie to be counted from, s. */
export const lookBackS = 7_200;

/** How far from a late sample its neighbours are looked for that events are told against, s. */
const eventsNearS = 86_400;

/** What a run claims is its own for so long, s: long enough for a whole run, short enough not to be missed. */
const leaseS = 300;

/** The rollups by the length of their buckets. */
export const rollups = [
  { name: '5m', widthS: 300, table: 'site_telemetry_5m' },
  { name: '1h', widthS: 3_600, table: 'miner_telemetry_1h' },
] as const;
export type Rollup = (typeof rollups)[number];

export interface RollupOptions {
  /** History is kept so long, days: buckets whose samples may be gone are left as they are. */
  readonly historyDays: number;
  /** A bucket is computed so long after its first new sample, s. */
  readonly settle5mS: number;
  readonly settle1hS: number;
  /** Buckets computed in one run, per rollup. Default 500. */
  readonly maxBuckets?: number;
  /** Marks taken by one statement, and such statements in one run. Default 5,000 and 20. */
  readonly markBatch?: number;
  readonly maxMarkBatches?: number;
  /** Bound of one statement, ms. Default 60 s. */
  readonly deadlineMs?: number;
  /** Miners whose hour one statement computes. Default 10,000: some seconds, on a busy machine too. */
  readonly maxMiners?: number;
  /** How long a statement may wait for a lock, ms. Default 500. */
  readonly lockTimeoutMs?: number;
  /** Default: the database's clock. */
  readonly now?: Date;
  readonly metrics?: Metrics;
  /** Ends the run between two buckets. */
  readonly signal?: AbortSignal;
  readonly sqlDir?: string;
}

/** What one run did. */
export interface RollupOutcome {
  readonly marks: number;
  readonly buckets: number;
  /** Another instance was at it, or a lock was not to be had: what is left waits for the next run. */
  readonly isSkipped: boolean;
  /** Buckets whose turn it is were left. */
  readonly isPartial: boolean;
  /** Buckets that the database did not compute in time, or refused: each is tried again when its claim is over. */
  readonly failed: number;
  /** How long the oldest bucket, computed or left, was past its turn, s. */
  readonly lagS: number;
}

interface Due {
  readonly siteId: number;
  readonly fromS: number;
  readonly isLate: boolean;
  readonly isMoved: boolean;
  readonly sinceS: number;
}

/** Miners by their surrogate ids: those above `after`, up to `until`. */
interface Miners {
  readonly after: number;
  readonly until: number;
}

const allMiners: Miners = { after: -1, until: 2_147_483_647 };

/**
 * Brings the rollups up to what was stored: folds the marks that ingest left into the list of buckets that are due,
 * and computes those whose turn it is anew from their samples. Each bucket is one transaction that takes it off the
 * list and writes it, so dying anywhere loses nothing and doing it again changes nothing; hours of large sites are
 * several, and the last takes it off unless something new came meanwhile. Any number of instances may run it. Throws `DATABASE_UNAVAILABLE` when the database is away.
 */
export async function runRollups(db: Database, options: RollupOptions): Promise<RollupOutcome> {
  const startedMs = performance.now();
  const run = new Run(db, options, options.now ?? (await readClock(db)));
  const marks = await run.fold();
  let buckets = 0;
  let failed = 0;
  let isPartial = false;
  for (const rollup of rollups) {
    const due = await run.claim(rollup);
    isPartial ||= due.length >= run.maxBuckets;
    const { computed, failure } = await run.computeAll(rollup, due);
    if (computed < due.length) await run.release(rollup, failure);
    buckets += computed;
    if (failure !== null) failed++;
  }
  const lagS = await run.lag();
  const outcome = { marks, buckets, isSkipped: run.isSkipped, isPartial, failed, lagS };
  const word = run.isSkipped ? 'skipped' : failed > 0 ? 'failed' : 'done';
  options.metrics?.add('headframe_rollup_runs_total', 1, { outcome: word });
  if (!run.isSkipped) {
    options.metrics?.set('headframe_rollup_lag_seconds', lagS);
    await noteRun(db, 'rollups', { tookMs: performance.now() - startedMs, outcome });
  }
  return outcome;
}

/** One run: its clock, its statements, and how it went so far. */
class Run {
  readonly maxBuckets: number;
  isSkipped = false;
  #computedLagS = 0;
  readonly #db: Database;
  readonly #options: RollupOptions;
  readonly #nowS: number;
  readonly #texts: ReturnType<typeof readRollupTexts>;

  constructor(db: Database, options: RollupOptions, now: Date) {
    this.#db = db;
    this.#options = options;
    this.#nowS = Math.floor(now.getTime() / 1_000);
    this.#texts = readRollupTexts(options.sqlDir);
    this.maxBuckets = options.maxBuckets ?? 500;
  }

  /** Buckets from before this may have lost samples to retention, those they look back at included. */
  get #horizonS(): number {
    const keptS = Math.max(coveredPastS, this.#options.historyDays * 86_400);
    return this.#nowS - keptS + lookBackS + 3_600;
  }

  /** Answers how many marks were taken. */
  async fold(): Promise<number> {
    const limit = this.#options.markBatch ?? 5_000;
    const text = render(this.#texts.fold, {
      limit,
      settle_5m_s: this.#options.settle5mS,
      settle_1h_s: this.#options.settle1hS,
      horizon_s: this.#horizonS,
      now_s: this.#nowS,
    });
    let marks = 0;
    for (let round = 0; round < (this.#options.maxMarkBatches ?? 20) && !this.isSkipped; round++) {
      const rows = await this.#elected([text]);
      const taken = Number(rows?.[0]?.['taken'] ?? 0);
      marks += taken;
      if (taken < limit) break;
    }
    return marks;
  }

  async claim(rollup: Rollup): Promise<Due[]> {
    if (this.isSkipped) return [];
    const text = render(this.#texts.claim, {
      width_s: rollup.widthS,
      limit: this.maxBuckets,
      lease_s: leaseS,
      horizon_s: this.#horizonS,
      now_s: this.#nowS,
    });
    const rows = (await this.#elected([text])) ?? [];
    return rows.map((row) => ({
      siteId: Number(row['site_id']),
      fromS: Number(row['from_s']),
      isLate: row['is_late'] === true,
      isMoved: row['is_moved'] === true,
      sinceS: Number(row['since_s']),
    }));
  }

  /**
   * Computes buckets one after the other, until one is not done in time or refused: the others then wait for the next
   * run, and that one until its claim is over, so that it holds up nothing.
   */
  async computeAll(rollup: Rollup, due: readonly Due[]): Promise<{ computed: number; failure: Due | null }> {
    let computed = 0;
    for (const bucket of due) {
      if (this.isSkipped || this.#options.signal?.aborted === true) break;
      try {
        if (await this.#compute(rollup, bucket)) computed++;
      } catch (error) {
        if (!(error instanceof AppError) || !error.isRetryable) throw error;
        return { computed, failure: bucket };
      }
    }
    return { computed, failure: null };
  }

  /** How long the oldest bucket that was computed, or is left, was past its turn, s. */
  async lag(): Promise<number> {
    const [row] = await this.#db.run(
      'rollup_lag',
      (sql) => sql<{ oldest_s: number | null }[]>`
      select extract(epoch from min(due_at))::float8 as oldest_s from rollup_due`,
    );
    return Math.max(this.#computedLagS, this.#nowS - (row?.oldest_s ?? this.#nowS));
  }

  /** False when it was left for another run. */
  async #compute(rollup: Rollup, bucket: Due): Promise<boolean> {
    const entry = dueEntry(rollup, bucket);
    if (rollup.name === '5m' && bucket.isLate && !(await this.#settleEvents(bucket))) return false;
    const parts = rollup.name === '1h' ? await this.#parts(bucket.siteId) : [allMiners];
    // Marks that another instance folded since the claim may ask for more than is done here: then it stays due. So it
    // does when anything touches the entry between parts, for that may be in none of them.
    const settled = [entry, ...(parts.length > 1 ? [await this.#untouched(entry)] : [])].join(' and ');
    for (const [index, miners] of parts.entries()) {
      if (index > 0 && this.#options.signal?.aborted === true) return false;
      const isLast = index === parts.length - 1;
      const statements = [
        // Should it stay, for what came meanwhile, it is the next run's.
        ...(isLast
          ? [
              `delete from rollup_due where ${settled}`,
              `update rollup_due set leased_until = null, due_at = to_timestamp(${this.#nowS}) where ${placeOf(rollup, bucket)}`,
            ]
          : []),
        ...this.#statements(rollup, bucket, miners, isLast),
      ];
      if ((await this.#withPartitions(() => this.#elected(statements))) === null) return false;
    }
    this.#computedLagS = Math.max(this.#computedLagS, this.#nowS - bucket.sinceS);
    this.#options.metrics?.add('headframe_rollup_buckets_total', 1, { rollup: rollup.name });
    return true;
  }

  /** Events of samples that came late, before the bucket goes off the list; false when they were left. */
  async #settleEvents({ siteId, fromS }: Due): Promise<boolean> {
    for (const miners of await this.#parts(siteId)) {
      if (this.#options.signal?.aborted === true) return false;
      const values = { site: siteId, from_s: fromS, width_s: 300, near_s: eventsNearS, ...miners };
      const statement = render(this.#texts.events, values);
      if ((await this.#withPartitions(() => this.#elected([statement]))) === null) return false;
    }
    return true;
  }

  /** What computes the bucket of some miners, and with the last of them notes the buckets after it. */
  #statements(rollup: Rollup, bucket: Due, miners: Miners, isLast: boolean): string[] {
    const values = {
      site: bucket.siteId,
      from_s: bucket.fromS,
      width_s: rollup.widthS,
      back_s: lookBackS,
      now_s: this.#nowS,
      ...miners,
    };
    const where = `site_id = ${bucket.siteId} and time = to_timestamp(${bucket.fromS})`;
    const clear =
      rollup.widthS === 300
        ? `delete from site_telemetry_5m where ${where}`
        : render(this.#texts.clear, values);
    return [
      ...(bucket.isMoved ? [clear] : []),
      render(this.#texts[rollup.name], values),
      ...(isLast && bucket.isLate ? [render(this.#texts.next, values)] : []),
    ];
  }

  /** A condition that holds while nothing has touched an entry of the list; none when it is gone. */
  async #untouched(entry: string): Promise<string> {
    const [row] = await this.#db.run('rollup_entry', (sql) =>
      sql.unsafe<{ version: string }[]>(`select xmin::text as version from rollup_due where ${entry}`),
    );
    return row === undefined ? 'false' : `xmin = '${row.version}'::xid`;
  }

  /** A site's miners in parts of `maxMiners`, the last open: miners to come are in it. */
  async #parts(siteId: number): Promise<Miners[]> {
    const size = this.#options.maxMiners ?? 10_000;
    const rows = await this.#db.run(
      'rollup_parts',
      (sql) => sql<{ miner_id: number }[]>`
      select miner_id from (
        select miner_id, row_number() over (order by miner_id) as n from miners where site_id = ${siteId}::int) m
      where n % ${size}::int = 0 order by miner_id`,
    );
    const bounds = [allMiners.after, ...rows.map((row) => row.miner_id), allMiners.until];
    return bounds.slice(1).map((until, index) => ({ after: bounds[index] ?? allMiners.after, until }));
  }

  /** Gives back what was claimed and is left, but for what failed: whoever comes next need not wait for the lease. */
  async release({ widthS }: Rollup, failure: Due | null): Promise<void> {
    const but =
      failure === null ? '' : ` and (site_id, time) <> (${failure.siteId}, to_timestamp(${failure.fromS}))`;
    const text = `update rollup_due set leased_until = null
      where width_s = ${widthS} and leased_until = to_timestamp(${this.#nowS + leaseS})${but}`;
    await this.#db.transaction('rollups', [text]).catch((error: unknown) => {
      // The lease ends by itself.
      if (!(error instanceof AppError) || !error.isRetryable) throw error;
    });
  }

  async #withPartitions<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (errorCode(error) !== '23514') throw error;
      await ensurePartitions(this.#db, new Date(this.#nowS * 1_000));
      return await work();
    }
  }

  async #elected(statements: readonly string[]): Promise<Row[] | null> {
    const rows = await elected(this.#db, 'rollups', statements, {
      deadlineMs: this.#options.deadlineMs ?? 60_000,
      lockTimeoutMs: this.#options.lockTimeoutMs ?? 500,
    });
    if (rows === null) this.isSkipped = true;
    return rows;
  }
}

/** What computes one bucket and finds those after it, as the runner sends it. For tests of their plans. */
export function rollupStatements(rollup: Rollup['name'], values: Readonly<Record<string, number>>): string[] {
  const texts = readRollupTexts();
  return [render(texts[rollup], { ...allMiners, ...values }), render(texts.next, values)];
}

/** What settles the events of five minutes of a site, as the runner sends it. For tests of its plan. */
export function eventsStatement(siteId: number, fromS: number): string {
  const values = { site: siteId, from_s: fromS, width_s: 300, near_s: eventsNearS, ...allMiners };
  return render(readRollupTexts().events, values);
}

/** Where a bucket stands on the list, while no more is asked of it than when it was claimed. */
function dueEntry(rollup: Rollup, bucket: Due): string {
  return `${placeOf(rollup, bucket)} and is_late = ${bucket.isLate} and is_moved = ${bucket.isMoved}`;
}

function placeOf({ widthS }: Rollup, { siteId, fromS }: Due): string {
  return `width_s = ${widthS} and site_id = ${siteId} and time = to_timestamp(${fromS})`;
}
