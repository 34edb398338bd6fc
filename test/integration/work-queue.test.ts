import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import type { Shard } from '../../src/domain/shards.js';
import { MemoryQueue } from '../../src/queue/memory-queue.js';
import { RedisQueue } from '../../src/queue/redis-queue.js';
import type { SlotJob, WorkQueue } from '../../src/queue/work-queue.js';
import { testRedisUrl } from '../support/services.js';

const maxWaiting = 20;
const errors: unknown[] = [];
const busy: SlotJob[] = [];
const onDropped = (job: SlotJob): void => void busy.push(job);
const redisUrl = testRedisUrl();

const adapters: [string, () => Promise<WorkQueue>][] = [
  [
    'memory',
    async () =>
      new MemoryQueue({ maxWaiting, rememberIds: 1000, onHandlerError: (error) => errors.push(error) }),
  ],
];
if (redisUrl !== null) {
  adapters.push([
    'redis',
    () =>
      RedisQueue.open({
        url: redisUrl,
        ca: null,
        maxWaiting,
        rememberS: 600,
        deadlineMs: 2_000,
        onHandlerError: (error) => errors.push(error),
        onConfigRefused: () => undefined,
      }),
  ]);
}

const shardOf = (zone: string, id = randomUUID().slice(0, 16)): Shard => ({
  id,
  site: 'north',
  zone,
  ranges: [{ first: 1, last: 2 }],
  port: 4028,
  intervalMs: 1000,
  phaseMs: 0,
  addressCount: 2,
});

