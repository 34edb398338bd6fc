import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import postgres from 'postgres';
import { startMiners } from '../../test/support/farm.js';
import { runProgram, scrape, startProgram, type Program } from '../../test/support/processes.js';
import {
  compareTruth,
  readSamples,
  readTruth,
  type Comparison,
  type Kill,
} from '../../test/support/truth.js';
import { waitFor } from '../../test/support/wait.js';
import { ownRelease, type Release } from './old-release.js';

export interface Api {
  readonly program: Program;
  readonly url: string;
  readonly port: number;
}

/** Simulated miners, and processes of any release over one database. */
export interface UpgradeFarm {
  /** Brings the database to the schema of a release; the first time makes the key too. */
  migrate(release: Release): Promise<void>;
  startApi(release: Release, port?: number): Promise<Api>;
  /** Starts one that is not expected to stay: how it ended, or `runs`. */
  tryApi(release: Release): Promise<string>;
  startEdge(release: Release, uploadUrl: string): Promise<Program>;
  startCoordinator(release: Release): Promise<Program>;
  /** Its data folder is that of its name, whichever release it is of. */
  startPoller(release: Release, name: string, uploadUrl: string): Promise<Program>;
  storedRows(): Promise<number>;
  /** The longest time between two slots of one miner, s. */
  longestGapS(): Promise<number>;
  /** Ends pollers and miners, delivers what is left, and compares. */
  finish(): Promise<Comparison>;
}

export interface UpgradeFarmOptions {
  readonly databaseUrl: string;
  readonly redisUrl: string | null;
  readonly dir: string;
  readonly miners: number;
  readonly intervalS: number;
  readonly base: string;
}

const site = 'farm';
const minerDeadlineMs = 5_000;
const listening = /"(?:url|metrics)":"(http[^"]+)"/;

