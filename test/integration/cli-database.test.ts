import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { headframe, killCommands, makeOpenFolder, processesNaming } from '../support/cli.js';
import { runRollups } from '../../src/storage/rollups.js';
import { ingestBatch, ingestRow } from '../support/ingest-rows.js';
import { createTestStorage } from '../support/storage.js';
import { createTestDatabase, testEditions, type TestDatabase } from '../support/database.js';

let folder: Awaited<ReturnType<typeof makeOpenFolder>>;

beforeAll(async () => {
  folder = await makeOpenFolder();
});

afterAll(async () => {
  await killCommands();
  await folder.remove();
});

interface KeyJson {
  readonly key_id: number;
  readonly site: string;
  readonly prefix: string;
  readonly label: string | null;
  readonly revoked_at: string | null;
}

/** Makes, lists and revokes keys through `run`; the database may be any. */
async function exerciseKeys(run: (...args: string[]) => ReturnType<typeof headframe>): Promise<void> {
  const made = await run('keys', 'create', 'north', '--label', 'an edge');
  expect(made.code).toBe(0);
  expect(made.stdout).toMatch(/^hsc_[\w-]{43}\n$/);
  expect(made.stderr).toBe('Key 1 of site "north". It is not shown again.\n');
  const second = await run('keys', 'create', 'north', '--json');
  expect(JSON.parse(second.stdout)).toMatchObject({ key_id: 2, site: 'north' });
  const third = await run('keys', 'create', 'north');
  expect(third).toMatchObject({ code: 1, stdout: '' });
  expect(third.stderr).toContain('two active keys');

  const table = await run('keys', 'list');
  expect(table.stdout).toMatch(/^id +site +key +state +last used +label$/m);
  expect(table.stdout).toMatch(/^1 +north +hsc_....… +active +never used +an edge$/m);
  expect(table.stdout).not.toContain(made.stdout.trim());

  expect(await run('keys', 'revoke', '1')).toMatchObject({ code: 0, stdout: 'key 1 is revoked\n' });
  expect(await run('keys', 'revoke', '1')).toMatchObject({ code: 1, stdout: 'there is no active key 1\n' });
  const list = JSON.parse((await run('keys', 'list', '--json')).stdout) as KeyJson[];
  expect(list.map((key) => [key.key_id, key.site, key.label, key.revoked_at !== null])).toEqual([
    [1, 'north', 'an edge', true],
    [2, 'north', null, false],
  ]);
}

interface StatusJson {
  readonly tables: readonly { readonly table: string; readonly chunks: number }[];
}

describe.each(testEditions())('db status on %s', (edition) => {
  it('tells what is there, as text and as JSON', async () => {
    const storage = await createTestStorage(edition);
    try {
      const time = new Date(Math.floor(Date.now() / 1_000) * 1_000 - 60_000).toISOString();
      await storage.store.writeBatch(ingestBatch([ingestRow('a', time)], storage.key));
      await storage.query('analyze');
      const options = { historyDays: 30, settle5mS: 0, settle1hS: 3_600 };
      await runRollups(storage.db, options);
      const run = (...args: string[]) =>
        headframe(['db', 'status', ...args], { cwd: folder.path, env: { DATABASE_URL: storage.url } });
      const status = JSON.parse((await run('--json')).stdout) as StatusJson;
      expect(status).toMatchObject({
        edition: edition === 'plain' ? 'plain' : 'apache',
        retention_lag_s: 0,
        rollups: { marks: 0, due: 1, lag_s: 0 },
        maintenance: [{ name: 'rollups', outcome: { buckets: 1 } }],
      });
      const history = status.tables.find(({ table }) => table === 'miner_telemetry_history');
      expect(history).toMatchObject({ rows: 1, oldest: time, newest: time });
      expect(history?.chunks).toBeGreaterThan(0);
      const text = await run();
      expect(text.code).toBe(0);
      expect(text.stdout).toMatch(/^miner_telemetry_history +\d+ +\S+ KiB +1 +\d+ /m);
      expect(text.stdout).toContain('rollups in time; 1 buckets wait, 0 marks are new');
    } finally {
      await storage.close();
    }
  });
});

