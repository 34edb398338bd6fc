/**
 * Kills and outages at full length, with real processes:
 *
 *     node --import tsx load-test/scenarios/recovery.ts --database-url postgres://…
 *     node --import tsx load-test/scenarios/recovery.ts --only kills --seeds 3 --first-seed 17
 *
 * `kills`: edge, api or both killed with SIGKILL at random moments, one farm per seed. `stopped`: a
 * PostgreSQL of its own stopped for a minute; `cut` and `half-open`: the way to the server given, for as
 * long. `api`: unreachable, with the edge killed twice meanwhile. Prints one line of JSON per run; exits
 * 1 when a promise is broken.
 */
import { rm } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { startEmbeddedPostgres } from '../../src/storage/embedded/embedded-postgres.js';
import { startFarm, type Farm, type FarmOptions } from '../../test/support/farm.js';
import { killPrograms, scrape } from '../../test/support/processes.js';
import {
  killAtRandom,
  liveLagMs,
  seededRandom,
  untilDrained,
  untilUpload,
  withoutDatabase,
  type OutageOptions,
} from '../../test/support/recovery.js';
import { startTcpProxy } from '../../test/support/tcp-proxy.js';
import { readConservation, violationsOf } from '../../test/support/truth.js';
import { createDatabase, makeFolder, print, serverUrl } from './scenario.js';

const { values } = parseArgs({
  options: {
    only: { type: 'string', default: 'kills,stopped,cut,half-open,api' },
    seeds: { type: 'string', default: '20' },
    'first-seed': { type: 'string', default: '1' },
    kills: { type: 'string', default: '4' },
    miners: { type: 'string', default: '1000' },
    interval: { type: 'string', default: '5' },
    outage: { type: 'string', default: '60' },
    base: { type: 'string', default: '127.70.0.1' },
    'database-url': { type: 'string' },
  },
});

const miners = Number(values.miners);
const intervalS = Number(values.interval);
const outageMs = Number(values.outage) * 1000;
const rowsPerS = miners / intervalS;
let broken = 0;

/** Ends the farm, prints what was seen and counts what must not be. */
async function report(farm: Farm, facts: object, violations: readonly string[]): Promise<void> {
  const law = await readConservation(farm.edge().url);
  const { comparison } = await farm.finish();
  const all = [...violations, ...violationsOf(comparison)];
  if (law.error !== 0 || law.sum !== 0) all.push(`conservation error ${law.error}, sum ${law.sum}`);
  if (law.dropped + law.quarantined + law.rejected !== 0) all.push('rows were dropped or refused');
  broken += all.length;
  process.stdout.write(
    `${JSON.stringify({ ...facts, ...comparison, duplicate_rows: law.duplicate, violations: all })}\n`,
  );
}

async function withFarm(
  options: Omit<FarmOptions, 'dir'>,
  work: (farm: Farm) => Promise<void>,
): Promise<void> {
  const farm = await startFarm({ ...options, dir: await makeFolder('recovery') });
  try {
    await farm.startApi();
    await work(farm);
  } finally {
    await farm.close();
  }
}

async function withDatabase(work: (url: string) => Promise<void>): Promise<void> {
  const database = await createDatabase(serverUrl(values['database-url']));
  try {
    await work(database.url);
  } finally {
    await database.drop();
  }
}

/** One farm of its own per seed: 300 miners every second, so that something is always under way. */
async function kills(seed: number): Promise<void> {
  await withDatabase((databaseUrl) =>
    withFarm({ databaseUrl, miners: 300, intervalS: 1, base: values.base, seed }, async (farm) => {
      await farm.startEdge();
      await untilUpload(farm, 20_000, 0);
      const options = { kills: Number(values.kills), maxWaitMs: 2_000 };
      const results = await killAtRandom(farm, seededRandom(seed), options);
      await untilDrained(farm, 300, 30_000);
      const recoveredMs = results.map((result) => Math.round(result.recoveredMs));
      const violations = recoveredMs.filter((ms) => ms > 5_000).map((ms) => `back after ${ms} ms`);
      await report(
        farm,
        { run: 'kills', seed, killed: results.map(({ target }) => target), recoveredMs },
        violations,
      );
    }),
  );
}