/** Starts the simulator; everything else is started by the caller. Settings are those that every release has. */
export async function startUpgradeFarm(options: UpgradeFarmOptions): Promise<UpgradeFarm> {
  const { dir, databaseUrl, redisUrl, intervalS } = options;
  const logDir = join(dir, 'logs');
  const simulated = await startMiners({ dir, base: options.base, count: options.miners });
  const settingsFile = join(dir, 'headframe.yaml');
  const working: { program: Program; dataDir: string }[] = [];
  const changes: Kill[] = [];
  let key: string | null = null;
  let uploadUrl = '';

  const common = {
    allow_loopback: 'true',
    'poll.interval_s': intervalS,
    'poll.backoff_slots': 1,
    'poll.scan_slots': 1,
    'api.rate_limit_per_minute': 10_000,
  };
  const flags = (more: Readonly<Record<string, string | number>>, file = settingsFile): string[] => [
    ...['--config', file],
    ...Object.entries({ ...common, ...more }).flatMap(([name, value]) => ['--set', `${name}=${value}`]),
  ];
  const program = (release: Release, name: string, args: readonly string[]) => ({
    name,
    args,
    logDir,
    ...(release.main !== undefined && { main: release.main }),
  });
  const database = ['--set', `database.url=${databaseUrl}`, '--set', `poll.interval_s=${intervalS}`];
  const redis = redisUrl === null ? {} : { 'redis.url': redisUrl };
  const writeSettings = async (file: string, ranges: string): Promise<void> => {
    const zone = `upgrade-${process.pid}-${Date.now() % 100_000}`;
    const one = { name: site, ranges: [ranges], port: simulated.port, key, zone };
    await writeFile(file, JSON.stringify({ sites: [one] }));
  };
  const start = async (
    release: Release,
    role: string,
    more: Record<string, string | number>,
  ): Promise<Program> => {
    const started = await startProgram(program(release, role, [role, ...flags(more)]));
    await started.waitForOutput(listening, 60_000);
    return started;
  };
  /** As a slot may be asked for twice around the change of an edge, when that was is noted. */
  const startWorking = async (
    release: Release,
    role: string,
    name: string,
    more: Record<string, string | number>,
  ): Promise<Program> => {
    const dataDir = join(dir, 'data', name);
    const started = await start(release, role, { 'metrics.port': 0, data_dir: dataDir, ...more });
    working.push({ program: started, dataDir });
    return {
      ...started,
      get isRunning() {
        return started.isRunning;
      },
      async stop(bounds) {
        const fromMs = Date.now();
        const exit = await started.stop(bounds);
        changes.push({ fromMs, toMs: Date.now() });
        return exit;
      },
    };
  };
  const ask = async <T>(query: (sql: postgres.Sql) => Promise<T>): Promise<T> => {
    const sql = postgres(databaseUrl, { max: 1, onnotice: () => undefined });
    try {
      return await query(sql);
    } finally {
      await sql.end({ timeout: 5 });
    }
  };

  return {
    async migrate(release) {
      await runProgram(program(release, 'migrate', ['migrate', ...database]));
      if (key !== null) return;
      const made = await runProgram(
        program(release, 'keys', ['keys', 'create', site, '--json', ...database]),
      );
      ({ key } = JSON.parse(/\{.*\}/.exec(made)?.[0] ?? '') as { key: string });
      await writeSettings(settingsFile, simulated.range);
    },
    async startApi(release, port = 0) {
      const started = await start(release, 'api', {
        'database.url': databaseUrl,
        'api.port': port,
        data_dir: join(dir, 'data', 'api'),
        ...redis,
      });
      const [, url = ''] = await started.waitForOutput(listening);
      return { program: started, url, port: Number(new URL(url).port) };
    },
    async tryApi(release) {
      const started = await startProgram(
        program(release, 'api', ['api', ...flags({ 'database.url': databaseUrl, 'api.port': 0 })]),
      );
      const isSettled = (): boolean => !started.isRunning || listening.test(started.output());
      await waitFor('it to end or to listen', isSettled, { timeoutMs: 60_000 });
      if (!started.isRunning) {
        const { code } = await started.exited;
        return `refused with exit code ${code}: ${started.output().trim().split('\n').at(-1) ?? ''}`;
      }
      await started.stop();
      return 'runs';
    },
    startEdge: async (release, url) => {
      uploadUrl = url;
      return startWorking(release, 'edge', 'edge', { 'upload.url': url });
    },
    startCoordinator: (release) => start(release, 'coordinator', { 'metrics.port': 0, ...redis }),
    startPoller: async (release, name, url) => {
      uploadUrl = url;
      return startWorking(release, 'poller', name, { 'upload.url': url, ...redis });
    },
    storedRows: () =>
      ask(async (sql) => {
        const [row] = await sql<{ n: number }[]>`select count(*)::int as n from miner_telemetry_history`;
        return row?.n ?? 0;
      }),
    longestGapS: () =>
      ask(async (sql) => {
        const [row] = await sql<{ gap: number | null }[]>`
          select max(extract(epoch from time - before))::float8 as gap from (
            select time, lag(time) over (partition by miner_id order by time) as before
            from miner_telemetry_history) as slots`;
        return row?.gap ?? 0;
      }),
    async finish() {
      for (const { program: one } of working) if (one.isRunning) await one.stop();
      await simulated.program.stop();
      const nobody = join(dir, 'rest.yaml');
      await writeSettings(nobody, simulated.first);
      // What a release left in its spool this one sends.
      for (const dataDir of new Set(working.map((one) => one.dataDir))) {
        const more = {
          'upload.url': uploadUrl,
          'metrics.port': 0,
          'poll.interval_s': 3600,
          data_dir: dataDir,
        };
        const rest = await startProgram(program(ownRelease, 'rest', ['edge', ...flags(more, nobody)]));
        const [, url = ''] = await rest.waitForOutput(listening);
        const isEmpty = async (): Promise<boolean> => (await scrape(url)).sum('headframe_spool_rows') === 0;
        await waitFor('the rest to be delivered', isEmpty, { timeoutMs: 60_000, everyMs: 100 });
        await rest.stop();
      }
      return compareTruth(await readTruth(simulated.truthFile), await readSamples(databaseUrl), {
        edgeKills: changes,
        lossWindowMs: 0,
        intervalMs: intervalS * 1000,
        maxOffsetMs: intervalS * 1000 + minerDeadlineMs,
      });
    },
  };
}
