import { commandKinds, isIdempotent, type CommandKind } from '../domain/commands.js';
import type { CommandCount } from '../domain/command-queue.js';
import type { Database } from './database.js';
import { readQuery } from './sql-files.js';

/** Kinds that may be done twice, as PostgreSQL writes a list. */
const idempotent = `{${commandKinds.filter(isIdempotent).join(',')}}`;

/** How many commands of a kind samples confirmed, or did not. */
export interface ConfirmationCount {
  readonly kind: CommandKind;
  readonly confirmation: 'confirmed' | 'not_confirmed';
  readonly n: number;
}

/** What time does to commands. Each step is one statement under the advisory lock `commands`: elsewhere it finds nothing. */
export class CommandSweepsRepo {
  readonly #db: Database;
  readonly #leases: string;
  readonly #expire: string;
  readonly #confirm: string;
  readonly #advance: string;

  constructor(db: Database, options: { sqlDir?: string } = {}) {
    this.#db = db;
    this.#leases = readQuery('end_command_leases', options.sqlDir);
    this.#expire = readQuery('expire_commands', options.sqlDir);
    this.#confirm = readQuery('confirm_commands', options.sqlDir);
    this.#advance = readQuery('advance_command_batches', options.sqlDir);
  }

  /** Ends leases that are over, `limit` at most; samples have `confirmS` to show what became of what nobody reported. */
  async endLeases(
    maxAttempts: number,
    limit: number,
    confirmS: Readonly<Record<CommandKind, number>>,
  ): Promise<CommandCount[]> {
    const values = [idempotent, maxAttempts, limit, JSON.stringify(confirmS)];
    return this.#sweep('command_leases', this.#leases, values);
  }

  /** Ends what was not handed out in time, `limit` at most. */
  async expire(limit: number): Promise<CommandCount[]> {
    return this.#sweep('command_expiry', this.#expire, [limit]);
  }

  /** Holds later samples against what commands were to do that were done or may have been; settles `limit` at most. */
  async confirm(limit: number): Promise<ConfirmationCount[]> {
    const rows = await this.#db.run('command_confirm', (sql) =>
      sql.unsafe<ConfirmationCount[]>(this.#confirm, [limit]),
    );
    return rows.map((row) => ({ ...row }));
  }

  /** Releases next waves and stops or ends batches, of `limit` at most. Counts what it cancelled and released. */
  async advanceBatches(limit: number): Promise<CommandCount[]> {
    return this.#sweep('command_batches_advance', this.#advance, [limit]);
  }

  async #sweep(name: string, text: string, values: (string | number)[]): Promise<CommandCount[]> {
    const rows = await this.#db.run(name, (sql) => sql.unsafe<CommandCount[]>(text, values));
    return rows.map(({ kind, status, n }) => ({ kind, status, n }));
  }
}
