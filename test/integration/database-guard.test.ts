import { once } from 'node:events';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { connect, createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterEach, describe, expect, test } from 'vitest';
import { AppError } from '../../src/domain/errors.js';
import type { Database, DatabaseOptions } from '../../src/storage/database.js';
import { startEmbeddedPostgres } from '../../src/storage/embedded/embedded-postgres.js';
import { createMetrics, type Metrics } from '../../src/telemetry/metrics.js';
import { testEditions, testServerUrl } from '../support/database.js';
import { openTestDatabase } from '../support/storage.js';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.js';
import { waitFor } from '../support/wait.js';

const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

function open(url: string, options: Partial<DatabaseOptions> = {}): { db: Database; metrics: Metrics } {
  const metrics = createMetrics({ withProcess: false });
  const db = openTestDatabase(url, {
    poolSize: 2,
    deadlineMs,
    connectTimeoutMs: deadlineMs,
    metrics,
    ...options,
  });
  cleanups.push(() => db.close({ timeoutMs: 500 }));
  return { db, metrics };
}

async function openThroughProxy(
  serverUrl: string,
): Promise<{ db: Database; metrics: Metrics; proxy: TcpProxy }> {
  const url = new URL(serverUrl);
  const proxy = await startTcpProxy({ targetPort: Number(url.port) });
  url.host = `${proxy.host}:${proxy.port}`;
  cleanups.push(() => proxy.close());
  return { ...open(url.href), proxy };
}

const deadlineMs = 1_000;
/** A call ends so long after its deadline at most, on a busy machine, ms. */
const slackMs = 600;

const one = (db: Database): Promise<unknown> => db.run('test', (sql) => sql`select 1 as one`);
const sleep = (db: Database, seconds: number): Promise<unknown> =>
  db.run('sleep', (sql) => sql`select pg_sleep(${seconds}::float8)`);

async function timed(promise: Promise<unknown>): Promise<{ code: unknown; ms: number }> {
  const startedMs = performance.now();
  const code = await promise.then(
    () => 'ok',
    (error: unknown) => (error instanceof AppError ? error.code : error),
  );
  return { code, ms: performance.now() - startedMs };
}

async function counter(metrics: Metrics, name: string): Promise<number> {
  return Number(new RegExp(`^${name} (\\d+)`, 'm').exec(await metrics.text())?.[1] ?? NaN);
}

