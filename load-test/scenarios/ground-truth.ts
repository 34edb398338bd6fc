/**
 * Everything from miner to row, against what the miners said: a simulator, an api and an edge as
 * processes of their own.
 *
 *     node --import tsx load-test/scenarios/ground-truth.ts --database-url postgres://…
 *
 * Makes a database of its own on that server and removes it. Prints a report; exits 1 when a reply has
 * no row, a row twice, another value, or when rows do not add up.
 */
import { parseArgs } from 'node:util';
import { setTimeout as delay } from 'node:timers/promises';
import { startFarm } from '../../test/support/farm.js';
import { killPrograms, memoryMib, scrape } from '../../test/support/processes.js';
import { readConservation, violationsOf } from '../../test/support/truth.js';
import { createDatabase, makeFolder, percentile, print, serverUrl } from './scenario.js';

const { values } = parseArgs({
  options: {
    miners: { type: 'string', default: '2000' },
    interval: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '300' },
    base: { type: 'string', default: '127.60.0.1' },
    'database-url': { type: 'string' },
  },
});

const miners = Number(values.miners);
const intervalS = Number(values.interval);
const database = await createDatabase(serverUrl(values['database-url']));
const dir = await makeFolder('ground-truth');
let violations: string[];
try {
  const farm = await startFarm({ databaseUrl: database.url, dir, miners, intervalS, base: values.base });
  const api = await farm.startApi();
  const edge = await farm.startEdge();
  const endMs = Date.now() + Number(values.seconds) * 1000;
  const errors: number[] = [];
  while (Date.now() < endMs) {
    await delay(Math.min(5_000, Math.max(0, endMs - Date.now())));
    const law = await readConservation(edge.url);
    errors.push(law.error, law.sum);
    print(`${law.stored} stored, ${law.inSpool} in the spool, ${law.inFlight} in flight, error ${law.error}`);
  }
  const law = await readConservation(edge.url);
  const metrics = await scrape(edge.url);
  const memory = { api: memoryMib(api.program.pid), edge: memoryMib(edge.program.pid) };
  const { comparison, batchLagMs } = await farm.finish();
  const conservationError = Math.max(...errors.map(Math.abs), Math.abs(law.error), Math.abs(law.sum));
  violations = violationsOf(comparison);
  if (conservationError !== 0) violations.push(`conservation error ${conservationError}`);
  if (law.dropped + law.rejected + law.quarantined !== 0) violations.push('rows were dropped or refused');
  if (comparison.miners !== miners) violations.push(`${comparison.miners} of ${miners} miners have rows`);
  const report = {
    interval_s: intervalS,
    seconds: Number(values.seconds),
    ...comparison,
    conservation: law,
    conservation_error: conservationError,
    slots: {
      added: metrics.sum('headframe_slots_total', '"added"'),
      polled: metrics.sum('headframe_slots_total', '"polled"'),
    },
    lag_ms: { p50: percentile(batchLagMs, 0.5), p99: percentile(batchLagMs, 0.99) },
    rss_mib: memory,
    violations,
  };
  process.stdout.write(`${JSON.stringify(report, null, 2)}\n`);
  await farm.close();
} finally {
  await killPrograms();
  await database.drop();
}
process.exitCode = violations.length === 0 ? 0 : 1;
