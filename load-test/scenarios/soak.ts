/**
 * A farm that is only polled, for long: what must stay as it is. A simulator, an api and an edge as processes of
 * their own.
 *
 *     node --import tsx load-test/scenarios/soak.ts --database-url postgres://… --miners 5000 --interval 10 --minutes 20
 *
 * Makes a database of its own on that server and removes it. Prints a report; exits 1 when rows do not add up, an
 * upload or a thread was slow, or memory grows: what is left of it after collections, the lowest look of each five
 * minutes, by more than `--slope` MiB an hour even at the lower end of what these allow (two standard errors).
 */
import { parseArgs } from 'node:util';
import { setTimeout as delay } from 'node:timers/promises';
import { startFarm, type Role } from '../../test/support/farm.js';
import { killPrograms, memoryMib, scrape } from '../../test/support/processes.js';
import { readConservation } from '../../test/support/truth.js';
import { createDatabase, makeFolder, percentile, print, serverUrl } from './scenario.js';

const { values } = parseArgs({
  options: {
    miners: { type: 'string', default: '5000' },
    interval: { type: 'string', default: '10' },
    minutes: { type: 'string', default: '20' },
    /** Memory before is not judged: caches and profiles fill. */
    'warm-minutes': { type: 'string', default: '5' },
    /** Most growth of memory, MiB/h. */
    slope: { type: 'string', default: '1' },
    base: { type: 'string', default: '127.60.0.1' },
    /** Settings of api and edge, as `poll.batch_rows=600`. */
    set: { type: 'string', multiple: true, default: [] },
    /** Flags of Node for both: `--no-opt,--no-sparkplug` compiles nothing, so that nothing of it is in the memory. */
    'node-flags': { type: 'string', default: '' },
    'database-url': { type: 'string' },
  },
});

const lookEveryMs = 10_000;
/** Of so many looks the lowest is what a collection left. */
const looksPerLow = 30;
/** Bounds of a main loop and of an upload, ms. */
const maxLagMs = 50;
const maxUploadMs = 500;

interface Look {
  readonly hours: number;
  readonly rssMib: number;
  readonly heapMib: number;
  readonly lagMs: number;
}

async function look(role: Role, beganMs: number): Promise<Look> {
  const metrics = await scrape(role.url);
  return {
    hours: (Date.now() - beganMs) / 3_600_000,
    rssMib: memoryMib(role.program.pid).nowMib,
    heapMib: metrics.sum('nodejs_heap_size_used_bytes') / 2 ** 20,
    lagMs: metrics.sum('nodejs_eventloop_lag_p99_seconds') * 1_000,
  };
}

/** The lowest point of each `looksPerLow`. */
function lowPoints(looks: readonly Look[], what: 'rssMib' | 'heapMib'): [number, number][] {
  const lows: [number, number][] = [];
  for (let from = 0; from + looksPerLow <= looks.length; from += looksPerLow) {
    const low = looks.slice(from, from + looksPerLow).reduce((a, b) => (b[what] < a[what] ? b : a));
    lows.push([low.hours, low[what]]);
  }
  return lows;
}

/** The straight line closest to the points: its slope, and the standard error of that. */
function slopeOf(points: readonly (readonly [number, number])[]): { perHour: number; error: number } {
  const n = points.length;
  const mean = (at: 0 | 1): number => points.reduce((sum, point) => sum + point[at], 0) / n;
  const [meanX, meanY] = [mean(0), mean(1)];
  const sxx = points.reduce((sum, [x]) => sum + (x - meanX) ** 2, 0);
  const perHour = points.reduce((sum, [x, y]) => sum + (x - meanX) * (y - meanY), 0) / sxx;
  const rest = points.reduce((sum, [x, y]) => sum + (y - meanY - perHour * (x - meanX)) ** 2, 0);
  return { perHour, error: Math.sqrt(rest / (n - 2) / sxx) };
}