describe.each(adapters)('the work queue (%s)', (_name, open) => {
  let queue: WorkQueue | null = null;
  const opened = async (): Promise<WorkQueue> => (queue = await open());
  afterEach(async () => {
    await queue?.close();
    queue = null;
    errors.length = 0;
    busy.length = 0;
  });

  it('hands each job to one handler, once, whatever is added twice', async () => {
    const q = await opened();
    const zone = randomUUID();
    const seen: string[] = [];
    const handler = async (job: SlotJob): Promise<void> => {
      seen.push(`${job.shard.id} ${job.slot}`);
    };
    const consumers = [
      q.consume({ zone, concurrency: 2, onDropped }, handler),
      q.consume({ zone, concurrency: 2, onDropped }, handler),
    ];
    const shards = Array.from({ length: 6 }, () => shardOf(zone));
    for (const shard of shards)
      for (const slot of [1000, 1000]) expect(await q.add({ shard, slot })).toBe(true);
    await expect.poll(() => seen.length, { timeout: 10_000 }).toBe(6);
    for (const shard of shards) expect(await q.add({ shard, slot: 1000 })).toBe(true);
    await delay(200);
    expect(new Set(seen).size).toBe(6);
    expect(seen).toHaveLength(6);
    await Promise.all(consumers.map((consumer) => consumer.stop({ deadlineMs: 1000 })));
  });

  it('carries the whole shard and the trace it is part of', async () => {
    const q = await opened();
    const shard = shardOf(randomUUID());
    let got: SlotJob | null = null;
    q.consume({ zone: shard.zone, concurrency: 1, onDropped }, async (job) => {
      got = job;
    });
    const trace = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    await q.add({ shard, slot: 5000, trace });
    await expect.poll(() => got, { timeout: 10_000 }).toEqual({ shard, slot: 5000, trace });
  });

  it('keeps zones apart', async () => {
    const q = await opened();
    const [here, there] = [randomUUID(), randomUUID()];
    const seen: string[] = [];
    q.consume({ zone: here, concurrency: 1, onDropped }, async (job) => void seen.push(job.shard.zone));
    await q.add({ shard: shardOf(there), slot: 1 });
    await q.add({ shard: shardOf(here), slot: 1 });
    await expect.poll(() => seen, { timeout: 10_000 }).toEqual([here]);
    expect(await q.waiting(there)).toBe(1);
  });

  it('refuses jobs past its bound', async () => {
    const q = await opened();
    const zone = randomUUID();
    const answers: boolean[] = [];
    for (let i = 0; i < maxWaiting + 5; i++) answers.push(await q.add({ shard: shardOf(zone), slot: 1 }));
    expect(answers.slice(0, maxWaiting)).not.toContain(false);
    expect(answers.slice(maxWaiting)).not.toContain(true);
    expect(await q.waiting(zone)).toBe(maxWaiting);
  });

  it('goes on when a handler fails, and never hands that job out again', async () => {
    const q = await opened();
    const zone = randomUUID();
    const seen: number[] = [];
    q.consume({ zone, concurrency: 1, onDropped }, async (job) => {
      seen.push(job.slot);
      if (job.slot === 1) throw new Error('handler failed');
    });
    const shard = shardOf(zone);
    await q.add({ shard, slot: 1 });
    await q.add({ shard, slot: 2 });
    await expect.poll(() => seen, { timeout: 10_000 }).toEqual([1, 2]);
    await expect.poll(() => errors.map((error) => (error as Error).message)).toEqual(['handler failed']);
  });

  it('runs at most `concurrency` jobs of a consumer at once', async () => {
    const q = await opened();
    const zone = randomUUID();
    let running = 0;
    let most = 0;
    let finished = 0;
    q.consume({ zone, concurrency: 3, onDropped }, async () => {
      most = Math.max(most, ++running);
      await delay(20);
      running--;
      finished++;
    });
    for (let slot = 0; slot < 12; slot++) await q.add({ shard: shardOf(zone), slot });
    await expect.poll(() => finished, { timeout: 10_000 }).toBe(12);
    expect(most).toBe(3);
  });

  it('finishes what was taken when a consumer stops, and takes nothing more', async () => {
    const q = await opened();
    const zone = randomUUID();
    let begun = 0;
    let finished = 0;
    const consumer = q.consume({ zone, concurrency: 1, onDropped }, async () => {
      begun++;
      await delay(100);
      finished++;
    });
    await q.add({ shard: shardOf(zone), slot: 1 });
    await q.add({ shard: shardOf(zone), slot: 1 });
    await expect.poll(() => begun, { timeout: 10_000 }).toBe(1);
    await consumer.stop({ deadlineMs: 5_000 });
    expect([begun, finished]).toEqual([1, 1]);
    expect(await q.waiting(zone)).toBe(1);
  });

  it('aborts running jobs at the deadline of a stop', async () => {
    const q = await opened();
    const zone = randomUUID();
    let aborted = false;
    let begun = false;
    const consumer = q.consume({ zone, concurrency: 1, onDropped }, (_job, signal) => {
      begun = true;
      return new Promise<void>((resolve) =>
        signal.addEventListener('abort', () => {
          aborted = true;
          resolve();
        }),
      );
    });
    await q.add({ shard: shardOf(zone), slot: 1 });
    await expect.poll(() => begun, { timeout: 10_000 }).toBe(true);
    await consumer.stop({ deadlineMs: 50 });
    expect(aborted).toBe(true);
  });

  it('ends a stop at its deadline, whatever a job does', async () => {
    const q = await opened();
    const zone = randomUUID();
    const goOn = new AbortController();
    let begun = false;
    const consumer = q.consume({ zone, concurrency: 1, onDropped }, async () => {
      begun = true;
      await once(goOn.signal, 'abort');
    });
    await q.add({ shard: shardOf(zone), slot: 1 });
    await expect.poll(() => begun, { timeout: 10_000 }).toBe(true);
    const first = await Promise.race([
      consumer.stop({ deadlineMs: 50 }).then(() => 'stopped'),
      delay(5_000, 'waits', { ref: false }),
    ]);
    goOn.abort();
    expect(first).toBe('stopped');
  });

  it('never runs two jobs of one shard at once, in whatever consumer, and tells which were dropped', async () => {
    const q = await opened();
    const zone = randomUUID();
    let running = 0;
    let most = 0;
    const done: number[] = [];
    const handler = async (job: SlotJob): Promise<void> => {
      most = Math.max(most, ++running);
      await delay(150);
      running--;
      done.push(job.slot);
    };
    for (let i = 0; i < 2; i++) q.consume({ zone, concurrency: 2, onDropped }, handler);
    const shard = shardOf(zone);
    for (const slot of [1, 2, 3]) await q.add({ shard, slot });
    await expect.poll(() => done.length + busy.length, { timeout: 10_000 }).toBe(3);
    expect(most).toBe(1);
    expect(busy.length).toBe(2);
    await q.add({ shard, slot: 4 });
    await expect.poll(() => done.at(-1), { timeout: 10_000 }).toBe(4);
  });

  it('leaves no shard out for long when only half of them can be handled', async () => {
    const q = await opened();
    const zone = randomUUID();
    const intervalMs = 600;
    // Each in a phase of its own, as shards are.
    const shards = Array.from({ length: 8 }, () => ({ ...shardOf(zone), intervalMs }));
    const handled = new Map<string, number[]>(shards.map(({ id }) => [id, []]));
    const begin = Math.ceil(Date.now() / intervalMs) * intervalMs;
    q.consume({ zone, concurrency: 1, onDropped }, async ({ shard, slot }) => {
      if (Date.now() >= slot + intervalMs) return;
      handled.get(shard.id)?.push(Math.floor((slot - begin) / intervalMs));
      await delay(150);
    });
    const rounds = 10;
    for (let n = 0; n < rounds * shards.length; n++) {
      const slot = begin + (n * intervalMs) / shards.length;
      await delay(Math.max(0, slot - Date.now()));
      await q.add({ shard: shards[n % shards.length] ?? shardOf(zone), slot });
    }
    await delay(intervalMs);
    for (const rows of handled.values()) {
      const gaps = [...rows, rounds].map((slot, i) => slot - (rows[i - 1] ?? -1));
      expect(Math.max(...gaps), JSON.stringify([...handled.values()])).toBeLessThanOrEqual(4);
    }
  }, 20_000);

  it('tells who polls a shard which of its miners a command holds, and makes a command wait for a poll', async () => {
    const q = await opened();
    if (!(q instanceof RedisQueue)) return;
    const zone = randomUUID();
    const shard = shardOf(zone);
    const seen: (readonly string[])[] = [];
    let finish = (): void => undefined;
    const bounds = { waitMs: 30_000, holdMs: 60_000 };
    const letGo = await q.hold(shard, '127.0.0.1', bounds);
    q.consume({ zone, concurrency: 1, onDropped }, async (job, _signal, held) => {
      seen.push(held.addresses, await held.still());
      if (job.slot === 1) await letGo?.();
      seen.push(await held.still());
      if (job.slot === 2) await new Promise<void>((resolve) => (finish = resolve));
    });
    const first = [['127.0.0.1'], ['127.0.0.1'], []];
    await q.add({ shard, slot: 1 });
    await expect.poll(() => seen, { timeout: 10_000 }).toEqual(first);
    await q.add({ shard, slot: 2 });
    await expect.poll(() => seen, { timeout: 10_000 }).toEqual([...first, [], [], []]);
    let isHeld = false;
    const holding = q.hold(shard, '127.0.0.2', bounds).then((free) => {
      isHeld = true;
      return free;
    });
    await delay(300);
    expect(isHeld).toBe(false);
    finish();
    await (
      await holding
    )?.();
  });

  it('holds a miner for one command at a time, and one that is late takes nothing away from the next', async () => {
    const q = await opened();
    if (!(q instanceof RedisQueue)) return;
    const shard = shardOf(randomUUID());
    const ip = '127.0.0.1';
    const bounds = { waitMs: 10_000, holdMs: 60_000 };
    const first = await q.hold(shard, ip, bounds);
    expect(first).not.toBeNull();
    expect(await q.hold(shard, ip, { ...bounds, waitMs: 300 })).toBeNull();
    let isSecond = false;
    const second = q.hold(shard, ip, { ...bounds, holdMs: 1_000 }).then((free) => {
      isSecond = true;
      return free;
    });
    const other = await q.hold(shard, '127.0.0.2', bounds);
    expect([isSecond, other === null]).toEqual([false, false]);
    await first?.();
    const late = await second;
    expect(late).not.toBeNull();
    // Its time is over while it still works: the next one comes, and is not undone by it.
    const third = await q.hold(shard, ip, bounds);
    expect(third).not.toBeNull();
    await late?.();
    expect(await q.hold(shard, ip, { ...bounds, waitMs: 300 })).toBeNull();
    await third?.();
    await (
      await q.hold(shard, ip, bounds)
    )?.();
  });

  it('answers a ping', async () => {
    await expect((await opened()).ping()).resolves.toBeUndefined();
  });
});