describe.each(testEditions())('the guarded database on %s', (edition) => {
  const serverUrl = (): string => testServerUrl(edition);

  test.each(['blackhole', 'stall'] as const)(
    'every call on a %s connection ends at its deadline, and heals',
    async (kind) => {
      const { db, metrics, proxy } = await openThroughProxy(serverUrl());
      await Promise.all([one(db), one(db)]);
      await proxy.setMode({ kind });
      const outcomes = await Promise.all([1, 2, 3, 4].map(() => timed(one(db))));
      for (const outcome of outcomes) {
        expect(outcome.code).toBe('DATABASE_UNAVAILABLE');
        expect(outcome.ms).toBeLessThan(deadlineMs + slackMs);
      }
      // Connecting anew fails as well, in its own bound.
      expect((await timed(one(db))).ms).toBeLessThan(deadlineMs + slackMs);
      await proxy.setMode({ kind: 'pass' });
      expect(await timed(one(db))).toMatchObject({ code: 'ok' });
      expect(await counter(metrics, 'headframe_db_deadlines_total')).toBeGreaterThanOrEqual(4);
      expect(await counter(metrics, 'headframe_db_pool_replacements_total')).toBeLessThanOrEqual(4);
    },
  );

  test('reset and refused connections fail at once and heal', async () => {
    const { db, proxy } = await openThroughProxy(serverUrl());
    await one(db);
    for (const kind of ['reset', 'refuse'] as const) {
      await proxy.setMode({ kind });
      for (let call = 0; call < 3; call++) {
        expect(await timed(one(db))).toMatchObject({ code: 'DATABASE_UNAVAILABLE' });
      }
      await proxy.setMode({ kind: 'pass' });
      expect(await timed(one(db))).toMatchObject({ code: 'ok' });
    }
  });

  test('calls that fail together replace the pool once', async () => {
    const { db, metrics, proxy } = await openThroughProxy(serverUrl());
    await Promise.all([one(db), one(db)]);
    const running = [timed(sleep(db, 0.8)), timed(sleep(db, 0.8))];
    await proxy.setMode({ kind: 'reset' });
    for (const { code } of await Promise.all(running)) expect(code).toBe('DATABASE_UNAVAILABLE');
    expect(await counter(metrics, 'headframe_db_pool_replacements_total')).toBe(1);
  });

  test('the query of a call that passed its deadline is cancelled on the server', async () => {
    const { db } = open(serverUrl());
    const { db: observer } = open(serverUrl());
    const marker = `select pg_sleep(20) /* ${edition} abandoned */`;
    const { code, ms } = await timed(db.run('sleep', (sql) => sql.unsafe(marker)));
    expect(code).toBe('DATABASE_UNAVAILABLE');
    expect(ms).toBeLessThan(deadlineMs + slackMs);
    await waitFor(
      'the query to be cancelled',
      async () => {
        const rows = await observer.run(
          'watch',
          (sql) => sql`select from pg_stat_activity
        where query = ${marker}::text and state = 'active'`,
        );
        return rows.length === 0;
      },
      { timeoutMs: 900 },
    );
  });

  test('too many waiting calls are refused at once, and those that waited are served', async () => {
    const { db } = open(serverUrl(), { poolSize: 1, maxWaiting: 2, deadlineMs: 5_000 });
    const running = timed(sleep(db, 0.2));
    const waiting = [timed(one(db)), timed(one(db))];
    const refused = await timed(one(db));
    expect(refused.code).toBe('DATABASE_UNAVAILABLE');
    expect(refused.ms).toBeLessThan(100);
    for (const outcome of await Promise.all([running, ...waiting])) expect(outcome.code).toBe('ok');
  });

  test('waiting counts towards the deadline and does not replace a sound pool', async () => {
    const { db, metrics } = open(serverUrl(), { poolSize: 1, deadlineMs: 5_000 });
    const running = timed(sleep(db, 0.5));
    const waiting = await timed(db.run('test', (sql) => sql`select 1`, { deadlineMs: 100 }));
    expect(waiting.code).toBe('DATABASE_UNAVAILABLE');
    expect(waiting.ms).toBeLessThan(300);
    expect((await running).code).toBe('ok');
    expect(await timed(one(db))).toMatchObject({ code: 'ok' });
    expect(await counter(metrics, 'headframe_db_pool_replacements_total')).toBe(0);
  });

  test('an error of the statement is thrown as it is and keeps the pool', async () => {
    const { db, metrics } = open(serverUrl());
    await expect(db.run('test', (sql) => sql`select 1 / 0`)).rejects.toMatchObject({ code: '22012' });
    await expect(db.run('test', (sql) => sql`select nonsense`)).rejects.toMatchObject({ code: '42703' });
    expect(await counter(metrics, 'headframe_db_pool_replacements_total')).toBe(0);
  });

  test('a transaction is one, and waits for a lock no longer than told', async () => {
    const { db } = open(serverUrl(), { deadlineMs: 2_000 });
    const rows = await db.transaction('test', [
      'create temp table t (a int) on commit drop',
      'insert into t values (1), (2)',
      'select a from t',
    ]);
    expect(rows).toEqual([{ a: 1 }, { a: 2 }]);
    const holder = db.transaction('hold', ['select pg_advisory_xact_lock(77)', 'select pg_sleep(0.5)']);
    await waitFor('the lock to be held', async () => {
      const held = await db.run(
        'watch',
        (sql) => sql`select from pg_locks where locktype = 'advisory' and objid = 77`,
      );
      return held.length > 0;
    });
    const blocked = db.transaction('test', ['select pg_advisory_xact_lock(77)'], { lockTimeoutMs: 50 });
    await expect(blocked).rejects.toMatchObject({ code: 'DATABASE_UNAVAILABLE', cause: { code: '55P03' } });
    await holder;
  });

  test('close refuses what comes after and does not hang on what runs', async () => {
    const { db } = open(serverUrl(), { deadlineMs: 10_000 });
    const running = timed(sleep(db, 5));
    await one(db);
    const closed = await timed(db.close({ timeoutMs: 100 }));
    expect(closed.ms).toBeLessThan(1_000);
    expect((await running).code).toBe('DATABASE_UNAVAILABLE');
    expect(await timed(one(db))).toMatchObject({ code: 'DATABASE_UNAVAILABLE' });
  });

  test('an unknown role and a database that is not there are the database being away', async () => {
    const unknownRole = new URL(serverUrl());
    unknownRole.username = 'nobody';
    const noDatabase = new URL(serverUrl());
    noDatabase.pathname = '/nowhere';
    for (const url of [unknownRole, noDatabase]) {
      const { db } = open(url.href);
      expect(await timed(db.ping())).toMatchObject({ code: 'DATABASE_UNAVAILABLE' });
    }
  });
});

