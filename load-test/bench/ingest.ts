import { parseArgs } from 'node:util';
import { UploadClient } from '../../src/poller/upload-client.js';
import { openDatabase } from '../../src/storage/database.js';
import { KeysRepo } from '../../src/storage/keys.repo.js';
import { SiteRepo } from '../../src/storage/site.repo.js';
import { TelemetryStore } from '../../src/storage/telemetry-store.js';
import { createLogger } from '../../src/telemetry/logger.js';
import { startRole } from './children.js';
import { RecordSource } from './ingest/records.js';
import { timeRound, uploadOver, writeInto, type IngestRound } from './ingest/rounds.js';
import { openTarget, targetFlags, targetOf, type Target } from './ingest/target.js';
import { memoryOf } from './process-stats.js';
import { describeMachine, finish, median, progress, quantile, type Figure, type Report } from './report.js';

const slotMs = 10_000;

interface Options {
  readonly miners: number;
  readonly rowsPerBatch: number;
  readonly concurrency: number;
  readonly rounds: number;
  readonly isEmbedded: boolean;
  /** A server to make the database on. */
  readonly serverUrl: string | null;
}

interface Measured {
  readonly uploads: readonly IngestRound[];
  readonly bares: readonly IngestRound[];
  readonly peakMb: number | null;
  readonly wireBytesPerRow: number;
}

/** Uploads over HTTP into the api, and the bare statement, in turn on one database. */
async function benchIngest(options: Options): Promise<Report> {
  const target = await openTarget({ ...options, intervalS: slotMs / 1000 });
  try {
    const measured = await measure(options, target);
    const { rows, bytes } = await target.historyBytes();
    return {
      title: 'ingest',
      machine: `${describeMachine()}; ${target.about}`,
      figures: figuresOf(options, measured, { rows, bytes }),
      remarks: [
        `${options.rowsPerBatch} rows a batch, ${options.concurrency} batches at once, ${options.miners} miners;`,
        'the database, the api and the sender share the cores, so that what the api uses the database lacks.',
      ],
    };
  } finally {
    await target.close();
  }
}

async function measure(options: Options, target: Target): Promise<Measured> {
  const { concurrency, rounds } = options;
  const log = createLogger('warn');
  const database = openDatabase({
    url: target.url,
    poolSize: concurrency,
    deadlineMs: 30_000,
    connectTimeoutMs: 5_000,
    log,
  });
  try {
    const siteId = await new SiteRepo(database).ensureSite('bench');
    const { keyId, key } = await new KeysRepo(database).create(siteId);
    const flags = ['api.port=0', 'api.rate_limit_per_minute=1000000', 'database.deadline_ms=30000'];
    const api = await startRole(['api', ...flags.flatMap((flag) => ['--set', flag])], 'api is listening', {
      DATABASE_URL: target.url,
    });
    const url = `${String(api.ready['url'])}/api/collector/upload`;
    const client = new UploadClient({ url, connections: concurrency });
    try {
      const upload = uploadOver(client, key);
      const write = writeInto(new TelemetryStore(database), { siteId, keyId });
      const source = new RecordSource(options);
      const firstMs = Math.floor(Date.now() / slotMs) * slotMs - 2 * (rounds + 1) * slotMs;
      const uploads: IngestRound[] = [];
      const bares: IngestRound[] = [];
      let bytes = 0;
      for (let round = 0; round <= rounds; round++) {
        progress(`ingest: round ${round} of ${rounds}`);
        const before = source.slot(firstMs + 2 * round * slotMs, 2 * round);
        const after = source.slot(firstMs + (2 * round + 1) * slotMs, 2 * round + 1);
        const uploaded = await timeRound(before, concurrency, upload);
        const bare = await timeRound(after, concurrency, write);
        bytes = before.reduce((sum, batch) => sum + batch.gz.byteLength, 0);
        // The first one makes the miners and the plans.
        if (round === 0) continue;
        uploads.push(uploaded);
        bares.push(bare);
      }
      const peakMb = memoryOf(api.pid)?.peakMb ?? null;
      return { uploads, bares, peakMb, wireBytesPerRow: bytes / options.miners };
    } finally {
      await client.close();
      await api.stop();
    }
  } finally {
    await database.close({ timeoutMs: 5_000 });
  }
}

function figuresOf(options: Options, measured: Measured, disk: { rows: number; bytes: number }): Figure[] {
  const { uploads, bares, peakMb, wireBytesPerRow } = measured;
  const rate = (round: IngestRound): number => round.rows / round.elapsedS;
  const latencies = uploads.flatMap((round) => round.latenciesMs);
  return [
    { name: 'bare insert statement', value: median(bares.map(rate)), unit: 'rows/s' },
    { name: 'gzip batches over HTTP', value: median(uploads.map(rate)), unit: 'rows/s' },
    {
      name: 'HTTP / bare statement',
      value: median(uploads.map((round, index) => rate(round) / rate(bares[index] as IngestRound))),
      unit: '',
      target: { atLeast: 0.6 },
    },
    { name: 'one batch over HTTP, median', value: quantile(latencies, 0.5), unit: 'ms' },
    { name: 'one batch over HTTP, 99th percentile', value: quantile(latencies, 0.99), unit: 'ms' },
    { name: 'on the wire', value: wireBytesPerRow, unit: 'bytes/row', note: 'gzip, as pollers send it' },
    {
      name: 'on disk',
      value: disk.bytes / disk.rows,
      unit: 'bytes/row',
      // A handful of rows is mostly empty pages.
      ...(disk.rows >= 100_000 ? { target: { atMost: 300 } } : {}),
      note: `boards, fans, key and overhead; ${disk.rows.toLocaleString('en-US')} rows`,
    },
    {
      name: 'api, greatest memory',
      value: peakMb,
      unit: 'MB',
      target: { atMost: 300 },
      note: `${options.concurrency} batches at once`,
    },
  ];
}

const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    ...targetFlags,
    miners: { type: 'string' },
    rounds: { type: 'string' },
    batch: { type: 'string' },
    concurrency: { type: 'string', default: '4' },
  },
});
const report = await benchIngest({
  miners: Number(values.miners ?? (values.quick ? 400 : 20_000)),
  rounds: Number(values.rounds ?? (values.quick ? 1 : 5)),
  rowsPerBatch: Number(values.batch ?? (values.quick ? 100 : 1_000)),
  concurrency: Number(values.concurrency),
  ...targetOf(values),
});
finish(report, values.json);
