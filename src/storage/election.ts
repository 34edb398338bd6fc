import { AppError } from '../domain/errors.js';
import { errorCode } from './database-error.js';
import type { Database, Row, TransactionOptions } from './database.js';

/** Numbers of the advisory locks under which one instance at a time does a kind of work. */
export const workLocks = {
  retention: 4_801_003,
  rollups: 4_801_005,
  alerts: 4_801_010,
  /** Stands in `sql/queries/` too. */
  notices: 4_801_011,
  /** Stands in `sql/queries/` too. */
  commands: 4_801_012,
} as const;

/**
 * Runs trusted statements in one transaction that elects itself with a transaction-scoped advisory lock: it ends
 * with the transaction, whatever becomes of the process. Null when another instance holds it, or a lock of a table
 * was not to be had in time.
 */
export async function elected(
  db: Pick<Database, 'transaction'>,
  work: keyof typeof workLocks,
  statements: readonly string[],
  options: TransactionOptions,
): Promise<Row[] | null> {
  const elect = `do $$ begin
    if not pg_try_advisory_xact_lock(${workLocks[work]}) then raise lock_not_available; end if;
  end $$`;
  try {
    return await db.transaction(work, [elect, ...statements], options);
  } catch (error) {
    if (error instanceof AppError && errorCode(error.cause) === '55P03') return null;
    throw error;
  }
}
