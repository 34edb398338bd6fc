import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import postgres from 'postgres';
import { mix, unit } from '../../load-test/simulator/random.js';
import { parseBatchName } from '../../src/poller/spool-name.js';
import type { Farm } from './farm.js';
import { memoryMib, scrape } from './processes.js';
import { waitFor } from './wait.js';

/** Draws in [0, 1), the same for the same seed. */
export function seededRandom(seed: number): () => number {
  let draws = 0;
  return () => unit(mix(seed, 77), draws++);
}

/** Batches that the api at `url` has committed since it started. */
export async function storedUploads(url: string): Promise<number> {
  return (await scrape(url)).sum('collector_upload_total', 'outcome="stored"');
}

/** Uploads of the running edge that were answered with 2xx. */
async function ackedUploads(url: string): Promise<number> {
  const metrics = await scrape(url);
  const of = (outcome: string): number => metrics.sum('headframe_uploads_total', `outcome="${outcome}"`);
  return of('acked') + of('duplicate');
}

/** Waits until the running edge has more than `since` uploads acknowledged; by default than now. */
export async function untilUpload(farm: Farm, timeoutMs: number, since?: number): Promise<void> {
  const before = since ?? (await ackedUploads(farm.edge().url));
  const look = async (): Promise<boolean> => (await ackedUploads(farm.edge().url)) > before;
  await waitFor('an upload', look, { timeoutMs, everyMs: 50 });
}

/** Waits until the edge's backlog is no more than what fresh batches leave in passing. */
export async function untilDrained(farm: Farm, rows: number, timeoutMs: number): Promise<void> {
  const look = async (): Promise<boolean> => {
    const metrics = await scrape(farm.edge().url);
    return metrics.sum('headframe_spool_rows') <= rows && metrics.sum('headframe_spool_files') <= 2;
  };
  await waitFor('the backlog to drain', look, { timeoutMs, everyMs: 100 });
}

export interface KillResult {
  readonly target: 'edge' | 'api' | 'both';
  /** From the start of the new process, of both that of the edge, to the first upload acknowledged, ms. */
  readonly recoveredMs: number;
}

/** Kills edge, api or both at random moments, each time starting what was killed at once. */
export async function killAtRandom(
  farm: Farm,
  random: () => number,
  options: { readonly kills: number; readonly maxWaitMs: number },
): Promise<KillResult[]> {
  const results: KillResult[] = [];
  for (let kill = 0; kill < options.kills; kill++) {
    await delay(random() * options.maxWaitMs);
    const draw = random();
    const target = draw < 0.4 ? 'edge' : draw < 0.8 ? 'api' : 'both';
    if (target !== 'edge') await farm.killApi();
    if (target !== 'api') await farm.killEdge();
    let startedMs = performance.now();
    if (target !== 'edge') await farm.startApi();
    if (target !== 'api') {
      startedMs = performance.now();
      await farm.startEdge();
    }
    await untilUpload(farm, 20_000, target === 'api' ? undefined : 0);
    results.push({ target, recoveredMs: performance.now() - startedMs });
  }
  return results;
}

/** What an api says while its database is away. */
export interface Probe {
  readonly status: number;
  readonly retryAfterS: number | null;
  readonly ms: number;
}

/** An empty upload: it asks for the key, reads the body and writes a ledger row, and adds no sample. */
export async function probeUpload(farm: Farm): Promise<Probe> {
  const startedMs = performance.now();
  const response = await fetch(`${farm.api().url}/api/collector/upload`, {
    method: 'POST',
    headers: { 'x-collector-key': farm.key, 'content-encoding': 'gzip' },
    body: gzipSync('[]'),
    signal: AbortSignal.timeout(10_000),
  });
  await response.arrayBuffer();
  const retryAfter = response.headers.get('retry-after');
  return {
    status: response.status,
    retryAfterS: retryAfter === null ? null : Number(retryAfter),
    ms: performance.now() - startedMs,
  };
}

