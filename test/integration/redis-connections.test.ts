import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { loadConfig } from '../../src/config/load.js';
import { RedisQueue } from '../../src/queue/redis-queue.js';
import { redisTargetOf } from '../../src/roles/certificates.js';
import { RedisStore } from '../../src/storage/redis-store.js';
import { createLogger } from '../../src/telemetry/logger.js';
import { createMetrics } from '../../src/telemetry/metrics.js';
import { makeCertificate } from '../support/certificate.js';
import { redisProgram, startRedisServer, type RedisServer } from '../../load-test/bench/redis-server.js';
import { testRedisUrl } from '../support/services.js';
import { waitFor } from '../support/wait.js';

const program = await redisProgram(testRedisUrl());
const password = 'a password: with/signs@in it';
let folder = '';
let server: RedisServer | null = null;
let queue: RedisQueue | null = null;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'headframe-redis-'));
  await writeFile(join(folder, 'password'), `${password}\n`);
});
afterAll(() => rm(folder, { recursive: true, force: true }));
afterEach(async () => {
  await queue?.close();
  await server?.kill();
  queue = null;
  server = null;
});

/** A queue by settings, as a poller opens it. */
async function open(redis: Record<string, unknown>, told: boolean[] = []): Promise<RedisQueue> {
  const settings = join(folder, 'headframe.yaml');
  await writeFile(settings, JSON.stringify({ redis }));
  const target = redisTargetOf(loadConfig({ file: settings, env: {} }));
  if (target === null) throw new Error('no Redis');
  return (queue = await RedisQueue.open({
    ...target,
    maxWaiting: 10,
    rememberS: 60,
    deadlineMs: 1_000,
    onHandlerError: () => undefined,
    onConfigRefused: (isSafe) => told.push(isSafe),
  }));
}

const job = {
  shard: {
    id: '0123456789abcdef',
    site: 'north',
    zone: 'default',
    ranges: [{ first: 1, last: 2 }],
    port: 4028,
    intervalMs: 1_000,
    phaseMs: 0,
    addressCount: 2,
  },
  slot: 1_000,
};

/** A job goes through, over the connections of the one who adds and of the one who takes. */
async function handsOver(through: RedisQueue): Promise<void> {
  const seen: number[] = [];
  through.consume({ zone: 'default', concurrency: 1, onDropped: () => undefined }, async ({ slot }) => {
    seen.push(slot);
  });
  expect(await through.add(job)).toBe(true);
  await waitFor('the job', () => seen.length === 1);
}

describe.runIf(program !== null)('a Redis as it is run in production', () => {
  const start = async (...flags: string[]): Promise<RedisServer> =>
    (server = await startRedisServer(program ?? '', flags));

  it('is reached over TLS with a certificate of an own authority and a password from a file', async () => {
    const certificate = makeCertificate(folder);
    server = await startRedisServer(program ?? '', ['--requirepass', password], certificate);
    const redis = {
      url: server.url,
      ca_file: certificate.certFile,
      password_file: join(folder, 'password'),
    };
    await handsOver(await open(redis));
    const target = redisTargetOf(loadConfig({ file: join(folder, 'headframe.yaml'), env: {} }));
    const cache = new RedisStore({
      ...(target ?? { url: '', ca: null }),
      deadlineMs: 1_000,
      log: createLogger('silent'),
      metrics: createMetrics({ withProcess: false }),
    });
    await waitFor('the cache', async () => (await cache.count('test', 1_000)) !== null);
    cache.close();
    await queue?.close();

    const unknown = { code: 'QUEUE_UNAVAILABLE', message: expect.stringMatching(/certificate/) as string };
    await expect(open({ ...redis, ca_file: undefined })).rejects.toMatchObject(unknown);
    const wrong = { ...redis, password_file: undefined };
    await expect(open(wrong)).rejects.toMatchObject({ code: 'QUEUE_UNAVAILABLE' });
  });

  it('is refused when it may throw jobs away', async () => {
    const { url } = await start('--maxmemory', '64mb');
    await server?.ask((redis) => redis.config('SET', 'maxmemory-policy', 'allkeys-lru'));
    const evicting = { code: 'CONFIG_INVALID', message: expect.stringMatching(/noeviction/) as string };
    await expect(open({ url })).rejects.toMatchObject(evicting);
    // One that hides its configuration tells the same of its memory.
    await server?.ask((redis) =>
      redis.call('ACL', 'SETUSER', 'app', 'on', '>pw', '~*', '&*', '+@all', '-config'),
    );
    const hidden = url.replace('//', '//app:pw@');
    await expect(open({ url: hidden })).rejects.toMatchObject(evicting);
  });

  it('is used when it refuses to tell, and that is said', async () => {
    const { url } = await start();
    const rights = ['+@all', '-config'];
    await server?.ask((redis) => redis.call('ACL', 'SETUSER', 'app', 'on', '>pw', '~*', '&*', ...rights));
    const told: boolean[] = [];
    await handsOver(await open({ url: url.replace('//', '//app:pw@') }, told));
    expect(told).toEqual([true]);
  });

  it('fails those who add at once when it is gone or stands still, and serves them again when it is back', async () => {
    const { url } = await start();
    const shared = await open({ url });
    await handsOver(shared);
    server?.signal('SIGSTOP');
    const begunMs = performance.now();
    await expect(shared.add({ ...job, slot: 2_000 })).rejects.toMatchObject({ code: 'QUEUE_UNAVAILABLE' });
    expect(performance.now() - begunMs).toBeLessThan(2_500);
    server?.signal('SIGCONT');
    const isBack = (slot: number) => (): Promise<boolean> => shared.add({ ...job, slot }).catch(() => false);
    await waitFor('Redis after a standstill', isBack(3_000), { timeoutMs: 5_000 });
    await server?.kill();
    await expect(shared.add({ ...job, slot: 4_000 })).rejects.toMatchObject({ code: 'QUEUE_UNAVAILABLE' });
    await server?.start();
    await waitFor('Redis after a kill', isBack(5_000), { timeoutMs: 5_000 });
  });

  it('takes slots of a zone that was first named while it was away, once it is back', async () => {
    const { url } = await start();
    const shared = await open({ url });
    const inZone = (zone: string) => ({ ...job, shard: { ...job.shard, zone } });
    const isTaken = (zone: string) => (): Promise<boolean> => shared.add(inZone(zone)).catch(() => false);
    const away = { code: 'QUEUE_UNAVAILABLE' };
    server?.signal('SIGSTOP');
    await expect(shared.add(inZone('still'))).rejects.toMatchObject(away);
    server?.signal('SIGCONT');
    await waitFor('the zone after a standstill', isTaken('still'), { timeoutMs: 10_000 });
    await server?.kill();
    await expect(shared.add(inZone('gone'))).rejects.toMatchObject(away);
    await server?.start();
    await waitFor('the zone after a kill', isTaken('gone'), { timeoutMs: 10_000 });
  });
});

describe('settings of Redis', () => {
  it('take the password from the URL or from a file, not from both', async () => {
    await expect(
      open({ url: 'redis://:one@127.0.0.1:1', password_file: join(folder, 'password') }),
    ).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
  });
});
