import { randomBytes, randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { RedisQueue } from '../../src/queue/redis-queue.js';
import type { SharedProfiles, SharedProfilesOptions } from '../../src/queue/shared-profiles.js';
import { redisProgram, startRedisServer, type RedisServer } from '../../load-test/bench/redis-server.js';
import { testRedisUrl } from '../support/services.js';

const program = await redisProgram(testRedisUrl());
let server: RedisServer | null = null;
let queue: RedisQueue | null = null;
const outcomes: string[] = [];

describe.runIf(program !== null)('what pollers tell each other of miners', () => {
  beforeAll(async () => {
    server = await startRedisServer(program ?? '', ['--maxmemory', '8mb']);
    queue = await RedisQueue.open({
      url: server.url,
      ca: null,
      maxWaiting: 100,
      rememberS: 60,
      deadlineMs: 500,
      onHandlerError: () => undefined,
      onConfigRefused: () => undefined,
    });
  });
  afterEach(() => void (outcomes.length = 0));
  afterAll(async () => {
    await queue?.close();
    await server?.kill();
  });
  const share = (options: Partial<SharedProfilesOptions> = {}): SharedProfiles => {
    if (queue === null) throw new Error('no queue');
    return queue.profiles({
      everyMs: 1_000,
      ttlMs: 60_000,
      maxBytes: 100_000,
      memoryRatio: 0.75,
      onExchange: (outcome) => outcomes.push(outcome),
      ...options,
    });
  };

  it('comes whole, the newer wins, and nobody reads what he knows', async () => {
    const [one, two] = [share(), share()];
    const id = randomUUID();
    expect(await two.read(id, 0)).toBeNull();
    const text = JSON.stringify({ '10.0.0.1': { family: 'antminer', note: 'grün' } });
    await one.write(id, { slot: 2_000, text });
    await two.write(id, { slot: 1_000, text: 'older' });
    expect(await two.read(id, 0)).toEqual({ slot: 2_000, text });
    expect(await two.read(id, 2_000)).toBeNull();
    await two.write(id, { slot: 3_000, text: 'newer' });
    expect(await one.read(id, 2_000)).toEqual({ slot: 3_000, text: 'newer' });
    expect(outcomes).toEqual(['written', 'older', 'read', 'written', 'read']);
  });

  it('goes after its time, and is not kept when it is too large', async () => {
    const id = randomUUID();
    await share({ ttlMs: 100 }).write(id, { slot: 1, text: 'text' });
    await expect.poll(() => share().read(id, 0)).toBeNull();
    const noise = randomBytes(4_000).toString('base64');
    await share({ maxBytes: 2_000 }).write(id, { slot: 1, text: noise });
    expect(outcomes).toContain('too_large');
    expect(await share().read(id, 0)).toBeNull();
  });

  it('leaves Redis room for jobs, and a Redis without any stops neither poll nor job', async () => {
    const noise = (): string => randomBytes(60_000).toString('base64');
    const careful = share();
    for (let n = 0; n < 200; n++) await careful.write(randomUUID(), { slot: 1, text: noise() });
    // Looked at every ten seconds only: whoever looks now leaves it alone.
    await share().write(randomUUID(), { slot: 1, text: noise() });
    expect(outcomes).toContain('no_room');

    const careless = share({ memoryRatio: 1 });
    for (let n = 0; n < 20; n++) await careless.write(randomUUID(), { slot: 1, text: noise() });
    expect(outcomes).toContain('failed');
    expect(await careless.read(randomUUID(), 0)).toBeNull();
    await server?.ask((redis) => redis.flushall());
    const job = {
      shard: {
        id: randomUUID().slice(0, 16),
        site: 'north',
        zone: 'default',
        ranges: [],
        port: 4028,
        intervalMs: 1_000,
        phaseMs: 0,
        addressCount: 0,
      },
      slot: 1,
    };
    expect(await queue?.add(job)).toBe(true);
  });

  it('fails quietly within the deadline while Redis stands still', async () => {
    server?.signal('SIGSTOP');
    const begunMs = performance.now();
    expect(await share().read(randomUUID(), 0)).toBeNull();
    await share().write(randomUUID(), { slot: 1, text: 'text' });
    expect(performance.now() - begunMs).toBeLessThan(1_500);
    expect(outcomes).toEqual(['failed', 'failed']);
    server?.signal('SIGCONT');
  });
});