test('the connections of a replaced pool are closed, not left to the kernel', async () => {
  const sink = createServer((client) => client.on('error', () => undefined).resume());
  sink.listen(0, '127.0.0.1');
  await once(sink, 'listening');
  cleanups.push(async () => sink.close());
  const openConnections = promisify(sink.getConnections.bind(sink));
  const { port } = sink.address() as AddressInfo;
  const { db, metrics } = open(`postgres://nobody@127.0.0.1:${port}/nowhere`, {
    deadlineMs: 100,
    connectTimeoutMs: 60_000,
  });
  for (let round = 0; round < 6; round++)
    expect(await timed(one(db))).toMatchObject({ code: 'DATABASE_UNAVAILABLE' });
  expect(await counter(metrics, 'headframe_db_pool_replacements_total')).toBe(6);
  await waitFor('the connections to close', async () => (await openConnections()) === 0);
});

/** Forwards to a port that may change: a server that comes back elsewhere keeps its address. */
async function startForwarder(): Promise<{ port: number; aim(port: number): void }> {
  let targetPort = 0;
  const server = createServer((client) => {
    const target = connect(targetPort, '127.0.0.1');
    client.on('error', () => target.destroy()).on('close', () => target.destroy());
    target.on('error', () => client.destroy()).on('close', () => client.destroy());
    client.pipe(target).pipe(client);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  cleanups.push(async () => server.close());
  return {
    port: (server.address() as AddressInfo).port,
    aim: (port) => {
      targetPort = port;
    },
  };
}

test('a restart of the server under calls costs those calls alone', async () => {
  const dataDir = await mkdtemp(path.join(tmpdir(), 'headframe-guard-'));
  await chmod(dataDir, 0o755);
  cleanups.push(() => rm(dataDir, { recursive: true, force: true }));
  const settings = { fsync: 'off' };
  const forwarder = await startForwarder();
  const first = await startEmbeddedPostgres({ dataDir, settings });
  cleanups.push(() => first.stop({ timeoutMs: 10_000 }));
  forwarder.aim(first.port);
  const url = new URL(first.url);
  url.port = String(forwarder.port);
  const { db } = open(url.href, { poolSize: 4, deadlineMs: 2_000 });
  await Promise.all([1, 2, 3, 4].map(() => one(db)));
  const running = [1, 2, 3, 4].map(() => timed(sleep(db, 1.5)));
  await first.stop({ timeoutMs: 10_000 });
  for (const { code } of await Promise.all(running)) expect(code).toBe('DATABASE_UNAVAILABLE');
  for (let call = 0; call < 5; call++) {
    const { code, ms } = await timed(one(db));
    expect(code).toBe('DATABASE_UNAVAILABLE');
    expect(ms).toBeLessThan(2_200);
  }
  const second = await startEmbeddedPostgres({ dataDir, settings });
  cleanups.push(() => second.stop({ timeoutMs: 10_000 }));
  forwarder.aim(second.port);
  const calls = await Promise.all(Array.from({ length: 8 }, () => timed(one(db))));
  for (const { code, ms } of calls) {
    expect(code).toBe('ok');
    expect(ms).toBeLessThan(2_000);
  }
});
