import type { Database } from './database.js';
import { spreadTables } from './edition.js';
import { readMeta } from './meta.js';

/** A partition of plain PostgreSQL: [fromS, toS) in seconds since the epoch. */
export interface Partition {
  readonly name: string;
  readonly fromS: number;
  readonly toS: number;
}

/** Samples may be this old when they arrive, s: the spool's greatest age, and a bit. */
export const coveredPastS = 72 * 3_600 + 3_600;
const intervalsAhead = 2;
const partitionLock = 4_801_002;

/**
 * Plans the partitions missing between `nowS` − 73 h and two chunks ahead. Boundaries are multiples of
 * `chunkS`; beside existing ones of another length the first new one is cut to fit. Times in s.
 */
export function planPartitions(
  existing: readonly Pick<Partition, 'fromS' | 'toS'>[],
  nowS: number,
  chunkS: number,
): { fromS: number; toS: number }[] {
  const planned: { fromS: number; toS: number }[] = [];
  const ordered = [...existing].sort((a, b) => a.fromS - b.fromS);
  const endS = nowS + intervalsAhead * chunkS;
  let atS = Math.floor((nowS - coveredPastS) / chunkS) * chunkS;
  while (atS < endS) {
    const covering = ordered.find((partition) => partition.fromS <= atS && atS < partition.toS);
    if (covering !== undefined) {
      atS = covering.toS;
      continue;
    }
    const next = ordered.find((partition) => partition.fromS > atS);
    const boundaryS = (Math.floor(atS / chunkS) + 1) * chunkS;
    const toS = next === undefined ? boundaryS : Math.min(boundaryS, next.fromS);
    planned.push({ fromS: atS, toS });
    atS = toS;
  }
  return planned;
}

/** Partitions of a table by their bounds, oldest first. */
export async function listPartitions(db: Pick<Database, 'run'>, table: string): Promise<Partition[]> {
  return await db.run('partitions', async (sql) => {
    const rows = await sql<{ name: string; from_s: number; to_s: number }[]>`
      select c.relname as name, extract(epoch from b[1]::timestamptz)::float8 as from_s,
        extract(epoch from b[2]::timestamptz)::float8 as to_s
      from pg_inherits i
      join pg_class c on c.oid = i.inhrelid
      cross join lateral regexp_match(pg_get_expr(c.relpartbound, c.oid), $$FROM [(]'(.*)'[)] TO [(]'(.*)'[)]$$) b
      where i.inhparent = ${table}::text::regclass
      order by 2`;
    return rows.map((row) => ({ name: row.name, fromS: row.from_s, toS: row.to_s }));
  });
}

/**
 * Makes the partitions that are missing around `now`; nothing on TimescaleDB. Attached to the parent
 * after they are made, which does not stop readers or writers. Answers how many were made.
 */
export async function ensurePartitions(
  db: Pick<Database, 'run' | 'transaction'>,
  now: Date,
): Promise<number> {
  const meta = await db.run('partitions', (sql) => readMeta(sql));
  if (meta.edition !== 'plain') return 0;
  let made = 0;
  for (const table of spreadTables) {
    const existing = await listPartitions(db, table.name);
    for (const bounds of planPartitions(existing, now.getTime() / 1000, table.chunkS(meta.chunkS))) {
      await makePartition(db, table.name, bounds.fromS, bounds.toS);
      made++;
    }
  }
  return made;
}

/** Idempotent: of two processes at once the later finds the table there. */
async function makePartition(
  db: Pick<Database, 'transaction'>,
  table: string,
  fromS: number,
  toS: number,
): Promise<void> {
  const name = `${table}_${fromS}`;
  await db.transaction('make_partition', [
    `select pg_advisory_xact_lock(${partitionLock})`,
    `do $$ begin
       if to_regclass('${name}') is null then
         create table ${name} (like ${table} including all);
         alter table ${table} attach partition ${name} for values from (to_timestamp(${fromS})) to (to_timestamp(${toS}));
       end if;
     end $$`,
  ]);
}
