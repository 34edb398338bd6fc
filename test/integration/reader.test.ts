import { randomBytes } from 'node:crypto';
import postgres from 'postgres';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { migrate } from '../../src/storage/migrate.js';
import { readable, scramVerifier } from '../../src/storage/reader-grants.js';
import { headframe, makeOpenFolder } from '../support/cli.js';
import { testEditions } from '../support/database.js';
import { fillSite } from '../support/filled-site.js';
import { createTestStorage, silent, type TestStorage } from '../support/storage.js';

let folder: Awaited<ReturnType<typeof makeOpenFolder>>;
beforeAll(async () => {
  folder = await makeOpenFolder();
});
afterAll(() => folder.remove());

it('makes of a password what PostgreSQL keeps of it', () => {
  // Of RFC 7677's example: user, pencil.
  const salt = Buffer.from('W22ZaJ0SNY7soEsUEjb6gQ==', 'base64');
  expect(scramVerifier('pencil', salt)).toBe(
    'SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=',
  );
});

describe.each(testEditions())('db reader on %s', (edition) => {
  const role = `reader_${randomBytes(6).toString('hex')}`;
  let storage: TestStorage;
  let password: string;

  const settle = (...args: string[]) =>
    headframe(['db', 'reader', role, ...args], { cwd: folder.path, env: { DATABASE_URL: storage.url } });
  /** Runs `text` on a connection of the reader's own. */
  const asReader = async (text: string): Promise<Record<string, unknown>[]> => {
    const url = new URL(storage.url);
    url.username = role;
    url.password = password;
    const sql = postgres(url.href, { max: 1, onnotice: () => undefined });
    try {
      return [...(await sql.unsafe(text))];
    } finally {
      await sql.end({ timeout: 2 });
    }
  };

  beforeAll(async () => {
    storage = await createTestStorage(edition);
    await fillSite(storage);
    const made = await settle('--statement-timeout-s', '2');
    expect(made).toMatchObject({ code: 0, stdout: expect.stringMatching(/^[\w-]{32}\n$/) as string });
    password = made.stdout.trim();
  });
  afterAll(async () => {
    await storage.query(`drop owned by ${role}; drop role ${role}`);
    await storage.close();
  });

  it('reads everything that dashboards show', async () => {
    for (const [table, columns] of Object.entries(readable))
      await asReader(`select ${columns === 'all' ? '*' : columns.join(', ')} from ${table} limit 1`);
    const [row] = await asReader('select count(*)::int as n from miner_telemetry_history');
    expect(row).toMatchObject({ n: expect.any(Number) as number });
    expect(row?.n).toBeGreaterThan(2_000);
  });

  it('reads no secret, and no column that is not on the list', async () => {
    for (const text of [
      'select password_hash from users',
      'select name from users',
      'select session_hash from sessions',
      'select token_hash from api_tokens',
      'select key_hash from collector_keys',
      'select * from audit_log',
      'select params from miner_commands',
      'select result from miner_commands',
      'select params from command_batches',
      'select target from notifiers',
      'select payload from notification_outbox',
      'select body from miner_raw_replies',
      'select sample_reply from reply_quirks',
    ])
      await expect(asReader(text), text).rejects.toMatchObject({ code: '42501' });
    const open = await storage.query<{ table_name: string; column_name: string }>(`
      select table_name, column_name from information_schema.columns
      where table_schema = 'public'
        and has_column_privilege('${role}', quote_ident(table_name), column_name, 'select')
        and table_name !~ '_p?\\d+$'`);
    const beyond = open.filter(({ table_name, column_name }) => {
      const columns = readable[table_name] ?? [];
      return columns !== 'all' && !columns.includes(column_name);
    });
    expect(beyond).toEqual([]);
  });

  it('writes nothing, even where it lifts its own limits', async () => {
    await expect(asReader('delete from sites')).rejects.toMatchObject({ code: '25006' });
    const lifted = 'set transaction read write; ';
    for (const text of [
      'delete from sites',
      "insert into miners (site_id, key, first_seen) values (1, 'x', now())",
    ])
      await expect(asReader(lifted + text), text).rejects.toMatchObject({ code: '42501' });
  });

  it('is cut off after its time', async () => {
    await expect(asReader('select pg_sleep(20)')).rejects.toMatchObject({ code: '57014' });
  });

  it('has its rights renewed by a migration, after a restore that left them behind', async () => {
    await storage.query(`revoke all on all tables in schema public from ${role}`);
    await expect(asReader('select name from sites')).rejects.toMatchObject({ code: '42501' });
    await migrate(storage.url, { log: silent, intervalS: 10 });
    expect(await asReader('select name from sites')).toEqual([{ name: 'north' }]);
  });

  it('takes a password from a file', async () => {
    const { code, stdout, stderr } = await settle('--password-file', '/dev/null');
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toContain('10 characters');
  });

  it('tells what an administrator must run where roles may not be made, and migrates all the same', async () => {
    const owner = `owner_${randomBytes(6).toString('hex')}`;
    const other = `reader_${randomBytes(6).toString('hex')}`;
    const [{ name } = { name: '' }] = await storage.query<{ name: string }>(
      'select current_database() as name',
    );
    await storage.query(`create role ${owner} login password 'owner'; grant all on database ${name} to ${owner}; grant all on schema public to ${owner};
      grant all on all tables in schema public to ${owner}`);
    try {
      const url = new URL(storage.url);
      url.username = owner;
      url.password = 'owner';
      const env = { DATABASE_URL: url.href };
      const refused = await headframe(['db', 'reader', other], { cwd: folder.path, env });
      expect(refused).toMatchObject({ code: 1, stdout: '' });
      expect(refused.stderr).toContain(`create role "${other}" login connection limit 10`);
      await storage.query(`create role ${other} login`);
      const notOwner = await headframe(['db', 'reader', other], { cwd: folder.path, env });
      expect(notOwner).toMatchObject({ code: 1, stdout: '' });
      expect(notOwner.stderr).toContain('does not own the tables');
      // Lost rights that this role cannot give back are no reason not to start.
      await storage.query(`revoke all on all tables in schema public from ${role}`);
      await migrate(url.href, { log: silent, intervalS: 10 });
    } finally {
      await storage.query(`drop owned by ${owner}; drop role ${owner}; drop role if exists ${other}`);
    }
  });
});
