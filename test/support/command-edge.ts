import { setTimeout as delay } from 'node:timers/promises';
import { commandKinds } from '../../src/domain/commands.js';
import { formatIp } from '../../src/domain/ip-ranges.js';
import { createBootClock, type BootClock } from '../../src/poller/commands/boot-clock.js';
import { CommandClient, type PollResult } from '../../src/poller/commands/client.js';
import { CommandJournal } from '../../src/poller/commands/journal.js';
import { CommandRunner, type RunnerOptions } from '../../src/poller/commands/runner.js';
import { defaultBackoffLimits } from '../../src/poller/upload-backoff.js';
import { createLogger } from '../../src/telemetry/logger.js';
import { createMetrics } from '../../src/telemetry/metrics.js';
import { executeOrder } from '../../workers/execute-order.js';
import { rules, writeLimits } from './orders.js';

/** Stands still for ever from its `at`th step on, as a process does that was killed there. */
export class CrashPoint {
  #steps = 0;
  #at: number;

  constructor(at: number) {
    this.#at = at;
  }

  get hasCrashed(): boolean {
    return this.#steps >= this.#at;
  }

  /** Lets everything through from here on, unless it has crashed. */
  disarm(): void {
    if (!this.hasCrashed) this.#at = Infinity;
  }

  async step(): Promise<void> {
    this.#steps++;
    if (this.hasCrashed) await new Promise(() => undefined);
  }
}

export interface CommandEdgeOptions {
  readonly apiUrl: string;
  readonly key: string;
  readonly journalPath: string;
  readonly miners: { readonly port: number; readonly httpPort: number };
  /** Always when absent. */
  readonly mayClaim?: () => boolean;
  readonly isOwn?: (ip: string) => boolean;
  readonly crash?: CrashPoint;
  readonly clock?: BootClock;
  /** Changes whenever the test moves time: an answer that was under way then is lost. */
  readonly epoch?: () => number;
  readonly waitS?: number;
  readonly concurrency?: number;
  readonly maxUnreported?: number;
  /** Told as an order begins. */
  readonly onExecute?: (ip: string) => void;
}

export interface CommandEdge {
  readonly runner: CommandRunner;
  readonly metrics: ReturnType<typeof createMetrics>;
  stop(): Promise<void>;
}

/** The commands of one edge: real files, real HTTP, real sockets, in this thread. */
export async function startCommandEdge(options: CommandEdgeOptions): Promise<CommandEdge> {
  const { crash = new CrashPoint(Infinity) } = options;
  const { journal, recovered } = await CommandJournal.open({ path: options.journalPath, maxBytes: 65_536 });
  const client = new CommandClient({
    apiUrl: options.apiUrl,
    key: () => options.key,
    waitS: options.waitS ?? 1,
    deadlineMs: 5_000,
    nowMs: () => performance.now(),
  });
  /** A step before and after: a kill may fall on either side of what is written or sent. */
  const around =
    <A extends readonly unknown[], R>(work: (...args: A) => Promise<R>) =>
    async (...args: A): Promise<R> => {
      await crash.step();
      const result = await work(...args);
      await crash.step();
      return result;
    };
  const metrics = createMetrics({ withProcess: false });
  const execute: RunnerOptions['execute'] = async (order, ip) => {
    options.onExecute?.(ip);
    const { miners } = options;
    return executeOrder(
      order,
      {
        host: ip,
        port: miners.port,
        httpPort: miners.httpPort,
        family: 'antminer',
        model: null,
        credentials: rules(),
      },
      { limits: writeLimits, now: () => performance.now(), wallNow: Date.now },
    );
  };
  const runner = new CommandRunner({
    mayClaim: options.mayClaim ?? (() => true),
    site: 'north',
    client: {
      poll: around(async (signal: AbortSignal): Promise<PollResult> => {
        const before = options.epoch?.();
        const result = await client.poll(signal);
        return options.epoch?.() === before ? result : { kind: 'retry', retryAfterMs: null, detail: 'lost' };
      }),
      report: around(client.report.bind(client)),
      close: () => client.close(),
    },
    journal: {
      get: (id) => journal.get(id),
      isOver: (id, mark) => journal.isOver(id, mark),
      received: around(journal.received.bind(journal)),
      begun: around(journal.begun.bind(journal)),
      done: around(journal.done.bind(journal)),
      over: around(journal.over.bind(journal)),
      toReport: () => journal.toReport(),
      close: () => journal.close(),
    },
    recovered: recovered.entries,
    hold: async () => () => undefined,
    execute: around(execute),
    isOwn: (address) => (options.isOwn ?? (() => true))(formatIp(address)),
    allow: new Set(commandKinds),
    concurrency: options.concurrency ?? 4,
    deadlineMs: writeLimits.deadlineMs,
    maxUnreported: options.maxUnreported ?? 100,
    clock: options.clock ?? createBootClock(),
    backoff: { ...defaultBackoffLimits, minMs: 20, maxMs: 200 },
    random: Math.random,
    metrics,
    log: createLogger('silent'),
    onEscalate: (error) => {
      throw error;
    },
  });
  void runner.start();
  return {
    runner,
    metrics,
    async stop() {
      crash.disarm();
      if (!crash.hasCrashed) return runner.stop({ deadlineMs: 3_000 });
      await client.close();
      await journal.close();
    },
  };
}

/** Until `done`, or the bound. */
export async function settle(done: () => boolean | Promise<boolean>, boundMs: number): Promise<void> {
  const endMs = performance.now() + boundMs;
  while (!(await done()) && performance.now() < endMs) await delay(10);
}
