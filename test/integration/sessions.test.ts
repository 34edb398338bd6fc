import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { PasswordHasher, hashSecret } from '../../src/storage/secrets.js';
import { testEditions } from '../support/database.js';
import { waitFor } from '../support/wait.js';
import { createPeopleBench, type PeopleBench } from '../support/people.js';

const password = 'correct horse battery';
const usedAfter = (ms: number): string =>
  `select 1 from sessions where used_at > '${new Date(ms).toISOString()}'`;

describe.each(testEditions())('signing in on %s', (edition) => {
  let bench: PeopleBench;
  /** Ahead of the real clock, ms. */
  let aheadMs = 0;
  beforeAll(async () => {
    bench = await createPeopleBench(edition, {
      deps: { now: () => Date.now() + aheadMs },
      options: { logins: { perAddress: 1_000, perName: 3, windowS: 60 }, principalTtlMs: 0 },
    });
    const hash = await new PasswordHasher().hash(password);
    await bench.store.users.create('Ana', { role: 'admin', site_ids: null }, hash);
    await bench.store.users.create('bo', { role: 'viewer', site_ids: [bench.storage.key.siteId] }, hash);
    await bench.store.users.create('cy', { role: 'viewer', site_ids: null }, hash);
  });
  afterAll(() => bench.close());
  const me = (cookie: string) => bench.ask('GET', '/api/auth/me', { cookie });

  test('gives a session that says who one is, until one signs out', async () => {
    expect(await bench.ask('GET', '/api/auth/me')).toMatchObject({
      status: 401,
      body: { code: 'LOGIN_REQUIRED' },
    });
    const cookie = await bench.login('ana', password);
    expect(await me(cookie)).toMatchObject({
      status: 200,
      body: { data: { kind: 'user', name: 'Ana', role: 'admin', site_ids: null } },
    });
    expect((await bench.ask('GET', '/api/collector/sites', { cookie })).status).toBe(200);
    expect((await bench.ask('POST', '/api/auth/logout', { cookie, body: {} })).status).toBe(200);
    expect((await me(cookie)).status).toBe(401);
  });

  test('keeps nothing of the secret or password that would open anything', async () => {
    const cookie = await bench.login('ana', password);
    const secret = cookie.split('=')[1] ?? '';
    const kept = JSON.stringify([
      await bench.storage.query('select * from users'),
      await bench.storage.query(`select encode(session_hash, 'hex') as hash, address from sessions`),
      await bench.storage.query('select * from audit_log'),
    ]);
    expect(kept).toContain(hashSecret(secret).toString('hex'));
    expect(kept).toContain('scrypt$15$8$3$');
    expect(kept).not.toContain(secret);
    expect(kept).not.toContain(password);
  });

  test('refuses a wrong password, a name that is none and a disabled user alike', async () => {
    const failed = { status: 401, body: { code: 'LOGIN_FAILED', error: 'Wrong name or password' } };
    const attempt = (name: string, text: string) =>
      bench.ask('POST', '/api/auth/login', { body: { name, password: text } });
    expect(await attempt('ana', 'wrong')).toMatchObject(failed);
    expect(await attempt('nobody', password)).toMatchObject(failed);
    const cy = await bench.store.users.findByName('cy');
    const cookie = await bench.login('cy', password);
    await bench.store.users.update(cy?.user_id ?? 0, { role: 'viewer', site_ids: null }, true);
    expect((await me(cookie)).status).toBe(401);
    expect(await attempt('cy', password)).toMatchObject(failed);
  });

  test('makes a name wait after some failures, and takes back those before a success', async () => {
    const attempt = (text: string) =>
      bench.ask('POST', '/api/auth/login', { body: { name: 'bo', password: text } });
    for (const text of ['a', 'b', password, 'c', 'd', 'e']) {
      expect((await attempt(text)).status).toBe(text === password ? 200 : 401);
    }
    const late = await attempt(password);
    expect(late).toMatchObject({ status: 429, body: { code: 'RATE_LIMITED' } });
    expect(Number(late.headers['retry-after'])).toBeGreaterThan(0);
  });

  test('makes who has a session wait too, before it can guess the password and take the account', async () => {
    const hash = await new PasswordHasher().hash(password);
    await bench.store.users.create('dee', { role: 'viewer', site_ids: null }, hash);
    const cookie = await bench.login('dee', password);
    const change = async (text: string) => {
      const body = { password: text, new_password: 'another long password' };
      return (await bench.ask('POST', '/api/auth/password', { cookie, body })).status;
    };
    const statuses: number[] = [];
    for (const text of ['a', 'b', 'c', password]) statuses.push(await change(text));
    expect(statuses).toEqual([403, 403, 403, 429]);
    const lines = await bench.storage.query<{ actor: string }>(
      `select actor from audit_log where action = 'user.password_refuse'`,
    );
    expect(lines.map((line) => line.actor)).toEqual(['dee', 'dee', 'dee']);
  });

  test('takes a new session each time and ends the one before; several browsers have theirs', async () => {
    const first = await bench.login('ana', password);
    const other = await bench.login('ana', password);
    const again = await bench.ask('POST', '/api/auth/login', {
      cookie: first,
      body: { name: 'ana', password },
    });
    expect(again.status).toBe(200);
    expect((await me(first)).status).toBe(401);
    expect((await me(other)).status).toBe(200);
  });

  test('keeps ten sessions of a user at most: one more ends the oldest', async () => {
    const cookies: string[] = [];
    for (let n = 0; n < 11; n++) cookies.push(await bench.login('ana', password));
    expect((await me(cookies[0] ?? '')).status).toBe(401);
    expect((await me(cookies[1] ?? '')).status).toBe(200);
  });

  test('ends a session that is not used, and one that is used for too long', async () => {
    const hourMs = 3_600_000;
    const idle = await bench.login('ana', password);
    const used = await bench.login('ana', password);
    try {
      for (let hours = 11; hours < 167; hours += 11) {
        aheadMs = hours * hourMs;
        expect((await me(used)).status, `${hours} h`).toBe(200);
        const isNoted = async () =>
          (await bench.storage.query(usedAfter(Date.now() + aheadMs - hourMs))).length > 0;
        await waitFor('its use', isNoted);
      }
      expect((await me(idle)).status).toBe(401);
      aheadMs = 169 * hourMs;
      expect((await me(used)).status).toBe(401);
    } finally {
      aheadMs = 0;
    }
  });

  test('and all that changes is refused to pages of elsewhere', async () => {
    const cookie = await bench.login('ana', password);
    const host = new URL(bench.api.url).host;
    const statuses = async (path: string, body: object) => {
      const from = async (headers: Record<string, string>) =>
        (await bench.ask('POST', path, { cookie, body, headers })).status;
      return [
        await from({ origin: 'https://evil.example' }),
        await from({ origin: `http://${host}`, 'sec-fetch-site': 'cross-site' }),
        await from({ 'sec-fetch-site': 'same-site' }),
        await from({ 'content-type': 'text/plain' }),
        await from({ origin: `http://${host}`, 'sec-fetch-site': 'same-origin' }),
      ];
    };
    expect(await statuses('/api/collector/alert-rules', {})).toEqual([403, 403, 403, 403, 400]);
    expect(await statuses('/api/auth/login', { name: 'ana', password })).toEqual([403, 403, 403, 403, 200]);
  });

  test('is in the audit log: begun, refused, ended; and the log only grows', async () => {
    const log = await bench.store.audit.page({
      siteIds: null,
      actor: null,
      action: 'session.',
      fromMs: null,
      toMs: null,
      before: null,
      limit: 500,
    });
    const actions = log.map(({ action }) => action);
    for (const action of ['session.begin', 'session.refuse', 'session.end'])
      expect(actions).toContain(action);
    expect(
      log.every((line) => line.address === '127.0.0.1' && /^[0-9a-f-]{36}$/.test(line.request_id ?? '')),
    ).toBe(true);
    for (const statement of [
      'delete from audit_log',
      `update audit_log set actor = 'x'`,
      'truncate audit_log',
      'delete from audit_log where false',
      `set session_replication_role = replica; delete from audit_log`,
    ])
      await expect(bench.storage.query(statement), statement).rejects.toThrow(/is refused/);
  });

  test('without TLS is for names of this machine, and opens nothing to a collector’s key', async () => {
    const elsewhere = { headers: { host: 'farm.example' }, body: { name: 'ana', password } };
    expect(await bench.ask('POST', '/api/auth/login', elsewhere)).toMatchObject({
      status: 403,
      body: { error: expect.stringContaining('tls.cert') as string },
    });
    const { key } = await bench.store.keys.create(await bench.storage.sites.ensureSite('south'));
    const as = (headers: Record<string, string>, path = '/api/collector/sites') =>
      bench.ask('GET', path, { headers });
    expect((await as({ 'x-collector-key': key })).status).toBe(401);
    expect((await as({ authorization: `Bearer ${key}` })).status).toBe(401);
    const upload = await bench.ask('POST', '/api/collector/upload', {
      cookie: await bench.login('ana', password),
      body: [],
    });
    expect(upload).toMatchObject({ status: 401, body: { code: 'KEY_MISSING' } });
    expect((await as({}, '/api/no/such/route')).status).toBe(404);
  });

  test('behind a trusted proxy takes its word for address, name and TLS, and nobody is local', async () => {
    const options = { trustProxy: 'loopback', localAccess: 'admin', principalTtlMs: 0 } as const;
    const own = await createPeopleBench(edition, { options });
    try {
      const hash = await new PasswordHasher().hash(password);
      await own.store.users.create('ana', { role: 'admin', site_ids: null }, hash);
      expect((await own.ask('GET', '/api/auth/me')).status).toBe(401);
      const forwarded = {
        'x-forwarded-for': '203.0.113.9',
        'x-forwarded-proto': 'https',
        'x-forwarded-host': 'farm.example',
        origin: 'https://farm.example',
      };
      const body = { name: 'ana', password };
      const answer = await own.ask('POST', '/api/auth/login', { body, headers: forwarded });
      expect(answer.status).toBe(200);
      const [cookie = ''] = answer.headers['set-cookie'] ?? [];
      expect(cookie).toMatch(/^__Host-headframe=[^;]{43};.* Path=\/;.* HttpOnly; Secure; SameSite=Lax$/);
      const [line] = await own.storage.query<{ address: string }>('select address from audit_log');
      expect(line?.address).toBe('203.0.113.9');
    } finally {
      await own.close();
    }
  });
});
