import { connect, type Socket } from 'node:net';
import postgres from 'postgres';
import { unavailable } from './database-error.js';
import { withLargeParameters } from './large-parameter.js';

export type Sql = postgres.Sql;

export interface PoolOptions {
  readonly url: string;
  readonly poolSize: number;
  readonly connectTimeoutMs: number;
  /** The server cancels a statement after this, ms: the second guard, for a client that is gone. */
  readonly statementTimeoutMs: number;
  /** Called for each notice that its connections listen for. */
  readonly onNotify?: (channel: string, payload: string) => void;
  /** Called when a connection has closed. */
  readonly onClose?: () => void;
}

/**
 * One postgres.js pool whose sockets can be destroyed: `end()` alone leaves a half-open socket to the
 * kernel's retransmissions (minutes), and a pool that is still connecting reconnects for ever.
 */
export class Pool {
  readonly sql: Sql;
  readonly #sockets = new Set<Socket>();
  #isDestroyed = false;
  #hostIndex = 0;

  constructor(options: PoolOptions) {
    // `socket` is an option of postgres.js that its types do not list.
    const socket = (parsed: { host: string[]; port: number[]; path: string | false }): Socket =>
      this.#open(parsed);
    const sql = postgres(options.url, {
      max: options.poolSize,
      connect_timeout: options.connectTimeoutMs / 1000,
      // A connection that listens says nothing for long.
      idle_timeout: options.onNotify === undefined ? 60 : null,
      keep_alive: 10,
      // Its list of idle connections forgets what it was only when they are made anew. One that listens is none.
      max_lifetime: options.onNotify === undefined ? 60 * (5 + 5 * Math.random()) : null,
      backoff: () => 0,
      // Reads answer arrays as JSON, so the catalog query per connection is not needed.
      fetch_types: false,
      onnotice: () => undefined,
      connection: {
        application_name: 'headframe',
        statement_timeout: options.statementTimeoutMs,
        idle_in_transaction_session_timeout: options.statementTimeoutMs,
        TimeZone: 'UTC',
        // Compiling a plan costs more than the largest of our statements.
        jit: 'off',
      },
      socket,
      ...(options.onNotify === undefined ? {} : { onnotify: options.onNotify }),
      ...(options.onClose === undefined ? {} : { onclose: options.onClose }),
    } as postgres.Options<Record<string, never>>);
    // Where a query that fails was called from is kept by its text, for good; texts of our own are always new.
    const unsafe = sql.unsafe.bind(sql) as (...args: Parameters<Sql['unsafe']>) => object;
    sql.unsafe = ((...args: Parameters<Sql['unsafe']>) =>
      Object.defineProperty(unsafe(...args), 'origin', { value: '' })) as Sql['unsafe'];
    this.sql = sql;
  }

  /** Lets running queries end for `graceMs`, then destroys what is left. Never throws. */
  async end(graceMs: number): Promise<void> {
    await this.sql.end({ timeout: graceMs / 1000 }).catch(() => undefined);
    this.destroy();
  }

  /** Closes every socket now; queries still running fail. */
  destroy(): void {
    this.#isDestroyed = true;
    for (const socket of this.#sockets) socket.destroy();
    this.#sockets.clear();
  }

  #open(target: { host: string[]; port: number[]; path: string | false }): Socket {
    if (this.#isDestroyed) throw unavailable('the connection pool has ended');
    for (const socket of this.#sockets) if (socket.destroyed) this.#sockets.delete(socket);
    const index = this.#hostIndex++ % target.host.length;
    const socket =
      typeof target.path === 'string'
        ? connect(target.path)
        : connect({
            host: target.host[index] ?? 'localhost',
            port: target.port[index] ?? 5432,
            noDelay: true,
          });
    this.#sockets.add(socket);
    return withLargeParameters(socket);
  }
}
