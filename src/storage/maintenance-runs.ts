import type { Database } from './database.js';

/** A kind of maintenance whose last run is noted. */
export type MaintenanceName = 'retention' | 'rollups';

/** Notes what a run did, for `headframe db status`. */
export async function noteRun(
  db: Database,
  name: MaintenanceName,
  run: { readonly tookMs: number; readonly outcome: object },
): Promise<void> {
  await db.run(
    'note_run',
    (sql) => sql`
    insert into maintenance_runs as r (name, ran_at, took_ms, outcome)
    values (${name}::text, now(), ${run.tookMs}::float8, ${JSON.stringify(run.outcome)}::text::json)
    on conflict (name) do update set ran_at = excluded.ran_at, took_ms = excluded.took_ms, outcome = excluded.outcome`,
  );
}

/** The database's clock. */
export async function readClock(db: Pick<Database, 'run'>): Promise<Date> {
  const [row] = await db.run('clock', (sql) => sql<{ now: Date }[]>`select now()`);
  return row?.now ?? new Date();
}
