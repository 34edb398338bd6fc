import { AppError } from '../domain/errors.js';
import { editions, type Edition } from './edition.js';
import type { Sql } from './pool.js';

/** What the schema was made for. */
export interface SchemaMeta {
  readonly edition: Edition;
  /** Length of a chunk or partition of the history, s. */
  readonly chunkS: number;
}

/** Reads `headframe_meta`. Throws `DATABASE_VERSION` when it is not this program's. */
export async function readMeta(sql: Sql): Promise<SchemaMeta> {
  const rows = await sql<{ name: string; value: string }[]>`select name, value from headframe_meta`;
  const valueOf = (name: string): string | undefined => rows.find((row) => row.name === name)?.value;
  const edition = editions.find((name) => name === valueOf('edition'));
  const chunkS = Number(valueOf('history_chunk_s'));
  if (edition === undefined || !(chunkS > 0))
    throw new AppError('DATABASE_VERSION', 'the schema is not complete');
  return { edition, chunkS };
}
