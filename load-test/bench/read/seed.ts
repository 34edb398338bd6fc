import { randomUUID } from 'node:crypto';
import { parseArgs } from 'node:util';
import { fileURLToPath } from 'node:url';
import { openDatabase, type Database } from '../../../src/storage/database.js';
import { KeysRepo } from '../../../src/storage/keys.repo.js';
import { SiteRepo } from '../../../src/storage/site.repo.js';
import { TelemetryStore } from '../../../src/storage/telemetry-store.js';
import { ensurePartitions } from '../../../src/storage/partitions.js';
import { migrate } from '../../../src/storage/migrate.js';
import { createLogger } from '../../../src/telemetry/logger.js';
import { progress } from '../report.js';
import { Fleet } from './fleet.js';
import { computeRollups, type ComputedRollups } from './seed-rollups.js';
import { SeedSql } from './seed-sql.js';
import { expectRoom } from './space.js';
import { readSize, sizeFlags, type Size } from './sizes.js';

/** What a seeded database holds. */
export interface Seeded {
  /** The site with a history. */
  readonly farm: Fleet;
  /** The site with live rows alone. */
  readonly fleet: Fleet;
  /** A collector's key of the fleet. */
  readonly key: string;
  /** First and last slot of the history, ms since the epoch. */
  readonly firstMs: number;
  readonly lastMs: number;
  readonly historyRows: number;
  readonly historyS: number;
  readonly computed: ComputedRollups;
}

/** The same as it is noted in the database. */
type SeedFacts = Omit<Seeded, 'farm' | 'fleet'> & {
  readonly farm: { readonly siteId: number; readonly count: number };
  readonly fleet: { readonly siteId: number; readonly count: number };
  readonly intervalS: number;
  /** Collectors' keys of both. */
  readonly keyIds: readonly [number, number];
};

const hourMs = 3_600_000;
const firstAddresses = { farm: 0x0a_00_00_00, fleet: 0x0a_40_00_00 };
/** Rows of one transaction. */
const maxRows = 100_000;
const liveBatch = 2_000;
/** The product makes partitions for 73 hours back at a time. */
const partitionStepMs = 72 * hourMs;

/**
 * Fills a migrated database: miners, history, events, rollups, live rows up to now. One that was filled before is
 * brought up to now instead, whatever the size; one whose filling was broken off is refused.
 */
export async function seed(url: string, size: Size): Promise<Seeded> {
  const database = openDatabase({
    url,
    poolSize: size.writers,
    deadlineMs: 300_000,
    connectTimeoutMs: 5_000,
    log: createLogger('warn'),
  });
  const sql = new SeedSql(url, size.writers);
  try {
    const facts = (await sql.noted()) as SeedFacts | null;
    const seeder = new Seeder(database, sql, size);
    if (facts !== null) return await seeder.catchUp(facts);
    await expectRoom(url, size);
    return await seeder.run();
  } finally {
    await sql.close();
    await database.close({ timeoutMs: 5_000 });
  }
}

class Seeder {
  readonly #database: Database;
  readonly #sql: SeedSql;
  readonly #size: Size;
  readonly #slotMs: number;
  readonly #endMs: number;

  constructor(database: Database, sql: SeedSql, size: Size) {
    this.#database = database;
    this.#sql = sql;
    this.#size = size;
    this.#slotMs = size.intervalS * 1_000;
    this.#endMs = performance.now() + size.maxMinutes * 60_000;
  }

