import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { headframe, makeOpenFolder } from '../support/cli.js';
import { testEditions } from '../support/database.js';
import { createPeopleBench, type PeopleBench } from '../support/people.js';

/** What may be changed, and is listed row by row. */
const tables = [
  'users',
  'sessions',
  'api_tokens',
  'collector_keys',
  'alert_rules',
  'maintenance_windows',
  'notifiers',
  'site_plans',
];

interface Step {
  readonly method: string;
  readonly path: string;
  readonly body?: object;
  /** What the log calls it. */
  readonly action: string;
}

describe.each(testEditions())('a change and its line of the audit log on %s', (edition) => {
  let bench: PeopleBench;
  let folder: Awaited<ReturnType<typeof makeOpenFolder>>;
  let siteId: number;
  beforeAll(async () => {
    [bench, folder] = await Promise.all([
      createPeopleBench(edition, { options: { localAccess: 'admin' } }),
      makeOpenFolder(),
    ]);
    siteId = bench.storage.key.siteId;
    await bench.storage.query(`
      create function refuse_line() returns trigger language plpgsql as $$ begin raise 'no line today'; end $$;
      create trigger refuses before insert on audit_log for each row execute function refuse_line();
      alter table audit_log disable trigger refuses`);
  });
  afterAll(() => Promise.all([bench.close(), folder.remove()]));

  const state = async (): Promise<string> => {
    const parts = await Promise.all(
      // When a session or key was seen last is no change.
      tables.map((name) =>
        bench.storage.query(
          `select to_jsonb(t) - 'last_used_at' - 'last_seen_at' as row from ${name} t order by to_jsonb(t)::text`,
        ),
      ),
    );
    return JSON.stringify(parts);
  };
  const lines = (): Promise<
    { action: string; target: string; before: object | null; after: object | null }[]
  > => bench.storage.query('select action, target, before, after from audit_log order by audit_id');
  const refusing = async <T>(work: () => Promise<T>): Promise<T> => {
    await bench.storage.query('alter table audit_log enable trigger refuses');
    try {
      return await work();
    } finally {
      await bench.storage.query('alter table audit_log disable trigger refuses');
    }
  };
  const latest = async (table: string, column: string): Promise<number> => {
    const [row] = await bench.storage.query<{ id: number }>(`select max(${column}) as id from ${table}`);
    return row?.id ?? 0;
  };

  /** Refused as a whole without its line; done with it. */
  async function expectTogether(step: Step, cookie: string | null = null): Promise<object | null> {
    const ask = () =>
      bench.ask(step.method, step.path, {
        body: step.body ?? {},
        ...(cookie === null ? {} : { cookie }),
      });
    const before = await state();
    const count = (await lines()).length;
    const refused = await refusing(ask);
    expect([step.action, refused.status >= 500]).toEqual([step.action, true]);
    expect([step.action, await state()]).toEqual([step.action, before]);
    const done = await ask();
    expect([step.action, done.status]).toEqual([step.action, 200]);
    expect([step.action, await state()]).not.toEqual([step.action, before]);
    const added = (await lines()).slice(count);
    expect(added.filter(({ action }) => action === step.action)).toHaveLength(1);
    return added.find(({ action }) => action === step.action) ?? null;
  }

  const rule = () => ({
    site_id: siteId,
    kind: 'temperature',
    severity: 'critical',
    threshold: 90,
    clear_threshold: null,
    duration_s: 60,
    cooldown_s: 600,
  });
  const notifier = () => ({
    site_id: siteId,
    name: 'hook',
    target: { kind: 'webhook', url: 'https://hooks.example.com/very/secret' },
    secret: null,
    min_severity: 'warning',
    max_per_hour: 10,
    enabled: true,
  });
  const window = () => ({
    site_id: siteId,
    starts_at: new Date(Date.now() + 60_000).toISOString(),
    ends_at: new Date(Date.now() + 120_000).toISOString(),
    reason: 'cleaning',
  });

  test('of users, tokens and keys', async () => {
    const user = { name: 'ana', role: 'admin', password: 'correct horse battery', site_ids: null };
    expect(
      await expectTogether({ method: 'POST', path: '/api/users', body: user, action: 'user.create' }),
    ).toMatchObject({ before: null, after: { name: 'ana', role: 'admin' } });
    const ana = await latest('users', 'user_id');
    await bench.ask('POST', '/api/users', { body: { ...user, name: 'bo' } });
    const bo = await latest('users', 'user_id');
    const change = { role: 'operator', site_ids: [siteId], disabled: false };
    expect(
      await expectTogether({ method: 'PUT', path: `/api/users/${bo}`, body: change, action: 'user.update' }),
    ).toMatchObject({
      target: `user ${bo}`,
      before: { role: 'admin', site_ids: null },
      after: { role: 'operator', site_ids: [siteId] },
    });
    const password = { password: 'another long password' };
    expect(
      await expectTogether({
        method: 'POST',
        path: `/api/users/${bo}/password`,
        body: password,
        action: 'user.password',
      }),
    ).toMatchObject({ target: `user ${bo}`, before: null, after: null });
    const cookie = await bench.login('ana', 'correct horse battery');
    const token = { label: 'night', role: 'viewer', days: 3 };
    expect(
      await expectTogether(
        { method: 'POST', path: '/api/auth/tokens', body: token, action: 'api_token.create' },
        cookie,
      ),
    ).toMatchObject({ after: { label: 'night', user_id: ana } });
    const first = await latest('api_tokens', 'token_id');
    await expectTogether(
      { method: 'DELETE', path: `/api/auth/tokens/${first}`, action: 'api_token.revoke' },
      cookie,
    );
    await bench.ask('POST', '/api/auth/tokens', { body: token, cookie });
    const tokenId = await latest('api_tokens', 'token_id');
    expect(
      await expectTogether({
        method: 'DELETE',
        path: `/api/tokens/${tokenId}`,
        action: 'api_token.revoke',
      }),
    ).toMatchObject({ target: `api_token ${tokenId}`, before: { label: 'night' }, after: null });
    const own = { password: 'correct horse battery', new_password: 'a third long password' };
    await expectTogether(
      { method: 'POST', path: '/api/auth/password', body: own, action: 'user.password' },
      cookie,
    );
    const key = { site_id: siteId, label: 'edge' };
    expect(
      await expectTogether({
        method: 'POST',
        path: '/api/collector/keys',
        body: key,
        action: 'collector_key.create',
      }),
    ).toMatchObject({ after: { site_id: siteId, label: 'edge' } });
    const keyId = await latest('collector_keys', 'key_id');
    await expectTogether({
      method: 'DELETE',
      path: `/api/collector/keys/${keyId}`,
      action: 'collector_key.revoke',
    });
    expect(JSON.stringify(await lines())).not.toMatch(
      /hst_[A-Za-z0-9_-]{20}|hsc_[A-Za-z0-9_-]{20}|scrypt|horse/,
    );
  });

  test('of plans', async () => {
    const path = `/api/collector/sites/${siteId}/plan`;
    const plan = { ranges: ['10.1.0.0/24'], version: 0 };
    expect(
      await expectTogether({ method: 'PUT', path, body: plan, action: 'site_plan.create' }),
    ).toMatchObject({
      target: `site_plan ${siteId}`,
      before: null,
      after: { version: 1, ranges: plan.ranges },
    });
    const next = { ranges: ['10.2.0.0/24'], version: 1 };
    expect(
      await expectTogether({ method: 'PUT', path, body: next, action: 'site_plan.update' }),
    ).toMatchObject({
      before: { version: 1, ranges: plan.ranges },
      after: { version: 2, ranges: next.ranges },
    });
  });

  test('of rules, windows and notifiers', async () => {
    const base = '/api/collector';
    await expectTogether({
      method: 'POST',
      path: `${base}/alert-rules`,
      body: rule(),
      action: 'alert_rule.create',
    });
    const ruleId = await latest('alert_rules', 'rule_id');
    const changed = { ...rule(), threshold: 95, version: 1 };
    expect(
      await expectTogether({
        method: 'PUT',
        path: `${base}/alert-rules/${ruleId}`,
        body: changed,
        action: 'alert_rule.update',
      }),
    ).toMatchObject({
      target: `alert_rule ${ruleId}`,
      before: { threshold: 90 },
      after: { threshold: 95, version: 2 },
    });
    await expectTogether({
      method: 'DELETE',
      path: `${base}/alert-rules/${ruleId}`,
      action: 'alert_rule.delete',
    });
    await expectTogether({
      method: 'POST',
      path: `${base}/maintenance-windows`,
      body: window(),
      action: 'maintenance_window.create',
    });
    const windowId = await latest('maintenance_windows', 'window_id');
    await expectTogether({
      method: 'DELETE',
      path: `${base}/maintenance-windows/${windowId}`,
      action: 'maintenance_window.delete',
    });
    await expectTogether({
      method: 'POST',
      path: `${base}/notifiers`,
      body: notifier(),
      action: 'notifier.create',
    });
    const id = await latest('notifiers', 'notifier_id');
    expect(
      await expectTogether({
        method: 'PUT',
        path: `${base}/notifiers/${id}`,
        body: { ...notifier(), max_per_hour: 20, version: 1 },
        action: 'notifier.update',
      }),
    ).toMatchObject({ after: { max_per_hour: 20, target: { url: 'https://hooks.example.com/…' } } });
    await expectTogether({ method: 'DELETE', path: `${base}/notifiers/${id}`, action: 'notifier.delete' });
    expect(JSON.stringify(await lines())).not.toContain('very/secret');
  });

  test('of the command line', async () => {
    const env = { DATABASE_URL: bench.storage.url };
    const run = (...args: string[]) => headframe(args, { env, cwd: folder.path });
    const before = await state();
    const key = ['keys', 'create', '--site', 'north'];
    expect((await refusing(() => run(...key))).code).not.toBe(0);
    const token = ['tokens', 'create', 'ana', '--label', 'x'];
    expect((await refusing(() => run(...token))).code).not.toBe(0);
    expect((await refusing(() => run('users', 'disable', 'bo'))).code).not.toBe(0);
    expect(await state()).toBe(before);
    for (const args of [token, ['users', 'disable', 'bo']]) expect((await run(...args)).code).toBe(0);
    expect((await lines()).slice(-2)).toMatchObject([
      { action: 'api_token.create' },
      { action: 'user.update', before: { disabled_at: null } },
    ]);
  }, 60_000);

  test('of two admins who disable each other at once, one stays', async () => {
    const admin = { role: 'admin', site_ids: null } as const;
    const { users } = bench.store;
    for (let round = 0; round < 10; round++) {
      const [one, two] = [
        await users.create(`one ${round}`, admin, null),
        await users.create(`two ${round}`, admin, null),
      ];
      // Nobody else is one.
      await bench.storage.query(
        `update users set role = 'viewer' where user_id not in (${one.user_id}, ${two.user_id})`,
      );
      const outcomes = await Promise.allSettled([
        users.update(one.user_id, admin, true),
        users.update(two.user_id, { role: 'viewer', site_ids: null }, false),
      ]);
      expect(outcomes.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
      const left = await bench.storage.query(
        `select from users where role = 'admin' and disabled_at is null and site_ids is null`,
      );
      expect(left).toHaveLength(1);
    }
  });
});
