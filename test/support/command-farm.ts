import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import postgres from 'postgres';
import type { WriteTruth } from '../../load-test/simulator/ground-truth.js';
import { startMiners } from './farm.js';
import { login } from './orders.js';
import { runProgram, scrape, startProgram, type Program } from './processes.js';
import { waitFor } from './wait.js';

/**
 * How two processes share the miners of a site. `pollers`: one job queue in Redis, so that every slot is polled
 * once and a command keeps the other's polls away. `edges`: each for itself, so that each polls all of them.
 */
export type Shape = 'pollers' | 'edges';

export interface CommandFarmOptions {
  readonly dir: string;
  readonly databaseUrl: string;
  /** Needed by `pollers`. */
  readonly redisUrl: string | null;
  readonly shape: Shape;
  readonly miners: number;
  readonly base: string;
  readonly intervalS: number;
  readonly seed: number;
  /** Kinds of machine, and further flags of the simulator. */
  readonly models: readonly string[];
  readonly simulator?: readonly string[];
  readonly commands?: Readonly<Record<string, number>>;
}

/** A process that can be killed and started again where it was. */
export interface Part {
  readonly name: string;
  readonly isRunning: boolean;
  readonly url: string;
  kill(): Promise<void>;
  start(): Promise<void>;
}

/** Two apis on one database and two processes that poll and command, over simulated miners. */
export interface CommandFarm {
  readonly apis: readonly [Part, Part];
  readonly edges: readonly [Part, Part];
  readonly siteId: number;
  readonly sql: postgres.Sql;
  /** Asks an api that runs, as a person of this machine. */
  ask(method: string, path: string, body?: object): Promise<Record<string, unknown>>;
  /** What the simulated miners carried out. */
  writes(): Promise<WriteTruth[]>;
  /** Waits until so many miners are seen online. */
  untilSeen(miners: number): Promise<void>;
  /** Ends everything but the simulator's log; answers how often a miner was asked by two at once. */
  finish(): Promise<{ readonly overlaps: number }>;
  close(): Promise<void>;
}