async function outage(
  name: string,
  databases: { databaseUrl: string; directUrl: string },
  way: Pick<OutageOptions, 'away' | 'back'>,
): Promise<void> {
  await withFarm({ ...databases, miners, intervalS, base: values.base }, async (farm) => {
    await farm.startEdge();
    await untilUpload(farm, 20_000, 0);
    await delay(2 * intervalS * 1000);
    const seen = await withoutDatabase(farm, { ...way, outageMs, rowsPerS, drainTimeoutMs: 300_000 });
    const drainedMs = Date.now();
    await delay(intervalS * 1000);
    const lagMs = await liveLagMs(databases.directUrl, drainedMs - seen.drainedMs, drainedMs);
    const { probes, ...times } = seen;
    const slowest = Math.max(...probes.map(({ ms }) => ms));
    const violations = [
      ...(probes.every(({ status, retryAfterS }) => status === 503 && (retryAfterS ?? 0) > 0)
        ? []
        : [`answers ${JSON.stringify(probes)}`]),
      ...(slowest > 2_000 ? [`an answer took ${slowest} ms`] : []),
      ...(seen.firstCommitMs > 15_000 ? ['first commit late'] : []),
      ...(seen.backlogRate < 5 ? ['the backlog drains too slowly'] : []),
      ...(lagMs > 2 * intervalS * 1000 ? [`live lag ${lagMs} ms`] : []),
      ...(seen.edgeGrowthMib > 64 ? ['the edge grew'] : []),
    ];
    await report(
      farm,
      { run: name, outageMs, probes: probes.length, slowestProbeMs: slowest, liveLagMs: lagMs, ...times },
      violations,
    );
  });
}

async function databaseStopped(): Promise<void> {
  const folder = await makeFolder('recovery-postgres');
  const dataDir = join(folder, 'postgres');
  let server = await startEmbeddedPostgres({ dataDir });
  const proxy = await startTcpProxy({ targetPort: () => server.port });
  try {
    const url = new URL(server.url);
    url.port = String(proxy.port);
    await outage(
      'database stopped',
      { databaseUrl: url.href, directUrl: url.href },
      {
        away: () => server.stop({ timeoutMs: 10_000 }),
        back: async () => (server = await startEmbeddedPostgres({ dataDir })),
      },
    );
  } finally {
    await proxy.close();
    await server.stop({ timeoutMs: 10_000 });
    await rm(folder, { recursive: true, force: true });
  }
}

async function databaseCut(name: string, kind: 'refuse' | 'blackhole'): Promise<void> {
  await withDatabase(async (directUrl) => {
    const url = new URL(directUrl);
    const proxy = await startTcpProxy({ targetHost: url.hostname, targetPort: Number(url.port) });
    url.hostname = proxy.host;
    url.port = String(proxy.port);
    await outage(
      name,
      { databaseUrl: url.href, directUrl },
      { away: () => proxy.setMode({ kind }), back: () => proxy.setMode({ kind: 'pass' }) },
    );
    await proxy.close();
  });
}

/** The edge is killed twice while nothing answers. */
async function apiUnreachable(): Promise<void> {
  await withDatabase((databaseUrl) =>
    withFarm({ databaseUrl, miners, intervalS, base: values.base }, async (farm) => {
      const proxy = await startTcpProxy({ targetPort: Number(new URL(farm.api().url).port) });
      await farm.startEdge({ uploadUrl: proxy.url });
      await untilUpload(farm, 20_000, 0);
      await proxy.setMode({ kind: 'refuse' });
      for (let part = 0; part < 2; part++) {
        await delay(outageMs / 3);
        await farm.killEdge();
        await farm.startEdge();
      }
      await delay(outageMs / 3);
      const backlogRows = (await scrape(farm.edge().url)).sum('headframe_spool_rows');
      await proxy.setMode({ kind: 'pass' });
      const backMs = performance.now();
      await untilUpload(farm, 90_000, 0);
      const firstUploadMs = Math.round(performance.now() - backMs);
      await untilDrained(farm, 2 * rowsPerS, 300_000);
      const drainedMs = Math.round(performance.now() - backMs);
      await report(farm, { run: 'api unreachable', outageMs, backlogRows, firstUploadMs, drainedMs }, []);
      await proxy.close();
    }),
  );
}

const only = values.only.split(',');
const first = Number(values['first-seed']);
try {
  for (let seed = first; only.includes('kills') && seed < first + Number(values.seeds); seed++) {
    print(`kills, seed ${seed}`);
    await kills(seed);
  }
  print(`outages of ${outageMs / 1000} s`);
  if (only.includes('stopped')) await databaseStopped();
  if (only.includes('cut')) await databaseCut('database cut off', 'refuse');
  if (only.includes('half-open')) await databaseCut('database half-open', 'blackhole');
  if (only.includes('api')) await apiUnreachable();
} finally {
  await killPrograms();
}
print(broken === 0 ? 'every promise held' : `${broken} promises broken`);
process.exitCode = broken === 0 ? 0 : 1;
