import { AppError } from '../domain/errors.js';
import type { Metrics } from '../telemetry/metrics.js';
import type { Database, Row } from './database.js';
import { elected } from './election.js';
import { coveredPastS, ensurePartitions } from './partitions.js';
import { errorCode } from './database-error.js';
import { noteRun, readClock } from './maintenance-runs.js';
import { readQuery } from './sql-files.js';

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
  /** How long the oldest of the buckets computed was past its turn, s. */
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
  let isPartial = false;
  for (const rollup of rollups) {
    const due = await run.claim(rollup);
    isPartial ||= due.length >= run.maxBuckets;
    let computed = 0;
    for (const bucket of due) {
      if (run.isSkipped || options.signal?.aborted === true) break;
      if (await run.compute(rollup, bucket)) computed++;
    }
    if (computed < due.length) await run.release(rollup);
    buckets += computed;
  }
  const outcome = { marks, buckets, isSkipped: run.isSkipped, isPartial, lagS: run.lagS };
  options.metrics?.add('headframe_rollup_runs_total', 1, { outcome: run.isSkipped ? 'skipped' : 'done' });
  if (!run.isSkipped) {
    options.metrics?.set('headframe_rollup_lag_seconds', run.lagS);
    await noteRun(db, 'rollups', { tookMs: performance.now() - startedMs, outcome });
  }
  return outcome;
}

/** One run: its clock, its statements, and how it went so far. */
class Run {
  readonly maxBuckets: number;
  isSkipped = false;
  lagS = 0;
  readonly #db: Database;
  readonly #options: RollupOptions;
  readonly #nowS: number;
  readonly #texts: ReturnType<typeof readTexts>;

  constructor(db: Database, options: RollupOptions, now: Date) {
    this.#db = db;
    this.#options = options;
    this.#nowS = Math.floor(now.getTime() / 1_000);
    this.#texts = readTexts(options.sqlDir);
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

  /** False when it was left for another run. */
  async compute(rollup: Rollup, bucket: Due): Promise<boolean> {
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
        ...(isLast ? [`delete from rollup_due where ${settled}`] : []),
        ...this.#statements(rollup, bucket, miners, isLast),
      ];
      if ((await this.#withPartitions(() => this.#elected(statements))) === null) return false;
    }
    this.lagS = Math.max(this.lagS, this.#nowS - bucket.sinceS);
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

  /** Gives back what was claimed and is left: whoever comes next need not wait for the lease. */
  async release({ widthS }: Rollup): Promise<void> {
    const text = `update rollup_due set due_at = to_timestamp(${this.#nowS})
      where width_s = ${widthS} and due_at = to_timestamp(${this.#nowS + leaseS})`;
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
  const texts = readTexts();
  return [render(texts[rollup], { ...allMiners, ...values }), render(texts.next, values)];
}

/** What settles the events of five minutes of a site, as the runner sends it. For tests of its plan. */
export function eventsStatement(siteId: number, fromS: number): string {
  const values = { site: siteId, from_s: fromS, width_s: 300, near_s: eventsNearS, ...allMiners };
  return render(readTexts().events, values);
}

/** Where a bucket stands on the list, while no more is asked of it than when it was claimed. */
function dueEntry({ widthS }: Rollup, { siteId, fromS, isLate, isMoved }: Due): string {
  return `width_s = ${widthS} and site_id = ${siteId} and time = to_timestamp(${fromS})
    and is_late = ${isLate} and is_moved = ${isMoved}`;
}

/** The statements of the runner. The sums of miners are a part of both rollups. */
function readTexts(
  sqlDir?: string,
): Record<'fold' | 'claim' | 'next' | 'clear' | 'events' | Rollup['name'], string> {
  const sums = readQuery('rollup_miner_sums', sqlDir).trim();
  const withSums = (name: string): string => readQuery(name, sqlDir).replace('{{sums}}', () => sums);
  return {
    fold: readQuery('rollup_fold', sqlDir),
    claim: readQuery('rollup_claim', sqlDir),
    next: readQuery('rollup_next', sqlDir),
    clear: readQuery('rollup_clear', sqlDir),
    events: readQuery('settle_events', sqlDir),
    '5m': withSums('rollup_5m'),
    '1h': withSums('rollup_1h'),
  };
}

/** Fills `{{name}}` with numbers: a transaction of several statements takes no parameters. */
function render(text: string, values: Readonly<Record<string, number>>): string {
  return text.replaceAll(/\{\{(\w+)\}\}/g, (_, name: string) => {
    const value = values[name];
    if (value === undefined || !Number.isFinite(value)) throw new Error(`no value for ${name}`);
    return String(value);
  });
}
