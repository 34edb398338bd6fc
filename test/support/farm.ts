import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { MixName } from '../../load-test/simulator/mix.js';
import { runProgram, scrape, startProgram, type Program } from './processes.js';
import {
  compareTruth,
  readSamples,
  readTruth,
  type CompareOptions,
  type Comparison,
  type Kill,
  type StoredSamples,
  type SummaryReply,
} from './truth.js';
import { waitFor } from './wait.js';

export interface FarmOptions {
  /** Of the database that the api writes to, perhaps through a proxy. */
  readonly databaseUrl: string;
  /** Of the same database without a proxy, for everything else. */
  readonly directUrl?: string;
  /** For settings, logs, spool and ground truth. */
  readonly dir: string;
  readonly miners: number;
  readonly intervalS: number;
  /** First address of the simulated miners, one /16 per farm. */
  readonly base: string;
  readonly seed?: number;
  /** Without faults unless another is named. */
  readonly mix?: MixName;
  /** Settings of both roles over those of a farm, as `api.rate_limit_per_minute`. */
  readonly settings?: Readonly<Record<string, string | number>>;
  /** Flags of Node for both roles. */
  readonly nodeFlags?: readonly string[];
}

/** A role that is running, and where it answers. */
export interface Role {
  readonly program: Program;
  readonly url: string;
}

/** Simulated miners, an api and an edge, each in a process of its own. */
export interface Farm {
  readonly simulator: Program;
  readonly truthFile: string;
  readonly site: string;
  readonly key: string;
  readonly edgeKills: readonly Kill[];
  /** The one running; throws when there is none. */
  api(): Role;
  edge(): Role;
  /** The first one on a free port, later ones on the same. */
  startApi(): Promise<Role>;
  /** `uploadUrl` of a proxy in front of the api; it holds for later starts too. */
  startEdge(options?: { uploadUrl?: string }): Promise<Role>;
  killApi(): Promise<void>;
  killEdge(): Promise<void>;
  /** Ends the edge, then the simulator, delivers what the edge left, and compares, if told so the healthy alone. */
  finish(options?: {
    isHealthyOnly?: boolean;
  }): Promise<{ comparison: Comparison; batchLagMs: readonly number[] }>;
  /** Ends what is still running and removes the folder. */
  close(): Promise<void>;
}

/**
 * How long before a kill a reply may have been served and not be on disk yet, ms: `poll.flush_ms`, and
 * what a busy machine adds: the rest of the reading, the write and its sync.
 */
export const lossWindowMs = 2_000 + 2_000;
const minerDeadlineMs = 5_000;
const site = 'farm';
const edgeReady = /"metrics":"([^"]+)".*"msg":"edge is polling"/;

/** Simulated miners in a process of their own. */
export interface Miners {
  readonly program: Program;
  readonly port: number;
  /** Of web pages; null without. */
  readonly httpPort: number | null;
  readonly first: string;
  readonly range: string;
  readonly truthFile: string;
}

/** Starts `count` miners from `base` on; what they say goes to the ground truth in `dir`. */
export async function startMiners(options: {
  readonly dir: string;
  readonly base: string;
  readonly count: number;
  readonly seed?: number;
  readonly mix?: MixName;
  /** Further flags of `headframe simulate`. */
  readonly more?: readonly string[];
}): Promise<Miners> {
  const { dir, base, count, seed = 1, mix = 'clean' } = options;
  const truthFile = join(dir, 'truth.ndjson');
  const flags = { host: '0.0.0.0', port: 0, base, count, seed, mix, 'ground-truth': truthFile };
  const args = [
    'simulate',
    ...Object.entries(flags).flatMap(([name, value]) => [`--${name}`, String(value)]),
    ...(options.more ?? []),
  ];
  const program = await startProgram({ name: 'simulator', args, logDir: join(dir, 'logs') });
  const [line] = await program.waitForOutput(/\{"listening":.*\}/);
  const {
    listening,
    http: httpPort = null,
    first,
    last,
  } = JSON.parse(line) as { listening: number; http?: number; first: string; last: string };
  return { program, port: listening, httpPort, first, range: `${first}-${last}`, truthFile };
}

