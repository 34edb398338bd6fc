import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { headframe, makeOpenFolder, type Ended } from '../support/cli.js';
import { testEditions } from '../support/database.js';
import { createPeopleBench, type PeopleBench } from '../support/people.js';

describe.each(testEditions())('headframe users and tokens on %s', (edition) => {
  let bench: PeopleBench;
  let folder: Awaited<ReturnType<typeof makeOpenFolder>>;
  let file: string;
  const password = 'correct horse battery';
  beforeAll(async () => {
    [bench, folder] = await Promise.all([createPeopleBench(edition), makeOpenFolder()]);
    file = join(folder.path, 'password');
    writeFileSync(file, `${password}\nmore\n`);
  });
  afterAll(() => Promise.all([bench.close(), folder.remove()]));
  const run = (...args: string[]): Promise<Ended> =>
    headframe(args, { env: { DATABASE_URL: bench.storage.url }, cwd: folder.path });

  it('add a user who can sign in, change the password, and disable them', async () => {
    expect(await run('users', 'add', 'ana', '--role', 'admin', '--password-file', file)).toEqual({
      code: 0,
      stdout: 'user 1 is added: ana, admin of all sites\n',
      stderr: '',
    });
    expect((await run('users', 'add', 'bo', '--site', 'north', '--password-file', file)).code).toBe(0);
    const cookie = await bench.login('ana', password);
    writeFileSync(join(folder.path, 'other'), 'another long one');
    const set = await run('users', 'passwd', 'ana', '--password-file', join(folder.path, 'other'));
    expect(set).toMatchObject({ code: 0, stdout: expect.stringContaining('is set') as string });
    await expect(bench.login('ana', password)).rejects.toThrow('LOGIN_FAILED');
    expect(await bench.login('ana', 'another long one')).not.toBe(cookie);
    expect((await run('users', 'disable', 'bo')).stdout).toBe('user bo is disabled\n');
    await expect(bench.login('bo', password)).rejects.toThrow('LOGIN_FAILED');
    const list = await run('users', 'list', '--json');
    expect(JSON.parse(list.stdout)).toMatchObject([
      { name: 'ana', role: 'admin', site_ids: null, disabled_at: null },
      { name: 'bo', role: 'viewer', site_ids: [bench.storage.key.siteId] },
    ]);
    expect((await run('users', 'list')).stdout).toMatch(/ana +admin +all +enabled/);
  }, 60_000);

  it('refuse what would lock everybody out, a name twice, a short password, and one without a terminal', async () => {
    const stderrOf = async (...args: string[]) => {
      const { code, stderr } = await run(...args);
      return [code, stderr];
    };
    expect(await stderrOf('users', 'disable', 'ana')).toEqual([
      1,
      'headframe: No admin of all sites would be left\n',
    ]);
    expect(await stderrOf('users', 'add', 'ANA', '--password-file', file)).toEqual([
      1,
      'headframe: There is a user of this name\n',
    ]);
    writeFileSync(join(folder.path, 'short'), 'short');
    const [, short] = await stderrOf('users', 'add', 'cy', '--password-file', join(folder.path, 'short'));
    expect(short).toContain('10 characters or more');
    const [, none] = await stderrOf('users', 'add', 'cy');
    expect(none).toContain('--password-file');
    expect((await run('users', 'add', 'cy', '--password', 'x')).code).toBe(2);
  }, 60_000);

  it('make a token that works alone, shown once, until it is revoked', async () => {
    const made = await run(
      'tokens',
      'create',
      'ana',
      '--label',
      'night',
      '--role',
      'viewer',
      '--site',
      'north',
    );
    const token = made.stdout.trim();
    expect(token).toMatch(/^hst_[A-Za-z0-9_-]{43}$/);
    expect(made.stderr).toContain('not shown again');
    expect(await bench.ask('GET', '/api/auth/me', { token })).toMatchObject({
      status: 200,
      body: {
        data: { kind: 'token', name: 'token:night', role: 'viewer', site_ids: [bench.storage.key.siteId] },
      },
    });
    const list = (await run('tokens', 'list', '--json')).stdout;
    expect(list).not.toContain(token);
    expect(JSON.parse(list)).toMatchObject([{ token_id: 1, user_name: 'ana', prefix: token.slice(0, 8) }]);
    expect((await run('tokens', 'revoke', '1')).code).toBe(0);
    expect((await run('tokens', 'revoke', '1')).code).toBe(1);
    expect(JSON.stringify(await bench.storage.query('select * from api_tokens'))).not.toContain(token);
  }, 60_000);

  it('leave a line in the audit log each, without the secret', async () => {
    const rows = await bench.storage.query<{ action: string; actor: string }>(
      `select action, actor, after::text from audit_log where actor like 'command:%' order by audit_id`,
    );
    expect(rows.map(({ action }) => action)).toEqual([
      'user.create',
      'user.create',
      'user.password',
      'user.update',
      'api_token.create',
      'api_token.revoke',
    ]);
    expect(JSON.stringify(rows)).not.toMatch(/hst_[A-Za-z0-9_-]{20}|scrypt|horse/);
  });
});