export async function startCommandFarm(options: CommandFarmOptions): Promise<CommandFarm> {
  const { dir, databaseUrl, shape, intervalS } = options;
  const logDir = join(dir, 'logs');
  const miners = await startMiners({
    dir,
    base: options.base,
    count: options.miners,
    seed: options.seed,
    more: [
      ...['--models', options.models.join(','), '--http-port', '0'],
      ...['--login', `${login.username}:${login.password}`],
      ...(options.simulator ?? []),
    ],
  });
  const database = ['--set', `database.url=${databaseUrl}`];
  await runProgram({ name: 'migrate', args: ['migrate', ...database], logDir });
  const made = await runProgram({
    name: 'keys',
    args: ['keys', 'create', 'farm', '--json', ...database],
    logDir,
  });
  const { key } = JSON.parse(/\{.*\}/.exec(made)?.[0] ?? '') as { key: string };
  const sql = postgres(databaseUrl, { max: 2, onnotice: () => undefined });
  const [site] = await sql<{ id: number }[]>`select site_id as id from sites where name = 'farm'`;
  const siteId = site?.id ?? 0;

  const common = {
    allow_loopback: true,
    poll: { interval_s: intervalS, miner_deadline_ms: 3_000, connect_timeout_ms: 1_000, flush_ms: 500 },
    commands: {
      deadline_ms: 5_000,
      lease_s: 15,
      sweep_every_s: 1,
      rate_limit_per_minute: 100_000,
      ...options.commands,
    },
    upload: { backoff_max_ms: 2_000 },
  };
  const ports = new Map<string, number>();
  const part = (
    name: string,
    env: Record<string, string>,
    ready: RegExp,
    settings: () => object,
    role: string,
  ): Part => {
    let program: Program | null = null;
    let url = '';
    return {
      name,
      get isRunning() {
        return program?.isRunning === true;
      },
      get url() {
        return url;
      },
      kill: async () => program?.kill(),
      async start() {
        const config = join(dir, `${name}.json`);
        await writeFile(config, JSON.stringify({ ...common, data_dir: join(dir, name), ...settings() }));
        program = await startProgram({ name, args: [role, '--config', config], logDir, env });
        url = (await program.waitForOutput(ready, 60_000))[1] ?? '';
        ports.set(name, Number(new URL(url).port));
      },
    };
  };
  const api = (name: string): Part =>
    part(
      name,
      { DATABASE_URL: databaseUrl },
      /"url":"([^"]+)","msg":"api is listening"/,
      () => ({
        api: { port: ports.get(name) ?? 0, local_access: 'admin', rate_limit_per_minute: 100_000 },
      }),
      'api',
    );
  const apis = [api('api-0'), api('api-1')] as const;
  const sites = [
    {
      name: 'farm',
      ranges: [miners.range],
      zone: `farm-${process.pid}`,
      port: miners.port,
      http_port: miners.httpPort,
      credentials: [login],
      key,
    },
  ];
  const redis: Record<string, string> = options.redisUrl === null ? {} : { REDIS_URL: options.redisUrl };
  const worker = (index: 0 | 1): Part =>
    part(
      `edge-${index}`,
      shape === 'pollers' ? redis : {},
      /"metrics":"([^"]+)"/,
      () => ({
        sites,
        upload: { ...common.upload, url: apis[index].url },
        metrics: { port: ports.get(`edge-${index}`) ?? 0 },
      }),
      shape === 'pollers' ? 'poller' : 'edge',
    );
  const edges = [worker(0), worker(1)] as const;
  await Promise.all(apis.map((one) => one.start()));
  if (shape === 'pollers')
    await part(
      'coordinator',
      redis,
      /"metrics":"([^"]+)"/,
      () => ({ sites, metrics: { port: 0 } }),
      'coordinator',
    ).start();
  await Promise.all(edges.map((one) => one.start()));

  let turn = 0;
  const farm: CommandFarm = {
    apis,
    edges,
    siteId,
    sql,
    async ask(method, path, body) {
      const up = apis.filter((one) => one.isRunning);
      const url = up[turn++ % up.length]?.url ?? '';
      const response = await fetch(`${url}/api/collector/${path}`, {
        method,
        headers: { 'content-type': 'application/json' },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      const answer = (await response.json()) as Record<string, unknown>;
      if (!response.ok) throw new Error(`${method} ${path}: ${JSON.stringify(answer)}`);
      return answer;
    },
    async writes() {
      const text = await readFile(miners.truthFile, 'utf8');
      return text
        .split('\n')
        .filter((line) => line.endsWith('}') && line.includes('"write":'))
        .map((line) => JSON.parse(line) as WriteTruth);
    },
    async untilSeen(count) {
      const seen = async (): Promise<boolean> => {
        const [row] = await sql<
          { n: number }[]
        >`select count(*)::int as n from miner_telemetry_live where online`;
        return (row?.n ?? 0) >= count;
      };
      await waitFor(`${count} miners to be seen`, seen, { timeoutMs: 240_000, everyMs: 500 });
    },
    async finish() {
      for (const one of [...edges, ...apis]) await one.kill();
      await miners.program.stop();
      const stopped = /\{"stopped":true.*\}/.exec(miners.program.output())?.[0] ?? '{}';
      return JSON.parse(stopped) as { overlaps: number };
    },
    async close() {
      for (const one of [...edges, ...apis]) await one.kill();
      await miners.program.kill();
      await sql.end({ timeout: 5 });
      await rm(dir, { recursive: true, force: true });
    },
  };
  return farm;
}

/** What polling did so far, over both processes. */
export interface Polling {
  readonly slotsPolled: number;
  readonly slotsLost: number;
  readonly scheduled: number;
  readonly skipped: number;
  readonly cycleS: number;
  readonly cycles: number;
}

export async function readPolling(farm: CommandFarm): Promise<Polling> {
  const all = await Promise.all(farm.edges.map((edge) => scrape(edge.url)));
  const sum = (name: string, label?: string): number =>
    all.reduce((total, one) => total + one.sum(name, label), 0);
  const slotsPolled = sum('headframe_slots_total', '"polled"');
  return {
    slotsPolled,
    slotsLost: sum('headframe_slots_total') - slotsPolled - sum('headframe_slots_total', '"added"'),
    scheduled: sum('headframe_samples_scheduled_total'),
    skipped: sum('headframe_samples_skipped_total'),
    cycleS: sum('headframe_poll_cycle_seconds_sum'),
    cycles: sum('headframe_poll_cycle_seconds_count'),
  };
}

/** From one look to a later one: share of the samples due that were polled, and a shard's mean cycle, s. */
export function pollingBetween(
  from: Polling,
  to: Polling,
): { samples: number; polledShare: number; cycleS: number } {
  const samples = to.scheduled - from.scheduled;
  const round = (value: number): number => Math.round(value * 10_000) / 10_000;
  return {
    samples,
    polledShare: round(1 - (to.skipped - from.skipped) / Math.max(1, samples)),
    cycleS: round((to.cycleS - from.cycleS) / Math.max(1, to.cycles - from.cycles)),
  };
}
