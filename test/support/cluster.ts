import type { Redis } from 'ioredis';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { startMiners, type Role } from './farm.js';
import { runProgram, scrape, startProgram, type Program } from './processes.js';
import { startRedisServer, type RedisServer } from '../../load-test/bench/redis-server.js';
import {
  compareTruth,
  readConservation,
  readSamples,
  readTruth,
  type Comparison,
  type Kill,
  type StoredSamples,
  type SummaryReply,
} from './truth.js';
import { waitFor } from './wait.js';

export interface ClusterOptions {
  readonly databaseUrl: string;
  /** For settings, logs, spools and the ground truth. */
  readonly dir: string;
  /** Path of `redis-server`. */
  readonly redisProgram: string;
  /** Further flags of it, as `--appendonly yes`. */
  readonly redisFlags?: readonly string[];
  /** One /24 each. */
  readonly shards: number;
  readonly minersPerShard: number;
  readonly intervalS: number;
  /** First two octets of the miners: `127.80`. */
  readonly network: string;
  readonly seed: number;
  readonly coordinators: number;
  readonly pollers: number;
  /** Settings of every role, as `poll.threads`. */
  readonly settings?: Readonly<Record<string, string | number>>;
  /** Further flags of `headframe simulate`. */
  readonly simulator?: readonly string[];
}

/** A poller, and its own folder. */
export interface PollerRole extends Role {
  readonly name: string;
}

/** Api, coordinators and pollers over a Redis of their own, each in a process of its own. */
export interface Cluster {
  readonly redis: RedisServer;
  readonly simulator: Program;
  readonly truthFile: string;
  readonly api: Role;
  readonly coordinators: readonly Role[];
  /** Those running. */
  readonly pollers: readonly PollerRole[];
  /** The password that the settings give for web pages of miners: no job may hold it. */
  readonly secrets: readonly string[];
  /** `redisUrl` of a proxy in front of Redis; a `name` that ran before begins with what its spool holds. */
  startPoller(options?: { redisUrl?: string; name?: string }): Promise<PollerRole>;
  killPoller(poller: PollerRole): Promise<void>;
  /** SIGTERM; answers what its law came to last, and how long it took to end, ms. */
  leave(poller: PollerRole): Promise<{ tookMs: number; code: number | null }>;
  /** Ends the coordinators, delivers what every poller holds, ends all and compares. */
  finish(): Promise<ClusterEnd>;
  /** Ends what is still running and removes the folder. */
  close(): Promise<void>;
}

export interface ClusterEnd {
  readonly comparison: Comparison;
  /** The same of some miners alone. */
  compare(isMeant: (ip: string) => boolean): Comparison;
  readonly samples: StoredSamples;
  readonly replies: readonly SummaryReply[];
  /** Greatest amount by which the law of a poller failed to hold at its end. */
  readonly conservationError: number;
  readonly overlaps: number;
}

/** How long before a kill a reply may have been served and not be on disk yet, ms; see `farm.ts`. */
const lossWindowMs = 4_000;
const site = 'cluster';
const addressIn = async (program: Program): Promise<string> =>
  (await program.waitForOutput(/"(?:url|metrics)":"(http[^"]+)"/, 60_000))[1] ?? '';

/** Jobs that wait or are at work. */
async function jobsLeft(client: Redis): Promise<number> {
  const lists = ['wait', 'active'].map((name) => client.llen(`bull:headframe-default:${name}`));
  return (await Promise.all(lists)).reduce((sum, length) => sum + length, 0);
}

