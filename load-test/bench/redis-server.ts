import { Redis } from 'ioredis';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { freePort } from '../../src/storage/embedded/server.js';
import { setTimeout as delay } from 'node:timers/promises';

/** A Redis of a test's or a benchmark's own, that may be killed, stopped and filled. */
export interface RedisServer {
  readonly port: number;
  readonly url: string;
  /** SIGKILL unless another signal is named; resolves when it is gone. */
  kill(signal?: 'SIGKILL' | 'SIGTERM'): Promise<void>;
  /** Again on the same port, with nothing in it unless the flags say so. */
  start(): Promise<void>;
  signal(signal: 'SIGSTOP' | 'SIGCONT'): void;
  /** A client of one call. */
  ask<T>(call: (redis: Redis) => Promise<T>): Promise<T>;
}

const running = new Set<ChildProcess>();
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/** Where the program of the Redis at `url` lies, when it is on this machine; else what `PATH` has; null when neither. */
export async function redisProgram(url: string | null): Promise<string | null> {
  const candidates = (process.env['PATH'] ?? '').split(':').map((folder) => `${folder}/redis-server`);
  if (url !== null) {
    const redis = new Redis(url, { lazyConnect: true });
    const info = await redis.info('server').finally(() => redis.disconnect());
    candidates.unshift(/^executable:(\S+)/m.exec(info)?.[1] ?? '');
  }
  return candidates.find((file) => file !== '' && existsSync(file)) ?? null;
}

/** Starts a Redis on a free port, without persistence, over TLS alone with a certificate; `flags` as `--maxmemory 4mb`. */
export async function startRedisServer(
  program: string,
  flags: readonly string[] = [],
  tls?: { readonly certFile: string; readonly keyFile: string; readonly cert: string },
): Promise<RedisServer> {
  const port = await freePort();
  const url = `${tls === undefined ? 'redis' : 'rediss'}://127.0.0.1:${port}`;
  const listen =
    tls === undefined
      ? ['--port', String(port)]
      : [
          ...['--port', '0', '--tls-port', String(port), '--tls-auth-clients', 'no'],
          ...['--tls-cert-file', tls.certFile, '--tls-key-file', tls.keyFile],
        ];
  let child: ChildProcess | null = null;
  const server: RedisServer = {
    port,
    url,
    async start() {
      const own = [...listen, '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no'];
      const policy = ['--maxmemory-policy', 'noeviction'];
      child = spawn(program, [...own, ...policy, ...flags], { stdio: 'ignore' });
      running.add(child);
      const answers = (): Promise<boolean> =>
        server
          .ask((redis) => redis.ping())
          .then(() => true)
          .catch((error: Error) => /NOAUTH|NOPERM|ERR_/.test(error.message));
      for (let looks = 0; !(await answers()); looks++) {
        if (looks === 200) throw new Error(`${program} does not answer`);
        await delay(50);
      }
    },
    async kill(signal = 'SIGKILL') {
      if (child === null) return;
      const [gone] = [child];
      child = null;
      running.delete(gone);
      if (gone.exitCode !== null || gone.signalCode !== null) return;
      const exited = once(gone, 'exit');
      gone.kill(signal);
      await exited;
    },
    signal: (signal) => void child?.kill(signal),
    async ask(call) {
      const redis = new Redis(url, {
        maxRetriesPerRequest: 0,
        connectTimeout: 2_000,
        retryStrategy: null,
        ...(tls !== undefined && { tls: { ca: tls.cert } }),
      });
      redis.on('error', () => undefined);
      try {
        return await call(redis);
      } finally {
        redis.disconnect();
      }
    },
  };
  await server.start();
  return server;
}
