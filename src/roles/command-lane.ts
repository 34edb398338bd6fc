import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { workerFile } from '../config/paths.js';
import type { Config } from '../config/schema.js';
import type { CommandKind } from '../domain/commands.js';
import { rulesWithin } from '../domain/credentials.js';
import { parseIp } from '../domain/ip-ranges.js';
import { MinerGate } from '../domain/miner-gate.js';
import type { Shard } from '../domain/shards.js';
import { createBootClock } from '../poller/commands/boot-clock.js';
import { CommandClient } from '../poller/commands/client.js';
import { CommandJournal } from '../poller/commands/journal.js';
import { OrderPool } from '../poller/commands/order-pool.js';
import { CommandRunner, type RunnerOptions } from '../poller/commands/runner.js';
import { profilesFile } from '../poller/profile-store.js';
import type { Logger } from '../telemetry/logger.js';
import type { Metrics } from '../telemetry/metrics.js';
import { backoffOf, webSettingsOf } from './plan.js';
import type { SitePlans } from './site-plans.js';

export interface CommandLaneOptions {
  readonly config: Config;
  readonly plans: SitePlans;
  /** Whether it can reach a zone: commands of others are left to others. */
  readonly reaches: (zone: string) => boolean;
  readonly apiUrl: string;
  /** Collector key by site. */
  readonly keys: ReadonlyMap<string, string>;
  /** Shared with the threads that poll. */
  readonly gate: SharedArrayBuffer;
  /** Keeps pollers of other processes away too, where there are any. */
  readonly holdElsewhere: HoldElsewhere | null;
  readonly metrics: Metrics;
  readonly log: Logger;
  readonly onEscalate: (error: unknown) => void;
}

/** Holds a miner of a shard for a command; resolves with what lets others poll it again, null when it is in use. */
export type HoldElsewhere = (
  shard: Shard,
  ip: string,
  bounds: { readonly waitMs: number; readonly holdMs: number },
) => Promise<(() => Promise<void>) | null>;

/** The commands of a process: claimed, journaled, executed in a thread of their own, reported. */
export interface CommandLane {
  stop(options: { readonly deadlineMs: number }): Promise<void>;
}

/** What a hold outlives the command by, ms. */
const graceMs = 10_000;
/** A site whose journal cannot be opened is tried again after this, ms. */
const reopenMs = 30_000;
/** How often it is looked whether a poll of a miner is over, ms. */
const lookMs = 10;

/** Starts the commands of every site; `null` when they are switched off. */
export async function startCommandLane(options: CommandLaneOptions): Promise<CommandLane | null> {
  const { config, metrics } = options;
  if (!config.commands.enabled) return null;
  const pool = new OrderPool({
    workerFile: workerFile('command-worker'),
    concurrency: config.commands.concurrency * config.sites.length,
    maxHeapMb: config.commands.thread_heap_mb,
    log: options.log,
  });
  const runners: CommandRunner[] = [];
  const timers = new Set<NodeJS.Timeout>();
  metrics.gauge('headframe_edge_commands_running', () =>
    runners.reduce((sum, { running }) => sum + running, 0),
  );
  metrics.gauge('headframe_edge_commands_unreported', () =>
    runners.reduce((sum, { unreported }) => sum + unreported, 0),
  );
  /** A disk that is full or gone stops no polling: the site goes without commands until it is back. */
  const open = async (name: string): Promise<void> => {
    try {
      const runner = await openSite(name, pool, options);
      runners.push(runner);
      await runner.start();
    } catch (err) {
      metrics.add('headframe_edge_command_journal_errors_total', 1);
      options.log.error({ err, site: name }, 'commands: the journal cannot be opened, so none are taken');
      const timer = setTimeout(() => {
        timers.delete(timer);
        void open(name);
      }, reopenMs);
      timers.add(timer);
    }
  };
  await Promise.all(config.sites.map(({ name }) => open(name)));
  return {
    async stop({ deadlineMs }) {
      for (const timer of timers) clearTimeout(timer);
      await Promise.all(runners.map((runner) => runner.stop({ deadlineMs })));
      await pool.close();
    },
  };
}