  async run(): Promise<Seeded> {
    const { miners, liveMiners, hours, rollupDays, computedHours } = this.#size;
    const startMs = this.#now();
    const firstMs = startMs - hours * hourMs;
    const oldestMs = startMs - rollupDays * 24 * hourMs;
    for (let atMs = oldestMs; atMs < startMs; atMs += partitionStepMs)
      await ensurePartitions(this.#database, new Date(atMs));
    const [farm, fleet] = [await this.#site('farm', miners), await this.#site('fleet', liveMiners)];
    const keys = new KeysRepo(this.#database);
    const [farmKey, fleetKey] = [await keys.create(farm.siteId), await keys.create(fleet.siteId)];
    progress(`${(miners + liveMiners).toLocaleString('en-US')} miners`);
    for (const site of [farm, fleet]) await this.#sql.insertMiners(site, oldestMs);
    // The first live rows tell the history what each miner is.
    await this.#live(farm, farmKey.keyId, firstMs, true);
    const began = performance.now();
    await this.#history(farm, firstMs + this.#slotMs, startMs - this.#slotMs);
    const historyS = (performance.now() - began) / 1_000;
    const historyRows = miners * (Math.floor((hours * hourMs) / this.#slotMs) - 1);
    await this.#sql.events(farm.siteId, oldestMs, startMs);
    const computedMs = Math.max(firstMs, floor(startMs, hourMs) - computedHours * hourMs);
    await this.#olderRollups(farm, oldestMs, computedMs);
    await this.#live(fleet, fleetKey.keyId, startMs - this.#slotMs);
    await this.#olderRollups(fleet, oldestMs, this.#now(), true);
    await this.#sql.mark(farm.siteId, floor(computedMs, hourMs), startMs);
    const computed = await computeRollups(this.#database, this.#endMs);
    // What has passed meanwhile.
    await this.#history(farm, startMs, this.#now() - this.#slotMs);
    const seeded = { farm, fleet, key: fleetKey.key, firstMs, historyRows, historyS, computed };
    return await this.#finish(seeded, [farmKey.keyId, fleetKey.keyId]);
  }

  /** Adds to a database that was filled before what would have come since. */
  async catchUp(facts: SeedFacts): Promise<Seeded> {
    if (facts.intervalS !== this.#size.intervalS)
      throw new Error(`the database was filled with --interval ${facts.intervalS}`);
    const [farm, fleet] = [
      await this.#site('farm', facts.farm.count),
      await this.#site('fleet', facts.fleet.count),
    ];
    progress(`filled before, up to ${new Date(facts.lastMs).toISOString()}`);
    if (this.#now() <= facts.lastMs) return { ...facts, farm, fleet };
    for (let atMs = facts.lastMs; atMs < this.#now() + partitionStepMs; atMs += partitionStepMs)
      await ensurePartitions(this.#database, new Date(Math.min(atMs, this.#now())));
    await this.#history(farm, facts.lastMs + this.#slotMs, this.#now() - this.#slotMs);
    await this.#sql.mark(farm.siteId, floor(facts.lastMs, hourMs), this.#now());
    return await this.#finish({ ...facts, farm, fleet }, facts.keyIds);
  }

  /** Live rows of now, what is due of the rollups, and a note of it all. */
  async #finish(
    { farm, fleet, key, firstMs, historyRows, historyS, computed }: Omit<Seeded, 'lastMs'>,
    keyIds: readonly [number, number],
  ): Promise<Seeded> {
    const lastMs = this.#now();
    await this.#live(farm, keyIds[0], lastMs);
    await this.#live(fleet, keyIds[1], lastMs);
    await computeRollups(this.#database, this.#endMs);
    const numbers = { key, firstMs, lastMs, historyRows, historyS, computed };
    const sites = {
      farm: { siteId: farm.siteId, count: farm.count },
      fleet: { siteId: fleet.siteId, count: fleet.count },
    };
    const facts: SeedFacts = { ...numbers, ...sites, keyIds, intervalS: this.#size.intervalS };
    await this.#sql.note(facts);
    await this.#sql.tidy();
    return { ...numbers, farm, fleet };
  }

  #now(): number {
    return floor(Date.now(), this.#slotMs);
  }

  async #site(name: keyof typeof firstAddresses, count: number): Promise<Fleet> {
    const siteId = await new SiteRepo(this.#database).ensureSite(name);
    return new Fleet({ siteId, count, firstAddress: firstAddresses[name] });
  }

  /** One sample of every miner, by the statement that writes uploads. */
  async #live(site: Fleet, keyId: number, slotMs: number, isCalm = false): Promise<void> {
    const store = new TelemetryStore(this.#database, { deadlineMs: 120_000 });
    const began = performance.now();
    for (let from = 0; from < site.count; from += liveBatch) {
      const batchId = randomUUID();
      const to = Math.min(from + liveBatch, site.count);
      const { rows, rowCount, onlineCount } = site.batch(from, to, { slotMs, batchId, isCalm });
      const outcome = await store.writeBatch({
        siteId: site.siteId,
        keyId,
        batchId,
        receivedAt: new Date(),
        rows,
        rowCount,
        onlineCount,
        rejectedCount: 0,
        wireBytes: 0,
        intervalS: this.#size.intervalS,
      });
      if (outcome.stored !== to - from) throw new Error(`${outcome.stored} of ${to - from} rows stored`);
    }
    const rate = (1_000 * site.count) / (performance.now() - began);
    progress(`${site.count.toLocaleString('en-US')} live rows, ${Math.round(rate)} rows/s`);
  }

  async #history(site: Fleet, fromMs: number, toMs: number): Promise<void> {
    const slots = Math.max(1, Math.floor(maxRows / site.count));
    await this.#inBlocks('history', fromMs, toMs, this.#slotMs, slots, (from, to) =>
      this.#sql.history(site.siteId, from, to, this.#size.intervalS),
    );
  }

  /** Rollups up to `toMs`, exclusive; of the fleet, which has no samples, those of the site alone. */
  async #olderRollups(site: Fleet, fromMs: number, toMs: number, isSiteAlone = false): Promise<void> {
    const { intervalS } = this.#size;
    const fromHourMs = floor(fromMs, hourMs);
    const lastHourMs = floor(toMs, hourMs) - hourMs;
    await this.#sql.rollup5m(site.siteId, fromHourMs, lastHourMs + hourMs - 300_000, intervalS);
    if (isSiteAlone) return;
    const hours = Math.max(1, Math.floor(maxRows / site.count));
    await this.#inBlocks('hours', fromHourMs, lastHourMs, hourMs, hours, (from, to) =>
      this.#sql.rollup1h(site.siteId, from, to, intervalS),
    );
  }

  /** Works through [fromMs, toMs], both inclusive, in blocks of so many steps, several at once and in order. */
  async #inBlocks(
    what: string,
    fromMs: number,
    toMs: number,
    stepMs: number,
    steps: number,
    work: (fromMs: number, toMs: number) => Promise<number>,
  ): Promise<void> {
    let nextMs = fromMs;
    let rows = 0;
    let toldMs = performance.now();
    const began = performance.now();
    const loop = async (): Promise<void> => {
      while (nextMs <= toMs) {
        if (performance.now() > this.#endMs) throw new Error('filling took longer than --max-minutes');
        const blockMs = nextMs;
        nextMs += steps * stepMs;
        const made = await work(blockMs, Math.min(nextMs - stepMs, toMs));
        rows += made;
        if (performance.now() - toldMs < 10_000) continue;
        toldMs = performance.now();
        const share = Math.round((100 * (nextMs - fromMs)) / (toMs - fromMs + stepMs));
        progress(`${what}: ${Math.min(100, share)} %, ${rate()} rows/s`);
      }
    };
    const rate = (): number => Math.round((1_000 * rows) / (performance.now() - began));
    await Promise.all(Array.from({ length: this.#size.writers }, loop));
    if (rows > 0) progress(`${what}: ${rows.toLocaleString('en-US')} rows, ${rate()} rows/s`);
  }
}

function floor(ms: number, stepMs: number): number {
  return Math.floor(ms / stepMs) * stepMs;
}

/** Command line: migrates and fills the empty database of `--url`. */
async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { ...sizeFlags, url: { type: 'string', default: process.env['DATABASE_URL'] ?? '' } },
  });
  const size = readSize(values);
  await migrate(values.url, { log: createLogger('warn'), intervalS: size.intervalS });
  const { farm, fleet, historyRows, historyS } = await seed(values.url, size);
  const sites = { farm: farm.siteId, fleet: fleet.siteId };
  process.stdout.write(`${JSON.stringify({ sites, historyRows, historyS: Math.round(historyS) })}\n`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main();