/** Starts the simulator, migrates the database and makes a key; api and edge are started by the caller. */
export async function startFarm(options: FarmOptions): Promise<Farm> {
  const { dir, databaseUrl, directUrl = databaseUrl } = options;
  const logDir = join(dir, 'logs');
  const run = (name: string, args: readonly string[]): Promise<Program> =>
    startProgram({ name, args, logDir, nodeFlags: options.nodeFlags ?? [] });
  const {
    program: simulator,
    port,
    first,
    range,
    truthFile,
  } = await startMiners({
    ...options,
    count: options.miners,
  });

  const database = ['--set', `database.url=${directUrl}`, '--set', `poll.interval_s=${options.intervalS}`];
  await runProgram({ name: 'migrate', args: ['migrate', ...database], logDir });
  const made = await runProgram({
    name: 'keys',
    args: ['keys', 'create', site, '--json', ...database],
    logDir,
  });
  const { key } = JSON.parse(/\{.*\}/.exec(made)?.[0] ?? '') as { key: string };
  const writeSettings = async (name: string, ranges: string): Promise<string> => {
    const file = join(dir, name);
    await writeFile(file, JSON.stringify({ sites: [{ name: site, ranges: [ranges], port, key }] }));
    return file;
  };
  const settingsFile = await writeSettings('headframe.yaml', range);

  const common = {
    log_level: 'info',
    allow_loopback: 'true',
    data_dir: join(dir, 'data'),
    'poll.interval_s': options.intervalS,
    // Every reply must be seen to count, so a miner missed once is tried in the next slot.
    'poll.backoff_slots': 1,
    'poll.scan_slots': 1,
    ...options.settings,
  };
  const flags = (
    settings: Readonly<Record<string, string | number>>,
    file: string = settingsFile,
  ): string[] => [
    ...['--config', file],
    ...Object.entries({ ...common, ...settings }).flatMap(([name, value]) => ['--set', `${name}=${value}`]),
  ];

  let api: Role | null = null;
  let edge: Role | null = null;
  let apiPort = 0;
  let metricsPort = 0;
  let uploadUrl: string | null = null;
  const edgeKills: Kill[] = [];
  const running = (role: Role | null, name: string): Role => {
    if (role?.program.isRunning !== true) throw new Error(`no ${name} is running`);
    return role;
  };
  const addressIn = async (program: Program, pattern: RegExp): Promise<string> =>
    (await program.waitForOutput(pattern))[1] ?? '';

  /** What a stopped edge leaves in its spool is delivered by one that has no miner to poll. */
  const deliverRest = async (): Promise<void> => {
    const nobody = await writeSettings('rest.yaml', first);
    const settings = { 'upload.url': uploadUrl ?? '', 'metrics.port': 0, 'poll.interval_s': 3600 };
    const program = await run('rest', ['edge', ...flags(settings, nobody)]);
    const url = await addressIn(program, edgeReady);
    const isEmpty = async (): Promise<boolean> => (await scrape(url)).sum('headframe_spool_rows') === 0;
    await waitFor('the rest to be delivered', isEmpty, { timeoutMs: 60_000, everyMs: 100 });
    await program.stop();
  };

  const farm: Farm = {
    simulator,
    truthFile,
    site,
    key,
    edgeKills,
    api: () => running(api, 'api'),
    edge: () => running(edge, 'edge'),
    async startApi() {
      const program = await run('api', [
        'api',
        ...flags({ 'database.url': databaseUrl, 'api.port': apiPort }),
      ]);
      const url = await addressIn(program, /"url":"([^"]+)","msg":"api is listening"/);
      apiPort = Number(new URL(url).port);
      return (api = { program, url });
    },
    async startEdge(more = {}) {
      uploadUrl = more.uploadUrl ?? uploadUrl ?? farm.api().url;
      const settings = { 'upload.url': uploadUrl, 'metrics.port': metricsPort };
      const program = await run('edge', ['edge', ...flags(settings)]);
      const url = await addressIn(program, edgeReady);
      metricsPort = Number(new URL(url).port);
      return (edge = { program, url });
    },
    killApi: async () => running(api, 'api').program.kill(),
    async killEdge() {
      const { program } = running(edge, 'edge');
      const fromMs = Date.now();
      await program.kill();
      edgeKills.push({ fromMs, toMs: Date.now() });
    },
    async finish({ isHealthyOnly = false } = {}) {
      await farm.edge().program.stop();
      await simulator.stop();
      await deliverRest();
      const samples = await readSamples(directUrl);
      const replies = await readTruth(truthFile);
      const compare: CompareOptions = {
        edgeKills,
        lossWindowMs,
        intervalMs: options.intervalS * 1000,
        maxOffsetMs: options.intervalS * 1000 + minerDeadlineMs,
      };
      const comparison = isHealthyOnly
        ? compareTruth(...healthyOf(replies, samples), compare)
        : compareTruth(replies, samples, compare);
      return { comparison, batchLagMs: samples.batchLagMs };
    },
    async close() {
      for (const program of [edge?.program, api?.program, simulator]) await program?.kill();
      await rm(dir, { recursive: true, force: true });
    },
  };
  return farm;
}

/** Replies and rows of the miners that have no fault. */
function healthyOf(
  replies: readonly SummaryReply[],
  samples: StoredSamples,
): [readonly SummaryReply[], StoredSamples] {
  const healthy = replies.filter((reply) => reply.fault === null);
  const addresses = new Set(healthy.map((reply) => reply.ip));
  return [healthy, { ...samples, rows: samples.rows.filter((row) => addresses.has(row.ip)) }];
}
