import { readFileSync, statSync } from 'node:fs';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import postgres from 'postgres';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { packageRoot } from '../../src/config/paths.js';
import { mountsOf, readCompose, serviceOf } from '../support/compose.js';
import { openHost, type Container, type Host, type StartOptions } from '../support/containers.js';
import { createTestDatabase, testEditions, type TestDatabase } from '../support/database.js';
import { scrape } from '../support/processes.js';
import { testRedisUrl } from '../support/services.js';
import { waitFor } from '../support/wait.js';

const redisUrl = testRedisUrl();
const compose = readCompose();
const miners = 200;
let host: Host;
let dir = '';
let database: TestDatabase;

/** What stands where another container's address is. */
const replaced: Record<string, string> = {
  '/make-secrets.sh': join(packageRoot, 'scripts/compose/make-secrets.sh'),
};
/** In place of addresses that only a container has for itself. */
const ownAddresses = {
  HEADFRAME_API_PORT: '0',
  HEADFRAME_METRICS_PORT: '0',
  HEADFRAME_METRICS_HOST: '127.0.0.1',
};

const start = (name: string, options: StartOptions = {}): Promise<Container> => {
  const service = serviceOf(compose, name);
  const env = { ...(service.build !== undefined && ownAddresses), ...options.env };
  return host.start(service, { ...options, env, replace: { ...replaced, ...options.replace } });
};
const run = async (name: string, options: StartOptions = {}): Promise<string> => {
  const container = await start(name, options);
  const { code } = await container.ended;
  if (code !== 0) throw new Error(`${name}: exit code ${code}\n${container.output()}`);
  return container.output();
};
const secret = (path: string): string => readFileSync(host.volume(path), 'utf8').trim();

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** The program of the server that tests use, when it runs on this machine. */
async function redisProgram(): Promise<string> {
  const client = new Redis(redisUrl ?? '', { lazyConnect: true });
  const info = await client.info('server').finally(() => client.disconnect());
  const file = /^executable:(\S+)/m.exec(info)?.[1] ?? '';
  return statSync(file, { throwIfNoEntry: false }) ? file : 'redis-server';
}

beforeAll(async () => {
  if (redisUrl === null) return;
  dir = await mkdtemp(join(tmpdir(), 'headframe-compose-'));
  database = await createTestDatabase({ edition: testEditions().at(-1) ?? 'plain' });
  host = await openHost(dir, '');
});

afterAll(async () => {
  if (redisUrl === null) return;
  await host.stop();
  await database.drop();
  await rm(dir, { recursive: true, force: true });
});

