import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import postgres from 'postgres';
import { packageRoot } from '../../../src/config/paths.js';
import { progress } from '../report.js';
import type { Fleet, SeededMiner } from './fleet.js';

/** The TypeScript build does not copy these. */
const sqlDir = join(packageRoot, 'load-test', 'bench', 'read', 'sql');
const minersPerStatement = 10_000;

/** The statements that make rows inside the server. Each is a transaction; all are trusted, none is the product's. */
export class SeedSql {
  readonly #sql: postgres.Sql;
  readonly #texts = new Map<string, string>();

  constructor(url: string, connections: number) {
    this.#sql = postgres(url, {
      max: connections,
      fetch_types: false,
      onnotice: () => undefined,
      connection: {
        application_name: 'headframe seed',
        statement_timeout: 600_000,
        TimeZone: 'UTC',
        // A seed that dies is begun anew.
        synchronous_commit: 'off',
        work_mem: '64MB',
        jit: 'off',
      },
    });
  }

  async insertMiners(site: Fleet, firstSeenMs: number): Promise<void> {
    for (let from = 0; from < site.count; from += minersPerStatement) {
      const count = Math.min(minersPerStatement, site.count - from);
      const miners: SeededMiner[] = Array.from({ length: count }, (_, index) => site.identity(from + index));
      await this.#sql`
        insert into miners (site_id, key, ip, mac, model, firmware, family, by_address, first_seen)
        select ${site.siteId}::int, r.key, r.key, r.mac, r.model, r.firmware, r.family, true,
          ${new Date(firstSeenMs).toISOString()}::text::timestamptz
        from json_to_recordset(${JSON.stringify(miners)}::text::json) as r (
          key text, mac text, model text, firmware text, family text)`;
    }
  }

  async history(siteId: number, fromMs: number, toMs: number, intervalS: number): Promise<number> {
    return this.#run('history', [siteId, iso(fromMs), iso(toMs), intervalS]);
  }

  async events(siteId: number, fromMs: number, untilMs: number): Promise<void> {
    const rows = await this.#run('events', [siteId, iso(fromMs), iso(untilMs)]);
    progress(`${rows.toLocaleString('en-US')} events`);
  }

  async rollup1h(siteId: number, fromMs: number, toMs: number, intervalS: number): Promise<number> {
    return this.#run('rollup_1h', [siteId, iso(fromMs), iso(toMs), intervalS]);
  }

  async rollup5m(siteId: number, fromMs: number, toMs: number, intervalS: number): Promise<number> {
    return this.#run('rollup_5m', [siteId, iso(fromMs), iso(toMs), intervalS]);
  }

  /** Has the product's rollups look at a stretch of samples, as ingest does. */
  async mark(siteId: number, fromMs: number, toMs: number): Promise<void> {
    await this.#sql`
      insert into rollup_marks (site_id, time, is_late)
      select ${siteId}::int, b, false
      from generate_series(${iso(fromMs)}::text::timestamptz, ${iso(toMs)}::text::timestamptz, '5 minutes') b`;
  }

  /** Notes what the database holds: without it, filling did not come to its end. */
  async note(facts: object): Promise<void> {
    await this.#sql.unsafe('create table if not exists bench_seed (facts json not null)');
    await this.#sql.unsafe('truncate bench_seed');
    await this.#sql`insert into bench_seed values (${JSON.stringify(facts)}::text::json)`;
  }

  /** What was noted; null: nothing. */
  async noted(): Promise<unknown> {
    const [table] = await this.#sql`select to_regclass('bench_seed') is not null as is_there`;
    if (table?.['is_there'] !== true) return null;
    const [row] = await this.#sql`select facts::text from bench_seed`;
    return row === undefined ? null : (JSON.parse(String(row['facts'])) as unknown);
  }

  /** What autovacuum does in days: statistics, and which pages every reader may see. */
  async tidy(): Promise<void> {
    progress('vacuum analyze');
    await this.#sql.unsafe('vacuum (analyze)');
    await this.#sql.unsafe('checkpoint');
  }

  async close(): Promise<void> {
    await this.#sql.end({ timeout: 5 });
  }

  /** Answers how many rows were made. */
  async #run(name: string, parameters: readonly (string | number)[]): Promise<number> {
    let text = this.#texts.get(name);
    if (text === undefined) {
      text = readFileSync(join(sqlDir, `${name}.sql`), 'utf8');
      this.#texts.set(name, text);
    }
    const result = await this.#sql.unsafe(text, [...parameters], { prepare: true });
    return result.count;
  }
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}
