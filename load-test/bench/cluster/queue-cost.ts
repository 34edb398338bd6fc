import type { Redis } from 'ioredis';
import { setTimeout as delay } from 'node:timers/promises';
import { Coordinator } from '../../../src/coordinator/coordinator.js';
import { planShards, type Shard } from '../../../src/domain/shards.js';
import { parseRanges } from '../../../src/domain/ip-ranges.js';
import { RedisQueue } from '../../../src/queue/redis-queue.js';
import { createLogger } from '../../../src/telemetry/logger.js';
import { createMetrics } from '../../../src/telemetry/metrics.js';
import { progress, type Figure } from '../report.js';
import { startRedisServer } from '../redis-server.js';

export interface QueueCostOptions {
  readonly redisProgram: string;
  readonly shards: number;
  readonly intervalS: number;
  readonly coordinators: number;
  /** Measured over so many intervals, after one. */
  readonly intervals: number;
  readonly rememberS: number;
}

interface Counters {
  readonly memoryBytes: number;
  /** What clients sent. */
  readonly calls: number;
  /** With what the scripts among them did. */
  readonly commands: number;
}

/** Calls that no script makes. */
const sent = ['eval', 'evalsha', 'bzpopmin', 'info', 'ping', 'hmget', 'client|setinfo'];

async function countersOf(redis: Redis): Promise<Counters> {
  const [memory, stats, commands] = await Promise.all([
    redis.info('memory'),
    redis.info('stats'),
    redis.info('commandstats'),
  ]);
  const read = (text: string, pattern: string): number =>
    Number(new RegExp(pattern, 'm').exec(text)?.[1] ?? 0);
  return {
    memoryBytes: read(memory, '^used_memory:(\\d+)'),
    commands: read(stats, '^total_commands_processed:(\\d+)'),
    calls: sent.reduce(
      (sum, name) => sum + read(commands, `^cmdstat_${name.replace('|', '\\|')}:calls=(\\d+)`),
      0,
    ),
  };
}

function shardsOf(count: number, intervalMs: number): Shard[] {
  const blocks = Array.from({ length: Math.ceil(count / 256) }, (_, i) => `10.${i}.0.0/16`);
  const ranges = parseRanges(blocks, { allowLoopback: false });
  return planShards({ site: 'bench', zone: 'default', ranges, port: 4028, intervalMs }).slice(0, count);
}

/** What Redis holds and does for each slot, when nobody polls: jobs are added, taken and done at once. */
export async function benchQueueCost(options: QueueCostOptions): Promise<Figure[]> {
  const { shards: count, intervalS, coordinators: names } = options;
  progress(`cluster: ${count} shards, ${names} coordinators, jobs without polling`);
  const server = await startRedisServer(options.redisProgram);
  const log = createLogger('silent');
  const open = (): Promise<RedisQueue> =>
    RedisQueue.open({
      url: server.url,
      ca: null,
      maxWaiting: 1_000_000,
      rememberS: options.rememberS,
      deadlineMs: 5_000,
      onHandlerError: () => undefined,
      onConfigRefused: () => undefined,
    });
  const empty = await server.ask(countersOf);
  const queues = await Promise.all(Array.from({ length: names + 1 }, open));
  const [taker, ...adders] = queues;
  const shards = shardsOf(count, intervalS * 1_000);
  let [done, lateMs, isStopping] = [0, 0, false];
  taker?.consume({ zone: 'default', concurrency: 64, onDropped: () => undefined }, async ({ slot }) => {
    done++;
    lateMs += Date.now() - slot;
  });
  const loops = adders.map(async (queue) => {
    const metrics = createMetrics({ withProcess: false });
    const add = (job: { shard: Shard; slot: number }): Promise<boolean> => queue.add(job);
    const coordinator = new Coordinator({
      shards: () => shards,
      add,
      now: Date.now,
      metrics,
      log,
      onSkipped: () => undefined,
    });
    while (!isStopping) {
      await coordinator.tick();
      await delay(Math.min(100, coordinator.delayMs(100)));
    }
  });
  try {
    await delay(intervalS * 1_000);
    const before = { ...(await server.ask(countersOf)), done };
    lateMs = 0;
    await delay(options.intervals * intervalS * 1_000);
    const after = await server.ask(countersOf);
    const slots = done - before.done;
    const name = (text: string): string =>
      `${count.toLocaleString('en-US')} shards, ${names} coordinator${names > 1 ? 's' : ''}: ${text}`;
    const should = count * options.intervals;
    return [
      {
        name: name('calls of clients per slot'),
        value: (after.calls - before.calls) / slots,
        unit: '',
        note: `${Math.round((after.commands - before.commands) / slots)} commands with those in scripts`,
      },
      {
        name: name('memory of Redis'),
        value: (after.memoryBytes - empty.memoryBytes) / 1e6,
        unit: 'MB',
        note: `${Math.round((after.memoryBytes - empty.memoryBytes) / count)} bytes per shard`,
      },
      {
        name: name('slots taken'),
        value: (100 * slots) / should,
        unit: '%',
        note: `${Math.round(slots / options.intervals / intervalS)} per s, every ${intervalS} s; ${Math.round(lateMs / slots)} ms after they began`,
      },
    ];
  } finally {
    isStopping = true;
    await Promise.all(loops);
    await Promise.all(queues.map((queue) => queue.close()));
    await server.kill();
  }
}