async function openSite(site: string, pool: OrderPool, options: CommandLaneOptions): Promise<CommandRunner> {
  const { config, plans, keys, metrics, onEscalate } = options;
  const log = options.log.child({ site });
  const { journal, recovered } = await CommandJournal.open({
    path: join(config.data_dir, 'commands', site, 'journal.log'),
    maxBytes: config.commands.journal_max_bytes,
  });
  if (recovered.badLines > 0)
    log.error(
      { badLines: recovered.badLines },
      'commands: the journal was damaged; a copy is kept beside it',
    );
  const shardOf: ShardOf = (address) => plans.shardAt(site, address);
  const clock = createBootClock();
  return new CommandRunner({
    site,
    client: new CommandClient({
      apiUrl: options.apiUrl,
      key: () => keys.get(site) ?? '',
      waitS: config.commands.wait_s,
      deadlineMs: config.commands.answer_ms,
      nowMs: () => clock().ms,
    }),
    journal,
    recovered: recovered.entries,
    hold: createHold(shardOf, options),
    execute: createExecute(site, shardOf, pool, options),
    mayClaim: () => {
      const plan = plans.of(site);
      return plan !== null && options.reaches(plan.zone);
    },
    isOwn: (address) => shardOf(address) !== undefined,
    allow: new Set(config.commands.allow.split(',') as CommandKind[]),
    concurrency: config.commands.concurrency,
    clock,
    deadlineMs: config.commands.deadline_ms,
    maxUnreported: config.commands.max_unreported,
    backoff: backoffOf(config),
    random: Math.random,
    metrics,
    log,
    onEscalate,
  });
}

type ShardOf = (address: number) => Shard | undefined;

/**
 * Waits for a moment without a poll of the shard, where others poll it too; then raises the flag that polls of this
 * process look at, and waits until those under way are over: at the latest when their own deadlines have ended them.
 * The flag comes last: polls wait for it a while, which the command would wait for in turn.
 */
function createHold(
  shardOf: ShardOf,
  { config, gate: memory, holdElsewhere, log }: CommandLaneOptions,
): RunnerOptions['hold'] {
  const gate = new MinerGate(memory);
  // A thread that stands still is ended, and its sockets with it.
  const longestPollMs = config.poll.miner_deadline_ms + config.poll.connect_timeout_ms + config.poll.stuck_ms;
  const holdFromOthers = async (ip: string, shard: Shard | undefined): ReturnType<HoldElsewhere> => {
    if (shard === undefined || holdElsewhere === null) return () => Promise.resolve();
    const waitMs = shard.intervalMs + longestPollMs;
    const holdMs = waitMs + config.commands.deadline_ms + graceMs;
    return holdElsewhere(shard, ip, { waitMs, holdMs }).catch((err: unknown) => {
      log.warn({ err, ip }, 'commands: other pollers could not be told of a command');
      return null;
    });
  };
  return async (ip) => {
    const address = parseIp(ip) ?? 0;
    const letGo = await holdFromOthers(ip, shardOf(address));
    if (letGo === null) return null;
    gate.hold(address);
    for (let waitedMs = 0; gate.isPolled(address); waitedMs += lookMs) {
      if (waitedMs >= longestPollMs) gate.forgetPolls(address);
      else await delay(lookMs);
    }
    return () => {
      gate.release(address);
      letGo().catch((err: unknown) => log.debug({ err, ip }, 'commands: other pollers not told of its end'));
    };
  };
}

function createExecute(
  site: string,
  shardOf: ShardOf,
  pool: OrderPool,
  { config, plans }: CommandLaneOptions,
): RunnerOptions['execute'] {
  const { credentials } = webSettingsOf(config, site);
  return async (order, ip, deadlineMs) => {
    const address = parseIp(ip);
    const shard = address === null ? undefined : shardOf(address);
    if (address === null || shard === undefined)
      return { status: 'rejected', code: 1, message: `${ip} is in no range of this site` };
    return pool.run({
      order,
      host: ip,
      port: shard.port,
      httpPort: plans.of(site)?.httpPort ?? 80,
      profilesFile: profilesFile(join(config.data_dir, 'profiles'), shard.id),
      credentials: rulesWithin(credentials, [{ first: address, last: address }]),
      limits: {
        connectTimeoutMs: config.poll.connect_timeout_ms,
        deadlineMs,
        maxReplyBytes: config.poll.max_reply_bytes,
        quietMs: config.poll.quiet_ms,
      },
    });
  };
}