// Each step stands on the one before, as the services wait for one another.
describe.runIf(redisUrl !== null)(
  'every command line of docker-compose.yml, as its container runs it',
  () => {
    const ready: Record<string, string> = {};
    const pollers: Container[] = [];
    let cookie = '';

    it('secrets makes passwords once', async () => {
      // Where the script makes `database/`, the volume `database-secrets` is mounted.
      const folders = mountsOf(serviceOf(compose, 'secrets')).filter(({ target }) =>
        target.startsWith('/secrets/'),
      );
      expect(folders).toHaveLength(4);
      await mkdir(join(dir, 'secrets'));
      for (const { source, target } of folders) {
        await mkdir(host.volume(source), { recursive: true });
        await symlink(host.volume(source), join(dir, target));
      }
      const options = { replace: { '/secrets': join(dir, 'secrets') } };
      await run('secrets', options);
      const first = secret('database-secrets/url');
      expect(first).toMatch(/^postgres:\/\/headframe:[\w-]{32}@timescaledb:5432\/headframe$/);
      expect(secret('redis-secrets/url')).toMatch(/^redis:\/\/:[\w-]{32}@redis:6379$/);
      await run('secrets', options);
      expect(secret('database-secrets/url')).toBe(first);
    });

    it('redis asks for the password of its file', async () => {
      const port = await freePort();
      const redis = await start('redis', {
        args: ['--port', String(port), '--bind', '127.0.0.1', '--dir', dir],
        replace: { 'redis-server': await redisProgram() },
      });
      await redis.said(/(Ready to accept connections)/);
      const url = `redis://:${secret('redis-secrets/password')}@127.0.0.1:${port}`;
      const [known, stranger] = [url, `redis://127.0.0.1:${port}`].map(
        (it) => new Redis(it, { lazyConnect: true }),
      );
      stranger?.on('error', () => undefined);
      try {
        expect(await known?.ping()).toBe('PONG');
        expect(await known?.config('GET', 'maxmemory-policy')).toEqual(['maxmemory-policy', 'noeviction']);
        await expect(stranger?.ping()).rejects.toThrow(/NOAUTH/);
      } finally {
        known?.disconnect();
        stranger?.disconnect();
      }
      await writeFile(join(host.volume('redis-secrets'), 'url'), url);
      await writeFile(join(host.volume('database-secrets'), 'url'), database.url);
    });

    it('simulator answers as miners, without settings', async () => {
      const simulator = await start('simulator', {
        args: ['--port', '0'],
        replace: { '198.18.1.1': '127.93.1.1' },
      });
      const port = Number(await simulator.said(/"listening":(\d+)/));
      const settings = readFileSync(join(packageRoot, 'scripts/compose/sim.yaml'), 'utf8')
        .replace('198.18.1.0/24', '127.93.1.0/24')
        .replace('interval_s: 10', `interval_s: 3\n    port: ${port}\n    zone: compose-${process.pid}`);
      await writeFile(join(dir, 'etc/headframe.yaml'), `allow_loopback: true\n${settings}`);
    });

    it('migrate prepares the database, keys and the first person, and again changes nothing', async () => {
      expect(await run('migrate')).toMatch(/schema version \d+[^]*sim: key 1, new[^]*user 1 is added: admin/);
      const key = secret('keys/sim.key');
      expect(key).toMatch(/^hsc_[\w-]{43}$/);
      expect(statSync(host.volume('keys/sim.key')).mode & 0o777).toBe(0o600);
      expect(await run('migrate')).toMatch(/sim: key 1, as before[^]*nothing is added/);
      expect(secret('keys/sim.key')).toBe(key);
    });

    it('reader makes the role that Grafana reads with', async () => {
      // On a server that other tests share, under a name of its own.
      const role = `reader_${process.pid}`;
      expect(await run('reader', { args: [role] })).toMatch(new RegExp(role));
      const sql = postgres(database.url, { max: 1, onnotice: () => undefined });
      await sql.unsafe(`drop owned by ${role}; drop role ${role}`);
      await sql.end({ timeout: 1 });
    });

    it('api takes work, says so to its health check, and lets the first person in', async () => {
      const api = await start('api', { env: { HEADFRAME_API_HOST: '127.0.0.1' } });
      const url = await api.said(/"url":"([^"]+)","msg":"api is listening"/);
      replaced['http://api:8420'] = url;
      const health = await run('api', {
        run: ['headframe', 'health'],
        env: { HEADFRAME_API_PORT: new URL(url).port, HEADFRAME_METRICS_PORT: '1' },
      });
      expect(health).toMatch(/ready/);
      const password = secret('admin-secrets/password');
      const body = JSON.stringify({ name: 'admin', password });
      const headers = { 'content-type': 'application/json' };
      const login = await fetch(`${url}/api/auth/login`, { method: 'POST', headers, body });
      expect(login.status).toBe(200);
      cookie = login.headers.getSetCookie()[0]?.split(';')[0] ?? '';
    });

    it('coordinator and two pollers on one volume bring rows into the database', async () => {
      const coordinator = await start('coordinator');
      ready.coordinator = await coordinator.said(/"metrics":"([^"]+)"/);
      for (const name of ['one', 'two']) {
        const poller = await start('poller');
        pollers.push(poller);
        ready[name] = await poller.said(/"metrics":"([^"]+)"/);
      }
      const stored = async (name: string): Promise<number> =>
        (await scrape(ready[name] ?? '')).sum('headframe_upload_rows_total', 'outcome="stored"');
      const sql = postgres(database.url, { max: 1, onnotice: () => undefined });
      try {
        await waitFor(
          'rows of the miners, the worst of which never answer, over three slots and more',
          async () => {
            const [row] = await sql<{ rows: number; miners: number }[]>`select count(*)::int as rows,
            count(distinct miner_id)::int as miners from miner_telemetry_history`;
            const isBoth = (await stored('one')) > 0 && (await stored('two')) > 0;
            return isBoth && (row?.miners ?? 0) >= 0.9 * miners && (row?.rows ?? 0) > 3 * miners;
          },
          { timeoutMs: 90_000, everyMs: 500 },
        );
      } finally {
        await sql.end({ timeout: 1 });
      }
      for (const name of ['coordinator', 'one', 'two'])
        expect(
          await run('poller', {
            run: ['headframe', 'health'],
            env: { HEADFRAME_METRICS_PORT: new URL(ready[name] ?? '').port },
          }),
        ).toMatch(/ready/);
      for (const slot of ['1', '2'])
        expect(statSync(join(host.volume('poller-data'), slot, 'spool')).isDirectory()).toBe(true);
    }, 150_000);

    it('all of them are members of the cluster', async () => {
      const members = async (): Promise<string[]> => {
        const answer = await fetch(`${replaced['http://api:8420']}/api/collector/cluster`, {
          headers: { cookie },
        });
        const { data } = (await answer.json()) as { data: { members: { role: string; state: string }[] } };
        return data.members.map(({ role, state }) => `${role} ${state}`).sort();
      };
      const all = ['coordinator up', 'poller up', 'poller up'];
      await waitFor('their heartbeats', async () => (await members()).join() === all.join(), {
        timeoutMs: 30_000,
        everyMs: 250,
      });
    }, 60_000);

    it('poller ends in time when it is told to, and the next takes its folder', async () => {
      const [first] = pollers;
      first?.signal('SIGTERM');
      expect(await first?.ended).toEqual({ code: 0, signal: null });
      const next = await start('poller');
      await next.said(/"(metrics)":"/);
      expect(statSync(join(host.volume('poller-data'), '3'), { throwIfNoEntry: false })).toBeUndefined();
      const own = await run('poller', {
        run: ['sh', '-c', `with-data-slot /data sh -c 'echo $HEADFRAME_DATA_DIR'`],
      });
      expect(own.trim()).toBe(join(host.volume('poller-data'), '3'));
    });

    it('headframe health fails where nothing answers', async () => {
      const health = await start('poller', {
        run: ['headframe', 'health'],
        env: { HEADFRAME_METRICS_PORT: '1', HEADFRAME_API_PORT: '1' },
      });
      expect((await health.ended).code).toBe(1);
      expect(health.output()).toMatch(/ECONNREFUSED/);
    });
  },
);