export interface Outage {
  /** Answers to uploads while the database was away. */
  readonly probes: readonly Probe[];
  /** From its return to the first batch committed, ms. */
  readonly firstCommitMs: number;
  /** From its return until the backlog was delivered, ms. */
  readonly drainedMs: number;
  /** Rows in the spool at the return. */
  readonly backlogRows: number;
  /** Backlog delivered per second over live rows per second. */
  readonly backlogRate: number;
  /** How much the edge grew from the start of the outage on, MiB. */
  readonly edgeGrowthMib: number;
}

export interface OutageOptions {
  readonly outageMs: number;
  readonly away: () => Promise<unknown>;
  readonly back: () => Promise<unknown>;
  /** Live rows per second. */
  readonly rowsPerS: number;
  readonly drainTimeoutMs: number;
}

/** Takes the database away for a while and watches api and edge come through it. */
export async function withoutDatabase(farm: Farm, options: OutageOptions): Promise<Outage> {
  const edge = farm.edge();
  const { nowMib: steadyMib } = memoryMib(edge.program.pid);
  let peakMib = steadyMib;
  const watch = setInterval(() => (peakMib = Math.max(peakMib, memoryMib(edge.program.pid).nowMib)), 100);
  try {
    await options.away();
    const probes: Probe[] = [];
    for (const endMs = performance.now() + options.outageMs; performance.now() < endMs;) {
      const took = await probeUpload(farm);
      probes.push(took);
      await delay(Math.min(1_000, Math.max(0, endMs - performance.now())));
    }
    const before = await storedUploads(farm.api().url);
    const backMs = performance.now();
    await options.back();
    const returnedMs = performance.now();
    const backlogRows = (await scrape(edge.url)).sum('headframe_spool_rows');
    const hasCommitted = async (): Promise<boolean> => (await storedUploads(farm.api().url)) > before;
    await waitFor('a commit', hasCommitted, { timeoutMs: 30_000, everyMs: 50 });
    const firstCommitMs = performance.now() - Math.max(backMs, returnedMs);
    const drainingMs = performance.now();
    await untilDrained(farm, 2 * options.rowsPerS, options.drainTimeoutMs);
    const drainedMs = performance.now() - returnedMs;
    const drainS = Math.max(0.05, (performance.now() - drainingMs) / 1000);
    const backlogRate = backlogRows / drainS / options.rowsPerS;
    return { probes, firstCommitMs, drainedMs, backlogRows, backlogRate, edgeGrowthMib: peakMib - steadyMib };
  } finally {
    clearInterval(watch);
  }
}

/** The greatest time from slot to commit of batches whose newest sample is of `fromMs` to `toMs`, ms. */
export async function liveLagMs(databaseUrl: string, fromMs: number, toMs: number): Promise<number> {
  const sql = postgres(databaseUrl, { max: 1, onnotice: () => undefined });
  try {
    const [row] = await sql<{ ms: number | null }[]>`
      select max(extract(epoch from received_at - max_time) * 1000 + processing_ms)::float8 as ms
      from collector_upload_logs
      where max_time between to_timestamp(${fromMs / 1000}::float8) and to_timestamp(${toMs / 1000}::float8)`;
    return row?.ms ?? NaN;
  } finally {
    await sql.end({ timeout: 5 });
  }
}

/** A batch as it lies in an edge's spool. */
export interface SpooledBatch {
  readonly batchId: string;
  readonly rows: number;
  readonly gz: Buffer;
}

/** The batches of a farm's spool, oldest first; read while no edge runs. */
export async function readSpool(dataDir: string, site: string): Promise<SpooledBatch[]> {
  const folder = join(dataDir, 'spool', site);
  const batches: SpooledBatch[] = [];
  for (const name of (await readdir(folder)).sort()) {
    const facts = parseBatchName(name);
    if (facts !== null) batches.push({ ...facts, gz: await readFile(join(folder, name)) });
  }
  return batches;
}
