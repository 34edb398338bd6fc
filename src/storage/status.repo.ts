import type { Database } from './database.js';
import { spreadTables, type Edition } from './edition.js';
import { readMeta } from './meta.js';
import { listPartitions } from './partitions.js';

/** What one table that is split by time holds. */
export interface TableStatus {
  readonly table: string;
  /** Chunks or partitions. */
  readonly chunks: number;
  /** Indexes and overhead included. */
  readonly bytes: number;
  /** As the planner estimates it. */
  readonly rows: number;
  readonly bytes_per_row: number | null;
  readonly oldest: string | null;
  readonly newest: string | null;
}

export interface MaintenanceStatus {
  readonly name: string;
  readonly ran_at: string;
  readonly took_ms: number;
  readonly outcome: unknown;
}

/** The state of the database. */
export interface DatabaseStatus {
  readonly edition: Edition;
  readonly schema_version: number;
  readonly server_version: string;
  readonly timescaledb_version: string | null;
  readonly bytes: number;
  /** Length of a chunk or partition of the history, s. */
  readonly history_chunk_s: number;
  readonly tables: readonly TableStatus[];
  readonly rollups: {
    /** Batches stored that no run has looked at. */
    readonly marks: number;
    /** Buckets that wait, their turn not come included. */
    readonly due: number;
    /** How long the longest waiting of them is past its turn, s. */
    readonly lag_s: number;
  };
  /** How far the oldest row of the history is past its time, s; 0: in time. */
  readonly retention_lag_s: number;
  readonly maintenance: readonly MaintenanceStatus[];
}

/** A look at sizes may read every index of many chunks, ms. */
const lookDeadlineMs = 60_000;

/** Reads what `headframe db status` prints. */
export class StatusRepo {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  async read(options: { readonly historyDays: number }): Promise<DatabaseStatus> {
    const meta = await this.#db.run('status', (sql) => readMeta(sql));
    const [server] = await this.#db.run(
      'status',
      (sql) => sql<
        { version: string; timescaledb: string | null; bytes: number; schema: number; now: Date }[]
      >`
      select current_setting('server_version') as version, pg_database_size(current_database())::float8 as bytes,
        (select extversion from pg_extension where extname = 'timescaledb') as timescaledb,
        (select max(version) from headframe_migrations) as schema, now()`,
      { deadlineMs: lookDeadlineMs },
    );
    const [work] = await this.#db.run(
      'status',
      (sql) => sql<{ marks: number; due: number; lag_s: number }[]>`
      select (select count(*) from rollup_marks)::int as marks, count(*)::int as due,
        coalesce(greatest(extract(epoch from now() - min(due_at)), 0), 0)::float8 as lag_s
      from rollup_due`,
    );
    const runs = await this.#db.run(
      'status',
      (sql) => sql<(Omit<MaintenanceStatus, 'ran_at'> & { ran_at: Date })[]>`
      select name, ran_at, took_ms::float8, outcome from maintenance_runs order by name`,
    );
    if (server === undefined || work === undefined) throw new Error('an aggregate answered no row');
    const tables: TableStatus[] = [];
    for (const { name } of spreadTables) tables.push(await this.#table(name, meta.edition));
    const oldest = tables.find(({ table }) => table === 'miner_telemetry_history')?.oldest;
    const keptS = options.historyDays * 86_400 + meta.chunkS;
    const ageS = oldest == null ? 0 : (server.now.getTime() - Date.parse(oldest)) / 1_000;
    return {
      edition: meta.edition,
      schema_version: server.schema,
      server_version: server.version,
      timescaledb_version: server.timescaledb,
      bytes: server.bytes,
      history_chunk_s: meta.chunkS,
      tables,
      rollups: { ...work },
      retention_lag_s: Math.max(0, ageS - keptS),
      maintenance: runs.map((run) => ({ ...run, ran_at: run.ran_at.toISOString() })),
    };
  }

  async #table(table: string, edition: Edition): Promise<TableStatus> {
    const parts = edition === 'plain' ? await this.#partitions(table) : await this.#chunks(table);
    const filled = parts.filter((part) => part.has_rows);
    const rows = filled.reduce((sum, part) => sum + part.rows, 0);
    const bytes = parts.reduce((sum, part) => sum + part.bytes, 0);
    const filledBytes = filled.reduce((sum, part) => sum + part.bytes, 0);
    return {
      table,
      chunks: parts.length,
      bytes,
      rows: Math.round(rows),
      bytes_per_row: rows > 0 ? Math.round(filledBytes / rows) : null,
      oldest: await this.#edge(filled.at(0)?.name, 'min'),
      newest: await this.#edge(filled.at(-1)?.name, 'max'),
    };
  }

  async #partitions(table: string): Promise<Part[]> {
    const names = (await listPartitions(this.#db, table)).map(({ name }) => name);
    return await this.#sizes(names);
  }

  /** Chunks of a hypertable, oldest first; a compressed one with what it takes compressed. */
  async #chunks(table: string): Promise<Part[]> {
    const rows = await this.#db.run(
      'status',
      (sql) => sql<Part[]>`
      select format('%I.%I', c.chunk_schema, c.chunk_name) as name, coalesce(d.total_bytes, 0)::float8 as bytes,
        approximate_row_count(format('%I.%I', c.chunk_schema, c.chunk_name)::regclass)::float8 as rows,
        true as has_rows
      from timescaledb_information.chunks c
      left join chunks_detailed_size(${table}::text::regclass) d using (chunk_schema, chunk_name)
      where c.hypertable_name = ${table}::text order by c.range_start`,
      { deadlineMs: lookDeadlineMs },
    );
    return [...rows];
  }

  async #sizes(names: readonly string[]): Promise<Part[]> {
    const rows = await this.#db.run(
      'status',
      (sql) => sql<Part[]>`
      select n.name, pg_total_relation_size(c.oid)::float8 as bytes, greatest(c.reltuples, 0)::float8 as rows,
        pg_relation_size(c.oid) > 0 as has_rows
      from json_array_elements_text(${JSON.stringify(names)}::text::json) with ordinality n (name, at)
      join pg_class c on c.oid = to_regclass(n.name)
      order by n.at`,
      { deadlineMs: lookDeadlineMs },
    );
    return [...rows];
  }

  /** The oldest or newest time of one chunk: only the chunks at the ends are looked into. */
  async #edge(name: string | undefined, which: 'min' | 'max'): Promise<string | null> {
    if (name === undefined) return null;
    const [row] = await this.#db.run(
      'status',
      (sql) => sql.unsafe<{ time: Date | null }[]>(`select ${which}(time) as time from ${name}`),
      { deadlineMs: lookDeadlineMs },
    );
    return row?.time?.toISOString() ?? null;
  }
}

interface Part {
  readonly name: string;
  readonly bytes: number;
  readonly rows: number;
  readonly has_rows: boolean;
}
