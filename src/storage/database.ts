import { Fifo } from '../actor/fifo.js';
import type { Logger } from '../telemetry/logger.js';
import type { Metrics } from '../telemetry/metrics.js';
import { classifyFailure, errorCode, unavailable } from './database-error.js';
import { Pool, type Sql } from './pool.js';

export type { Sql } from './pool.js';

export interface DatabaseOptions {
  readonly url: string;
  /** Connections, and so calls at once. */
  readonly poolSize: number;
  /** Deadline of a call, waiting for a connection included, ms. */
  readonly deadlineMs: number;
  /** Bound of connecting, ms. */
  readonly connectTimeoutMs: number;
  /** Calls that may wait for a connection; one more is refused. Default 200. */
  readonly maxWaiting?: number;
  readonly log: Logger;
  readonly metrics?: Metrics;
  /** Makes the span of a call. */
  readonly traced?: <T>(name: string, call: () => Promise<T>) => Promise<T>;
}

export interface CallOptions {
  /** Shorter or longer than the database's own; the server's guard cuts `run` at the database's own + 1 s. */
  readonly deadlineMs?: number;
}

export interface TransactionOptions extends CallOptions {
  /** How long one statement may wait for a lock, ms. Default 500: readers and writers queue behind it. */
  readonly lockTimeoutMs?: number;
}

/**
 * A guarded database. Every call ends within its deadline. A call that passes it, or meets a broken
 * connection, throws `DATABASE_UNAVAILABLE` and the pool is replaced, because postgres.js has no query
 * timeout and can wait for ever on a half-open connection. Safe, because every write is idempotent.
 * Errors of the statement itself are thrown as they are.
 */
export interface Database {
  /** Runs one query. `name` is a metric label: a constant. */
  run<T>(name: string, query: (sql: Sql) => PromiseLike<T>, options?: CallOptions): Promise<T>;
  /** Runs trusted statements without parameters in one transaction and one round trip; answers the rows of the last that has some. */
  transaction(name: string, statements: readonly string[], options?: TransactionOptions): Promise<Row[]>;
  /** Throws `DATABASE_UNAVAILABLE` when no answer comes within the deadline. */
  ping(): Promise<void>;
  /** Waits for running calls up to `timeoutMs`, then cuts them. Idempotent; later calls are refused. */
  close(options: { timeoutMs: number }): Promise<void>;
}

export type Row = Record<string, unknown>;

interface Waiter {
  readonly admit: () => void;
  isGone: boolean;
}

const guardMs = 1_000;
const maxRetiring = 2;

/** Opens a guarded database; connects with the first call. */
export function openDatabase(options: DatabaseOptions): Database {
  return new GuardedDatabase(options);
}

/** States: `open` → `closed` (close called). Within `open` the pool is replaced any number of times. */
class GuardedDatabase implements Database {
  readonly #options: DatabaseOptions;
  readonly #maxWaiting: number;
  readonly #waiting = new Fifo<Waiter>();
  readonly #retiring = new Set<Pool>();
  #pool: Pool;
  #active = 0;
  #waitingCount = 0;
  #isClosed = false;

  constructor(options: DatabaseOptions) {
    this.#options = options;
    this.#maxWaiting = options.maxWaiting ?? 200;
    this.#pool = this.#newPool();
  }

  run<T>(name: string, query: (sql: Sql) => PromiseLike<T>, options: CallOptions = {}): Promise<T> {
    const call = (): Promise<T> => this.#run(name, query, options);
    return this.#options.traced === undefined ? call() : this.#options.traced(name, call);
  }