describe.each(testEditions())('alerts on %s', (edition) => {
  it('are listed and acknowledged, once', async () => {
    const storage = await createTestStorage(edition);
    const run = (...args: string[]) =>
      headframe(['alerts', ...args], { cwd: folder.path, env: { DATABASE_URL: storage.url } });
    const ids = async (...args: string[]) =>
      (JSON.parse((await run('list', '--json', ...args)).stdout) as { id: number }[]).map(({ id }) => id);
    try {
      expect(await run('list')).toMatchObject({ code: 0, stdout: 'no open alerts\n' });
      await storage.sites.ensureSite('south');
      await storage.query(`
        insert into alerts (rule_id, site_id, kind, severity, message, triggered_at, resolved_at)
        select n, site_id, 'offline', 'warning', E'a\\n\\u001b[31mb', to_timestamp(n), case n when 3 then now() end
        from generate_series(1, 3) n join sites on name = 'north'`);
      const table = await run('list');
      expect(table.stdout).toMatch(/^id +level +state +site +kind +incident +since +message$/m);
      expect(table.stdout).toContain(
        '\n1   warning  open   north  offline  -         1970-01-01T00:00:01.000Z  a \\u001b[31mb\n',
      );
      expect(await ids()).toEqual([2, 1]);
      expect(await ids('--all', '--site', 'north')).toEqual([2, 1, 3]);
      expect(await ids('--site', 'south')).toEqual([]);
      const nowhere = await run('list', '--site', 'west');
      expect(nowhere).toMatchObject({ code: 1, stdout: '' });
      expect(nowhere.stderr).toContain('there is no site "west"');

      const first = await run('ack', '1', '--note', 'fan ordered');
      expect(first).toMatchObject({ code: 0, stdout: 'alert 1 is acknowledged\n', stderr: '' });
      const again = await run('ack', '1', '--note', 'another');
      expect(again.stdout).toMatch(/^alert 1 was acknowledged by \S+ at \S+Z\n$/);
      expect(await run('ack', '9')).toMatchObject({ code: 1, stdout: 'there is no alert 9\n' });
      expect((await run('ack', '2', '--note', 'two\nlines')).code).toBe(2);
      const states = await storage.query(
        'select note, acknowledged_at is null as is_open from alerts order by alert_id',
      );
      expect(states.slice(0, 2)).toEqual([
        { note: 'fan ordered', is_open: false },
        { note: null, is_open: true },
      ]);
    } finally {
      await storage.close();
    }
  }, 60_000);
});

describe('on the embedded database', () => {
  it('looking for keys makes no database', async () => {
    const { code, stderr } = await headframe(['keys', 'list'], { cwd: folder.path });
    expect(code).toBe(78);
    expect(stderr).toContain('there is no embedded database in data/postgres yet');
    expect(existsSync(join(folder.path, 'data'))).toBe(false);
  });

  it('keys are made, listed and revoked, and no server is left', async () => {
    const data = join(folder.path, 'embedded');
    await exerciseKeys((...args) => headframe([...args, '--data-dir', data]));
    const migrated = await headframe(['migrate', '--data-dir', data]);
    expect(migrated).toMatchObject({ code: 0, stderr: '' });
    expect(migrated.stdout).toMatch(/^schema version \d+ on plain PostgreSQL\n$/);
    expect(processesNaming(data)).toEqual([]);
  }, 60_000);
});

describe.each(testEditions())('on DATABASE_URL, %s', (edition) => {
  let database: TestDatabase;

  beforeAll(async () => {
    database = await createTestDatabase({ edition });
  });

  afterAll(async () => {
    await database.drop();
  });

  it('a database is migrated by name only, then serves keys', async () => {
    const run = (...args: string[]) => headframe(args, { env: { DATABASE_URL: database.url } });
    const early = await run('keys', 'list');
    expect(early).toMatchObject({ code: 1, stdout: '' });
    expect(early.stderr).toContain('headframe migrate');

    const migrated = await run('migrate');
    expect(migrated).toMatchObject({ code: 0, stderr: '' });
    expect(migrated.stdout).toMatch(edition === 'plain' ? /on plain PostgreSQL$/m : /on TimescaleDB \(/);
    expect(await run('migrate')).toEqual(migrated);
    await exerciseKeys(run);
  }, 60_000);
});