function judge(name: string, looks: readonly Look[]): { facts: object; violations: string[] } {
  const warmed = looks.filter(({ hours }) => hours * 60 >= Number(values['warm-minutes']));
  const lags = looks.map(({ lagMs }) => lagMs).sort((a, b) => a - b);
  const [rss, heap] = (['rssMib', 'heapMib'] as const).map((what) => slopeOf(lowPoints(warmed, what)));
  const violations: string[] = [];
  for (const [what, slope] of Object.entries({ 'resident memory': rss, heap }))
    // Too few looks leave no slope: that is no proof either.
    if (slope === undefined || !(slope.perHour - 2 * slope.error <= Number(values.slope)))
      violations.push(`${name}: ${what} grows by ${slope?.perHour.toFixed(1) ?? '?'} MiB/h`);
  const lag = percentile(lags, 0.99) ?? Infinity;
  if (lag > maxLagMs) violations.push(`${name}: the loop was ${lag} ms late`);
  const last = looks.at(-1);
  return {
    facts: {
      rss_mib: last?.rssMib,
      rss_mib_per_hour: rss,
      heap_mib_per_hour: heap,
      loop_lag_p99_ms: { median: percentile(lags, 0.5), p99: lag },
    },
    violations,
  };
}

const database = await createDatabase(serverUrl(values['database-url']));
const dir = await makeFolder('soak');
const violations: string[] = [];
try {
  const [miners, intervalS] = [Number(values.miners), Number(values.interval)];
  const settings = Object.fromEntries(values.set.map((each) => each.split('=', 2) as [string, string]));
  const { base } = values;
  const nodeFlags = values['node-flags'].split(',').filter((flag) => flag !== '');
  const options = { databaseUrl: database.url, dir, miners, intervalS, base, settings, nodeFlags };
  const farm = await startFarm(options);
  const api = await farm.startApi();
  const edge = await farm.startEdge();
  const beganMs = Date.now();
  const endMs = beganMs + Number(values.minutes) * 60_000;
  const looks = { api: [] as Look[], edge: [] as Look[] };
  let conservationError = 0;
  while (Date.now() < endMs) {
    await delay(lookEveryMs);
    looks.api.push(await look(api, beganMs));
    looks.edge.push(await look(edge, beganMs));
    const law = await readConservation(edge.url);
    conservationError = Math.max(conservationError, Math.abs(law.error), Math.abs(law.sum));
    const memory = Object.entries(looks).map(([name, of]) => {
      const { rssMib = NaN, heapMib = NaN } = of.at(-1) ?? {};
      return `${name} ${rssMib.toFixed(1)} MiB (heap ${heapMib.toFixed(1)})`;
    });
    print(`${law.stored} stored, error ${law.error}; ${memory.join(', ')}`);
  }
  const law = await readConservation(edge.url);
  const ofEdge = await scrape(edge.url);
  const ofApi = await scrape(api.url);
  const uploads = ofApi.sum('collector_upload_latency_ms_count');
  const quick = ofApi.sum('collector_upload_latency_ms_bucket', `le="${maxUploadMs}"`) / uploads;
  const slots = (outcome: string): number => ofEdge.sum('headframe_slots_total', `"${outcome}"`);
  if (conservationError !== 0) violations.push(`conservation error ${conservationError}`);
  if (law.dropped + law.rejected + law.quarantined !== 0) violations.push('rows were dropped or refused');
  if (slots('late') + slots('overrun') + slots('overload') > 0) violations.push('slots were not polled');
  if (!(quick >= 0.99)) violations.push(`${(quick * 100).toFixed(2)} % of uploads within ${maxUploadMs} ms`);
  const judged = { api: judge('api', looks.api), edge: judge('edge', looks.edge) };
  violations.push(...judged.api.violations, ...judged.edge.violations);
  const report = {
    miners,
    interval_s: intervalS,
    minutes: Number(values.minutes),
    settings,
    node_flags: nodeFlags,
    conservation: law,
    slots: { added: slots('added'), polled: slots('polled') },
    uploads,
    uploads_within_500_ms: quick,
    api: judged.api.facts,
    edge: judged.edge.facts,
    violations,
  };
  process.stdout.write(`${JSON.stringify(report, null, 2)}\n`);
  await farm.close();
} finally {
  await killPrograms();
  await database.drop();
}
process.exitCode = violations.length === 0 ? 0 : 1;