/** Starts everything; resolves when the pollers take jobs. */
export async function startCluster(options: ClusterOptions): Promise<Cluster> {
  const { dir, network, databaseUrl } = options;
  const logDir = join(dir, 'logs');
  const password = `web-password-${options.seed}`;
  const redis = await startRedisServer(options.redisProgram, options.redisFlags);
  const miners = await startMiners({
    dir,
    base: `${network}.0.1`,
    count: options.shards * 254,
    seed: options.seed,
    more: ['--http-port', '0', '--login', `root:${password}`, ...(options.simulator ?? [])],
  });
  const database = ['--set', `database.url=${databaseUrl}`, '--set', `poll.interval_s=${options.intervalS}`];
  await runProgram({ name: 'migrate', args: ['migrate', ...database], logDir });
  const made = await runProgram({
    name: 'keys',
    args: ['keys', 'create', site, '--json', ...database],
    logDir,
  });
  const { key } = JSON.parse(/\{.*\}/.exec(made)?.[0] ?? '') as { key: string };
  const ranges = Array.from(
    { length: options.shards },
    (_, i) => `${network}.${i}.1-${options.minersPerShard}`,
  );
  const settingsFile = join(dir, 'headframe.yaml');
  const credentials = [{ username: 'root', password }];
  await writeFile(
    settingsFile,
    JSON.stringify({
      sites: [{ name: site, ranges, port: miners.port, http_port: miners.httpPort, key, credentials }],
    }),
  );
  const common = {
    log_level: 'info',
    allow_loopback: 'true',
    'poll.interval_s': options.intervalS,
    'poll.backoff_slots': 1,
    'poll.scan_slots': 1,
    'api.port': 0,
    'api.local_access': 'admin',
    'api.rate_limit_per_minute': 100_000,
    'metrics.port': 0,
    'redis.url': redis.url,
    ...options.settings,
  };
  const run = async (
    name: string,
    role: string,
    more: Readonly<Record<string, string | number>> = {},
  ): Promise<Role> => {
    const flags = Object.entries({ ...common, data_dir: join(dir, name), ...more });
    const args = [role, '--config', settingsFile, ...flags.flatMap(([k, v]) => ['--set', `${k}=${v}`])];
    const program = await startProgram({ name, args, logDir });
    return { program, url: await addressIn(program) };
  };

  const api = await run('api', 'api', { 'database.url': databaseUrl });
  const pollers: PollerRole[] = [];
  const killed: PollerRole[] = [];
  const kills: Kill[] = [];
  let started = 0;
  const forget = (poller: PollerRole): void => void pollers.splice(pollers.indexOf(poller), 1);
  let conservationError = 0;
  const readLaw = async (poller: PollerRole): Promise<void> => {
    const law = await readConservation(poller.url);
    conservationError = Math.max(conservationError, Math.abs(law.error), Math.abs(law.sum), law.dropped);
  };

  const startPoller: Cluster['startPoller'] = async (more = {}) => {
    const name = more.name ?? `poller-${++started}`;
    const target = more.redisUrl === undefined ? {} : { 'redis.url': more.redisUrl };
    const poller = { ...(await run(name, 'poller', { 'upload.url': api.url, ...target })), name };
    pollers.push(poller);
    return poller;
  };
  const hasDelivered = async ({ url }: PollerRole): Promise<boolean> => {
    const metrics = await scrape(url);
    return metrics.sum('headframe_spool_rows') + metrics.sum('headframe_samples_in_flight') === 0;
  };

  const coordinators = await Promise.all(
    Array.from({ length: options.coordinators }, (_, i) => run(`coordinator-${i + 1}`, 'coordinator')),
  );
  await Promise.all(Array.from({ length: options.pollers }, () => startPoller()));

  return {
    redis,
    simulator: miners.program,
    truthFile: miners.truthFile,
    api,
    coordinators,
    pollers,
    secrets: [password, key],
    startPoller,
    async killPoller(poller) {
      const fromMs = Date.now();
      await poller.program.kill();
      kills.push({ fromMs, toMs: Date.now() });
      forget(poller);
      killed.push(poller);
    },
    async leave(poller) {
      const begunMs = performance.now();
      await readLaw(poller);
      const { code } = await poller.program.stop();
      forget(poller);
      killed.push(poller);
      return { tookMs: performance.now() - begunMs, code };
    },
    async finish() {
      for (const { program } of coordinators) await program.stop();
      // What those left that are gone is delivered by one in their folder; there is nothing to poll any more.
      for (const { name } of killed) await startPoller({ name });
      // A poller that is at a slot yet would leave its rows in the spool.
      const areDone = async (): Promise<boolean> =>
        (await redis.ask(jobsLeft)) === 0 && (await Promise.all(pollers.map(hasDelivered))).every(Boolean);
      await waitFor('every poller to deliver', areDone, { timeoutMs: 60_000, everyMs: 200 });
      for (const poller of pollers) await readLaw(poller);
      await Promise.all(pollers.map(({ program }) => program.stop()));
      await miners.program.stop();
      const overlaps = Number(/"overlaps":(\d+)/.exec(miners.program.output())?.[1] ?? NaN);
      const [samples, replies] = [await readSamples(databaseUrl), await readTruth(miners.truthFile)];
      const intervalMs = options.intervalS * 1_000;
      const compare = (isMeant: (ip: string) => boolean): Comparison =>
        compareTruth(
          replies.filter(({ ip }) => isMeant(ip)),
          { ...samples, rows: samples.rows.filter(({ ip }) => isMeant(ip)) },
          { edgeKills: kills, lossWindowMs, intervalMs, maxOffsetMs: intervalMs + 5_000 },
        );
      return { comparison: compare(() => true), compare, samples, replies, conservationError, overlaps };
    },
    async close() {
      const roles = [...pollers, ...coordinators, api];
      await Promise.all(roles.map(({ program }) => program.kill()));
      await miners.program.kill();
      await redis.kill();
      await rm(dir, { recursive: true, force: true });
    },
  };
}
