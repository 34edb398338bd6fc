import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import postgres from 'postgres';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { openFolder } from '../../src/storage/embedded/account.js';
import {
  startEmbeddedPostgres,
  type EmbeddedPostgres,
  type EmbeddedPostgresOptions,
} from '../../src/storage/embedded/embedded-postgres.js';
import { processToken } from '../../src/storage/embedded/processes.js';
import { createTestDatabase, testEditions } from '../support/database.js';
import { waitFor } from '../support/wait.js';

let folder = '';
const running: EmbeddedPostgres[] = [];

async function start(options: Partial<EmbeddedPostgresOptions> = {}): Promise<EmbeddedPostgres> {
  const server = await startEmbeddedPostgres({ dataDir: path.join(folder, 'data'), ...options });
  running.push(server);
  return server;
}

async function query(url: string, statement: string): Promise<Record<string, unknown>[]> {
  const sql = postgres(url, { max: 1, onnotice: () => undefined });
  try {
    return await sql.unsafe<Record<string, unknown>[]>(statement);
  } finally {
    await sql.end({ timeout: 5 });
  }
}

/** Another process starts the server and says so; it ends when its standard input does. */
async function startInChild(dataDir: string) {
  const script = `
    import { startEmbeddedPostgres } from './src/storage/embedded/embedded-postgres.ts';
    const server = await startEmbeddedPostgres({ dataDir: ${JSON.stringify(dataDir)} });
    console.log(JSON.stringify({ pid: server.pid, url: server.url }));
    process.stdin.resume().on('end', () => process.exit(0));`;
  const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const [line] = (await once(child.stdout, 'data')) as [Buffer];
  return { child, server: JSON.parse(line.toString()) as { pid: number; url: string } };
}

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'headframe-embedded-'));
  await chmod(folder, 0o755);
});

afterEach(async () => {
  await Promise.all(running.splice(0).map((server) => server.stop({ timeoutMs: 10_000 })));
});

afterAll(() => rm(folder, { recursive: true, force: true }));

