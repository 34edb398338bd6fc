import { errorCode } from './database-error.js';
import type { Database } from './database.js';
import { grantStatements, roleStatements, type ReaderLimits } from './reader-grants.js';

/** The database role that reads alone. */
export class ReaderRepo {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  /** True when the server has a role of this name. */
  async exists(role: string): Promise<boolean> {
    const rows = await this.#db.run(
      'reader',
      (sql) => sql`select from pg_roles where rolname = ${role}::text`,
    );
    return rows.length > 0;
  }

  /** Makes the role or brings it to these limits; false when the own role may not. */
  async settle(
    role: string,
    options: { readonly isNew: boolean; readonly verifier: string; readonly limits: ReaderLimits },
  ): Promise<boolean> {
    try {
      await this.#db.transaction('reader', roleStatements(role, options));
      return true;
    } catch (error) {
      // Insufficient privilege: managed databases keep the right to make roles to themselves.
      if (errorCode(error) !== '42501') throw error;
      return false;
    }
  }

  /** Gives the role what readers may read; false when the own role does not own the tables. */
  async grant(role: string): Promise<boolean> {
    try {
      await this.#db.transaction('reader', grantStatements(role), { lockTimeoutMs: 5_000 });
      return true;
    } catch (error) {
      if (errorCode(error) !== '42501') throw error;
      return false;
    }
  }
}
