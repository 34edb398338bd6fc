import { parseArgs } from 'node:util';
import { startProgram, startRole } from './children.js';
import { openTarget, targetFlags, targetOf, type Target } from './ingest/target.js';
import { memoryOf } from './process-stats.js';
import { createRandom } from './read/ask.js';
import { figuresOf, remarksOf, type Measured } from './read/figures.js';
import { historyAsks } from './read/history-asks.js';
import { findDeepPages, liveAsks } from './read/live-asks.js';
import { Reader, timeCached, timeUncached } from './read/measure.js';
import { seed, type Seeded } from './read/seed.js';
import { readSize, sizeFlags, type Size } from './read/sizes.js';
import { describeMachine, finish, progress, type Report } from './report.js';

interface Options {
  readonly size: Size;
  readonly rounds: number;
  /** Rows uploaded meanwhile, per second; 0: none. */
  readonly ingestRowsPerS: number;
  readonly isEmbedded: boolean;
  readonly serverUrl: string | null;
  /** A database to fill, or filled before, and to leave as it is. */
  readonly databaseUrl: string | null;
}

/** Reads of the api on a database filled for it. */
async function benchRead(options: Options): Promise<Report> {
  const target = await openTarget({ ...options, intervalS: options.size.intervalS });
  try {
    const began = performance.now();
    const seeded = await seed(target.url, options.size);
    const seedS = (performance.now() - began) / 1_000;
    progress(`seeded in ${seedS.toFixed(0)} s`);
    const measured = await measure(options, target, seeded);
    const sizes = { ...(await target.historyBytes()), seedS };
    return {
      title: 'read',
      machine: `${describeMachine()}; ${target.about}`,
      figures: figuresOf(measured, seeded, sizes),
      remarks: remarksOf(options, seeded),
    };
  } finally {
    await target.close();
  }
}

async function measure(options: Options, target: Target, seeded: Seeded): Promise<Measured> {
  const { farm, fleet } = seeded;
  // Live rows are as fresh at the end as at the beginning.
  const flags = [
    'api.port=0',
    'api.local_access=viewer',
    `poll.interval_s=${options.size.intervalS}`,
    'api.stale_intervals=1000',
  ];
  const api = await startRole(['api', ...flags.flatMap((flag) => ['--set', flag])], 'api is listening', {
    DATABASE_URL: target.url,
  });
  const url = String(api.ready['url']);
  const reader = new Reader(url);
  const load = options.ingestRowsPerS === 0 ? null : await startLoad(url, options.ingestRowsPerS, seeded);
  try {
    const random = createRandom(7);
    const deepPages = await findDeepPages(fleet, (path) => reader.get(path));
    const asks = [
      ...liveAsks(fleet, random, deepPages),
      ...historyAsks(farm, { ...options, ...seeded }, random),
    ];
    const uncached = await timeUncached(reader, asks, options.rounds, (round) => {
      if (round % 5 === 0) progress(`read: round ${round} of ${options.rounds}`);
    });
    const at = `/api/collector`;
    const cached = [
      await timeCached(reader, 'summary, cached', `${at}/summary/${fleet.siteId}`, 500),
      await timeCached(reader, 'live page, cached', `${at}/live/${fleet.siteId}`, 500),
    ];
    const csv = await timeCsv(reader, `${at}/live/${fleet.siteId}?format=csv`);
    return { uncached, cached, csv, apiPeakMb: memoryOf(api.pid)?.peakMb ?? null };
  } finally {
    await load?.stop();
    await reader.close();
    await api.stop();
  }
}

function startLoad(url: string, rowsPerS: number, { fleet, key }: Seeded): ReturnType<typeof startProgram> {
  const flags = {
    url: `${url}/api/collector/upload`,
    key,
    site: fleet.siteId,
    count: fleet.count,
    'first-address': fleet.firstAddress,
    'rows-per-second': rowsPerS,
  };
  return startProgram(
    'load-test/bench/read/upload-load.js',
    Object.entries(flags).flatMap(([name, value]) => [`--${name}`, String(value)]),
  );
}

/** The whole live list, twice: the first time makes the plan. */
async function timeCsv(reader: Reader, path: string): Promise<Measured['csv']> {
  await reader.time(path);
  const { text, ms } = await reader.time(path);
  return { rows: text.trimEnd().split('\n').length - 1, bytes: Buffer.byteLength(text), ms };
}

const { values } = parseArgs({
  options: {
    ...sizeFlags,
    ...targetFlags,
    rounds: { type: 'string' },
    ingest: { type: 'string', default: '0' },
    database: { type: 'string' },
  },
});
const report = await benchRead({
  size: readSize(values),
  rounds: Number(values.rounds ?? (values.quick === true ? 5 : 30)),
  ingestRowsPerS: Number(values.ingest),
  databaseUrl: values.database ?? null,
  ...targetOf(values),
});
finish(report, values.json);