describe('the embedded PostgreSQL', () => {
  it('answers on loopback with its password only, keeps its data over a restart, and commits durably', async () => {
    const first = await start();
    await query(first.url, 'CREATE TABLE kept AS SELECT 42 AS answer');
    const settings = await query(
      first.url,
      `SELECT current_setting('fsync') AS fsync, current_setting('synchronous_commit') AS commit,
              current_setting('listen_addresses') AS host`,
    );
    expect(settings).toEqual([{ fsync: 'on', commit: 'on', host: '127.0.0.1' }]);
    const wrong = new URL(first.url);
    wrong.password = 'guess';
    await expect(query(wrong.href, 'SELECT 1')).rejects.toMatchObject({ code: '28P01' });
    await first.stop({ timeoutMs: 10_000 });
    expect(await processToken(first.pid)).toBeNull();

    const second = await start();
    expect(await query(second.url, 'SELECT answer FROM kept')).toEqual([{ answer: 42 }]);
  });

  it('keeps its password in a file that others cannot read, and never runs as root', async () => {
    const server = await start();
    const password = path.join(folder, 'data', 'cluster', 'headframe.password');
    expect((await stat(password)).mode & 0o077).toBe(0);
    expect(new URL(server.url).password).toBe(await readFile(password, 'utf8'));
    if (process.platform === 'linux') expect((await stat(`/proc/${server.pid}`)).uid).not.toBe(0);
  });

  it('tells when the server crashes, once, and recovers what was committed', async () => {
    const reasons: string[] = [];
    const server = await start({ onExit: (reason) => reasons.push(reason) });
    await query(server.url, 'CREATE TABLE survived AS SELECT 7 AS answer');
    process.kill(server.pid, 'SIGKILL');
    await waitFor('the exit to be told', () => reasons.length > 0);
    await server.stop({ timeoutMs: 10_000 });
    expect(reasons).toEqual(['SIGKILL']);

    const next = await start();
    expect(await query(next.url, 'SELECT answer FROM survived')).toEqual([{ answer: 7 }]);
  });

  it('does not tell of an exit that was asked for', async () => {
    const reasons: string[] = [];
    const server = await start({ onExit: (reason) => reasons.push(reason) });
    await Promise.all([server.stop({ timeoutMs: 10_000 }), server.stop({ timeoutMs: 10_000 })]);
    expect(await processToken(server.pid)).toBeNull();
    expect(reasons).toEqual([]);
  });

  it('adopts the server of a killed process, and ends it on stop', async () => {
    const dataDir = path.join(folder, 'adopted');
    const { child, server } = await startInChild(dataDir);
    child.kill('SIGKILL');
    await once(child, 'exit');
    const adopted = await start({ dataDir });
    expect(adopted).toMatchObject({ pid: server.pid, url: server.url, isOwner: true });
    await adopted.stop({ timeoutMs: 10_000 });
    expect(await processToken(server.pid)).toBeNull();
  });

  it('shares the server of a live process, leaves it running on stop, and tells when it ends', async () => {
    const dataDir = path.join(folder, 'shared');
    const reasons: string[] = [];
    const { child, server } = await startInChild(dataDir);
    const guest = await start({ dataDir });
    expect(guest).toMatchObject({ pid: server.pid, url: server.url, isOwner: false });
    await guest.stop({ timeoutMs: 10_000 });
    expect(await query(guest.url, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);

    await start({ dataDir, onExit: (reason) => reasons.push(reason) });
    child.stdin.end();
    await waitFor('the end of the server to be told', () => reasons.length > 0);
    expect(reasons).toEqual(['gone']);
  });

  it('adopts the server when the record of its owner was cut short', async () => {
    const dataDir = path.join(folder, 'torn');
    const { child, server } = await startInChild(dataDir);
    await writeFile(path.join(dataDir, 'owner.json'), '{"pid": 1');
    child.kill('SIGKILL');
    await once(child, 'exit');
    expect(await start({ dataDir })).toMatchObject({ pid: server.pid, isOwner: true });
  });

  it('copies its programs again when a power cut left the copy empty', async () => {
    const cacheDir = path.join(folder, 'cache');
    const options = { dataDir: path.join(folder, 'from-cache'), cacheDir };
    await (await start(options)).stop({ timeoutMs: 10_000 });
    const [release = ''] = await readdir(cacheDir);
    await truncate(path.join(cacheDir, release, 'bin', 'postgres'));
    expect(await query((await start(options)).url, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
    expect(await readdir(cacheDir)).toEqual([release]);
  });

  it('starts over a pid file whose process id now belongs to something else', async () => {
    const dataDir = path.join(folder, 'stale');
    const first = await start({ dataDir });
    const pidFile = path.join(dataDir, 'cluster', 'postmaster.pid');
    const text = await readFile(pidFile, 'utf8');
    await first.stop({ timeoutMs: 10_000 });
    // The parent of this test is alive and is no PostgreSQL.
    await writeFile(pidFile, text.replace(/^\d+/, String(process.ppid)));
    const second = await start({ dataDir });
    expect(second.pid).not.toBe(process.ppid);
    expect(await query(second.url, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });

  it('gives two starters at once the same server', async () => {
    const dataDir = path.join(folder, 'twice');
    const [left, right] = await Promise.all([startInChild(dataDir), startInChild(dataDir)]);
    expect(left.server).toEqual(right.server);
    for (const { child } of [left, right]) {
      child.stdin.end();
      await once(child, 'exit');
    }
    await waitFor(
      'the server to end with its owner',
      async () => (await processToken(left.server.pid)) === null,
    );
  });

  it('kills a server that does not end within the bound', async () => {
    const server = await start();
    process.kill(server.pid, 'SIGSTOP');
    await server.stop({ timeoutMs: 100 });
    expect(await processToken(server.pid)).toBeNull();
  });

  it('refuses the folder of another major version, naming both', async () => {
    const dataDir = path.join(folder, 'other-version');
    await mkdir(path.join(dataDir, 'cluster'), { recursive: true });
    await writeFile(path.join(dataDir, 'cluster', 'PG_VERSION'), '9\n');
    const attempt = start({ dataDir });
    await expect(attempt).rejects.toMatchObject({ code: 'EMBEDDED_VERSION' });
    await expect(attempt).rejects.toThrow(/PostgreSQL 9;.* PostgreSQL 18/);
  });

  it('shows the end of the log when the server does not come up', async () => {
    const attempt = start({ dataDir: path.join(folder, 'broken'), settings: { shared_buffers: 'a lot' } });
    await expect(attempt).rejects.toMatchObject({ code: 'EMBEDDED_UNAVAILABLE' });
    await expect(attempt).rejects.toThrow(/shared_buffers/);
  });

  it('names the folder that another account cannot pass through', async () => {
    const closed = path.join(folder, 'closed');
    await mkdir(closed, { mode: 0o700 });
    const other = { uid: (process.getuid?.() ?? 0) + 1, gid: (process.getgid?.() ?? 0) + 1 };
    const attempt = openFolder(path.join(closed, 'data'), other);
    await expect(attempt).rejects.toMatchObject({ code: 'EMBEDDED_UNAVAILABLE' });
    await expect(attempt).rejects.toThrow(`${closed} is closed to others`);
  });
});

describe.each(testEditions())('a test database on %s', (edition) => {
  it('is empty, its own, and gone after drop', async () => {
    const [one, two] = await Promise.all([createTestDatabase({ edition }), createTestDatabase({ edition })]);
    await query(one.url, 'CREATE TABLE mine (a int)');
    expect(await query(two.url, `SELECT to_regclass('mine') AS found`)).toEqual([{ found: null }]);
    const extensions = await query(one.url, `SELECT extname FROM pg_extension WHERE extname <> 'plpgsql'`);
    expect(extensions).toEqual(edition === 'timescale' ? [{ extname: 'timescaledb' }] : []);
    await Promise.all([one.drop(), two.drop()]);
    await expect(query(one.url, 'SELECT 1')).rejects.toMatchObject({ code: '3D000' });
  });
});