  async #run<T>(name: string, query: (sql: Sql) => PromiseLike<T>, options: CallOptions): Promise<T> {
    const deadlineMs = options.deadlineMs ?? this.#options.deadlineMs;
    const startedMs = performance.now();
    await this.#enter(name, deadlineMs);
    try {
      return await this.#guard(name, query, deadlineMs, startedMs);
    } finally {
      this.#leave();
      this.#options.metrics?.observe('headframe_db_call_ms', performance.now() - startedMs, { call: name });
    }
  }

  async transaction(
    name: string,
    statements: readonly string[],
    options: TransactionOptions = {},
  ): Promise<Row[]> {
    const deadlineMs = options.deadlineMs ?? this.#options.deadlineMs;
    const limits = [
      `set local statement_timeout = ${Math.ceil(deadlineMs + guardMs)}`,
      `set local lock_timeout = ${Math.ceil(options.lockTimeoutMs ?? 500)}`,
    ];
    // Several statements in one simple query are one transaction to the server.
    const text = [...limits, ...statements].join(';\n');
    const results = await this.run(name, (sql) => sql.unsafe(text), { deadlineMs });
    // One result alone, which is not a list of results: no statement answered rows.
    if ('command' in results) return [];
    return [...((results as unknown as Row[][]).at(-1) ?? [])];
  }

  async ping(): Promise<void> {
    await this.run('ping', (sql) => sql`select 1`);
  }

  async close(options: { timeoutMs: number }): Promise<void> {
    this.#isClosed = true;
    for (const waiter of this.#waiting.clear()) waiter.admit();
    const pools = [this.#pool, ...this.#retiring];
    await Promise.all(pools.map((pool) => pool.end(options.timeoutMs)));
  }

  async #enter(name: string, deadlineMs: number): Promise<void> {
    if (this.#isClosed) throw unavailable('the database is closed');
    if (this.#active < this.#options.poolSize) {
      this.#active++;
      return;
    }
    if (this.#waitingCount >= this.#maxWaiting)
      throw unavailable(`${name}: too many calls wait for the database`);
    this.#waitingCount++;
    const isAdmitted = await new Promise<boolean>((resolve) => {
      const waiter: Waiter = { isGone: false, admit: () => (clearTimeout(timer), resolve(true)) };
      const timer = setTimeout(() => {
        waiter.isGone = true;
        resolve(false);
      }, deadlineMs);
      this.#waiting.push(waiter);
    });
    this.#waitingCount--;
    if (this.#isClosed) throw unavailable('the database is closed');
    if (isAdmitted) return;
    this.#options.metrics?.add('headframe_db_deadlines_total', 1);
    throw unavailable(`${name}: waited ${deadlineMs} ms for a connection`);
  }

  /** Hands the place to the longest waiting call that is still there. */
  #leave(): void {
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) {
      if (next.isGone) continue;
      next.admit();
      return;
    }
    this.#active--;
  }

  async #guard<T>(
    name: string,
    query: (sql: Sql) => PromiseLike<T>,
    deadlineMs: number,
    startedMs: number,
  ): Promise<T> {
    const pool = this.#pool;
    const pending = query(pool.sql);
    const leftMs = Math.max(1, deadlineMs - (performance.now() - startedMs));
    let timer: NodeJS.Timeout | undefined;
    const deadline = new Promise<typeof late>((resolve) => {
      timer = setTimeout(resolve, leftMs, late);
    });
    try {
      const outcome = await Promise.race([pending, deadline]);
      if (outcome !== late) return outcome;
    } catch (error) {
      throw this.#judge(name, error, pool);
    } finally {
      clearTimeout(timer);
    }
    this.#options.metrics?.add('headframe_db_deadlines_total', 1);
    abandon(pending);
    this.#replace(pool, `${name} passed its deadline`);
    throw unavailable(`${name}: no answer within ${deadlineMs} ms`);
  }

  #judge(name: string, error: unknown, pool: Pool): unknown {
    switch (classifyFailure(error)) {
      case 'connection':
        this.#replace(pool, `${name}: ${errorCode(error) ?? ''}`);
        return unavailable(`${name}: the database is away (${errorCode(error) ?? ''})`, error);
      case 'busy':
        return unavailable(`${name}: the database refused for now (${errorCode(error) ?? ''})`, error);
      case 'data':
      case 'other':
        return error;
    }
  }

  /** Once per pool: of the calls that fail on one pool only the first replaces it. */
  #replace(pool: Pool, reason: string): void {
    if (this.#pool !== pool || this.#isClosed) return;
    this.#pool = this.#newPool();
    this.#options.metrics?.add('headframe_db_pool_replacements_total', 1);
    this.#options.log.warn({ reason }, 'database pool replaced');
    for (const old of this.#retiring) {
      if (this.#retiring.size < maxRetiring) break;
      this.#retiring.delete(old);
      old.destroy();
    }
    this.#retiring.add(pool);
    void pool.end(this.#options.deadlineMs).then(() => this.#retiring.delete(pool));
  }

  #newPool(): Pool {
    const { url, poolSize, connectTimeoutMs, deadlineMs } = this.#options;
    return new Pool({ url, poolSize, connectTimeoutMs, statementTimeoutMs: Math.ceil(deadlineMs + guardMs) });
  }
}

const late = Symbol('late');

/**
 * Asks the server to stop, and lets go of the answer. Both best-effort. Not by `cancel()` of postgres.js:
 * that drops the promise of its own connection, whose failure would then end the process.
 */
function abandon(pending: PromiseLike<unknown>): void {
  pending.then(undefined, () => undefined);
  const query = pending as { canceller?: unknown };
  if (typeof query.canceller !== 'function') return;
  const cancel = query.canceller as (query: unknown) => Promise<unknown>;
  query.canceller = null;
  cancel(query).catch(() => undefined);
}
