import { commandKinds, isIdempotent } from '../domain/commands.js';
import type { CommandCount } from '../domain/command-queue.js';
import type { Database } from './database.js';
import { readQuery } from './sql-files.js';

/** Kinds that may be done twice, as PostgreSQL writes a list. */
const idempotent = `{${commandKinds.filter(isIdempotent).join(',')}}`;

/** What time does to commands. Each step is one statement under the advisory lock `commands`: elsewhere it finds nothing. */
export class CommandSweepsRepo {
  readonly #db: Database;
  readonly #leases: string;
  readonly #expire: string;

  constructor(db: Database, options: { sqlDir?: string } = {}) {
    this.#db = db;
    this.#leases = readQuery('end_command_leases', options.sqlDir);
    this.#expire = readQuery('expire_commands', options.sqlDir);
  }

  /** Ends leases that are over, `limit` at most. */
  async endLeases(maxAttempts: number, limit: number): Promise<CommandCount[]> {
    return this.#sweep('command_leases', this.#leases, [idempotent, maxAttempts, limit]);
  }

  /** Ends what was not handed out in time, `limit` at most. */
  async expire(limit: number): Promise<CommandCount[]> {
    return this.#sweep('command_expiry', this.#expire, [limit]);
  }

  async #sweep(name: string, text: string, values: (string | number)[]): Promise<CommandCount[]> {
    const rows = await this.#db.run(name, (sql) =>
      sql.unsafe<CommandCount[]>(text, values, { prepare: true }),
    );
    return rows.map(({ kind, status, n }) => ({ kind, status, n }));
  }
}
