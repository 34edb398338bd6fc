import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { configSchema } from '../../src/config/schema.js';
import { oidcOf } from '../../src/roles/oidc.js';
import type { OidcDeps } from '../../src/api/oidc.js';
import { testEditions } from '../support/database.js';
import { resetProvider, startTestProvider, testClient, type TestProvider } from '../support/oidc-provider.js';
import { ask, createPeopleBench, type Answer, type PeopleBench } from '../support/people.js';

const start = '/api/auth/oidc/start';
const callback = '/api/auth/oidc/callback';
const deadlineMs = 1_000;
/** As browsers name the api: the provider is not told which port the test listens on. */
const redirectUrl = `http://127.0.0.1:1${callback}`;

const providerDeps = (issuer: string, settings: object = {}): OidcDeps => {
  const config = configSchema.parse({
    oidc: {
      issuer,
      client_id: testClient.id,
      client_secret: testClient.secret,
      redirect_url: redirectUrl,
      deadline_ms: deadlineMs,
      roles: [
        { value: 'miners-admin', role: 'admin' },
        { value: 'miners-ops', role: 'operator', sites: ['site', 'not there yet'] },
      ],
      ...settings,
    },
  });
  const deps = oidcOf(config);
  if (deps === null) throw new Error('not configured');
  return deps;
};

/** Cookies as a browser keeps them, and redirects followed by hand between the two servers. */
class Browser {
  readonly cookies = new Map<string, string>();
  readonly #api: string;

  constructor(api: string) {
    this.#api = api;
  }

  async open(path: string): Promise<Answer> {
    const cookie = [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    const answer = await ask(this.#api, 'GET', path, cookie === '' ? {} : { cookie });
    for (const line of [answer.headers['set-cookie'] ?? []].flat()) {
      const [pair = ''] = line.split(';');
      const at = pair.indexOf('=');
      if (/Expires=Thu, 01 Jan 1970/.test(line)) this.cookies.delete(pair.slice(0, at));
      else this.cookies.set(pair.slice(0, at), pair.slice(at + 1));
    }
    return answer;
  }

  /** Goes to the provider; answers the path it sends back to. */
  async visit(): Promise<string> {
    const begun = await this.open(start);
    expect(begun.status).toBe(303);
    const there = await fetch(String(begun.headers['location']), { redirect: 'manual' });
    const back = new URL(there.headers.get('location') ?? '');
    expect(`${back.origin}${back.pathname}`).toBe(redirectUrl);
    return `${back.pathname}${back.search}`;
  }

  async signIn(): Promise<Answer> {
    return this.open(await this.visit());
  }

  me = async (): Promise<Answer> => this.open('/api/auth/me');
}

describe.each(testEditions())('signing in through OpenID Connect on %s', (edition) => {
  let provider: TestProvider;
  let bench: PeopleBench;
  let browser: Browser;

  const limits = { perAddress: 1_000, perName: 10, windowS: 300 };
  beforeAll(async () => {
    provider = await startTestProvider();
    bench = await createPeopleBench(edition, {
      deps: { oidc: providerDeps(provider.issuer) },
      options: { principalTtlMs: 0, logins: limits },
    });
    await bench.storage.db.run('site', (sql) => sql`update sites set name = 'site'`);
  });
  afterAll(async () => {
    await bench?.close();
    await provider?.stop();
  });
  beforeEach(() => {
    resetProvider(provider);
    browser = new Browser(bench.api.url);
  });

  const lastAudit = async () => {
    const rows = await bench.store.audit.page({
      siteIds: null,
      actor: null,
      action: null,
      fromMs: null,
      toMs: null,
      before: null,
      limit: 3,
    });
    return rows.map(({ action, actor, after }) => ({ action, actor, after }));
  };

  /** Nobody is signed in, and the log says why. */
  const expectRefused = async (answer: Answer, status: number, code: string, reason: RegExp) => {
    expect(answer).toMatchObject({ status, body: { code } });
    expect(await browser.me()).toMatchObject({ status: 401 });
    const [line] = await lastAudit();
    expect(line).toMatchObject({ action: 'session.refuse', actor: '', after: { by: 'oidc' } });
    expect((line?.after as { reason: string }).reason).toMatch(reason);
  };

  test('is offered, makes a user, and begins a session with the role of the claims', async () => {
    expect(await browser.open('/api/auth/methods')).toMatchObject({
      status: 200,
      body: { data: { password: true, oidc: true } },
    });
    const answer = await browser.signIn();
    expect(answer).toMatchObject({ status: 303, headers: { location: '/' } });
    expect([...browser.cookies.keys()]).toEqual(['headframe']);
    expect((await browser.me()).body.data).toEqual({
      kind: 'user',
      name: 'ana',
      role: 'operator',
      site_ids: [bench.storage.key.siteId],
    });
    expect(await lastAudit()).toMatchObject([
      { action: 'session.begin', actor: 'ana', after: { by: 'oidc' } },
      { action: 'user.create', actor: 'ana', after: { role: 'operator' } },
    ]);
    expect(await bench.store.users.findByName('ana')).toMatchObject({ has_password: false });
  });

  test.each(['client_secret_basic', 'none'] as const)(
    'works for a client that shows itself by %s',
    async (how) => {
      const secret = how === 'none' ? { client_secret: undefined } : {};
      const own = await createPeopleBench(edition, {
        deps: {
          oidc: providerDeps(provider.issuer, { client_auth: how, default_role: 'viewer', ...secret }),
        },
      });
      try {
        browser = new Browser(own.api.url);
        provider.state.clientAuth = how;
        expect((await browser.signIn()).status).toBe(303);
        expect((await browser.me()).body.data).toMatchObject({ name: 'ana' });
        provider.state.clientAuth = 'client_secret_post';
        expect(await browser.signIn()).toMatchObject({ status: 503, body: { code: 'PROVIDER_UNAVAILABLE' } });
      } finally {
        await own.close();
      }
    },
  );

  test('takes the role anew each time, for the same user', async () => {
    await browser.signIn();
    const users = (await bench.store.users.list()).length;
    provider.state.claims['groups'] = 'miners-admin';
    provider.state.claims['preferred_username'] = 'renamed';
    expect((await browser.signIn()).status).toBe(303);
    expect((await browser.me()).body.data).toMatchObject({ name: 'ana', role: 'admin', site_ids: null });
    expect((await lastAudit())[1]).toMatchObject({ action: 'user.update', after: { role: 'admin' } });
    expect(await bench.store.users.list()).toHaveLength(users);
  });

  test('never becomes a user who only has the same name', async () => {
    const bo = await bench.store.users.create('Bo', { role: 'admin', site_ids: null }, null);
    provider.state.claims = { sub: 'u-2', preferred_username: 'bo', groups: ['miners-ops'] };
    expect((await browser.signIn()).status).toBe(303);
    const { data } = (await browser.me()).body;
    expect(data).toMatchObject({ role: 'operator' });
    expect((data as unknown as { name: string }).name).toMatch(/^bo [0-9a-f]{8}$/);
    expect(await bench.store.users.find(bo.user_id)).toMatchObject({ name: 'Bo', role: 'admin' });
  });

  test('makes one user of many first sign-ins at once', async () => {
    provider.state.claims['sub'] = 'u-many';
    provider.state.claims['preferred_username'] = 'many';
    const answers = await Promise.all(Array.from({ length: 8 }, () => new Browser(bench.api.url).signIn()));
    expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 8 }, () => 303));
    const named = (await bench.store.users.list()).filter(({ name }) => name.startsWith('many'));
    expect(named).toHaveLength(1);
  });

  test('refuses a disabled user', async () => {
    provider.state.claims['sub'] = 'u-3';
    provider.state.claims['preferred_username'] = 'cy';
    await browser.signIn();
    const user = await bench.store.users.findByName('cy');
    await bench.store.users.update(user?.user_id ?? 0, { role: 'viewer', site_ids: null }, true);
    await expectRefused(await browser.signIn(), 401, 'LOGIN_FAILED', /disabled/);
    expect(await bench.store.users.findByName('cy')).toMatchObject({ role: 'viewer' });
  });

  test('refuses who has no role here', async () => {
    provider.state.claims = { sub: 'u-4', preferred_username: 'dee', groups: ['accounts'] };
    await expectRefused(await browser.signIn(), 403, 'FORBIDDEN', /no role/);
    expect(await bench.store.users.findByName('dee')).toBeNull();
  });

  test.each([
    ['a wrong state', { state: 'x'.repeat(43) }, /OAUTH_INVALID_RESPONSE/],
    ['a wrong nonce', { nonce: 'x'.repeat(43) }, /OAUTH_JWT_CLAIM_COMPARISON_FAILED/],
    ['an ID token that has expired', { expiresInS: -120 }, /OAUTH_JWT_TIMESTAMP_CHECK_FAILED/],
    ['an ID token that another key signed', { isForged: true }, /OAUTH_INVALID_RESPONSE/],
    ['a refusal of the provider', { error: 'access_denied' }, /access_denied/],
  ])('refuses %s', async (_what, wrong, reason) => {
    Object.assign(provider.state, wrong);
    await expectRefused(await browser.signIn(), 401, 'LOGIN_FAILED', reason);
  });

  test('refuses a code that was used, with or without the cookie of then', async () => {
    const path = await browser.visit();
    const kept = new Map(browser.cookies);
    expect((await browser.open(path)).status).toBe(303);
    browser = new Browser(bench.api.url);
    await expectRefused(await browser.open(path), 401, 'LOGIN_FAILED', /not begun/);
    for (const [name, value] of kept) browser.cookies.set(name, value);
    await expectRefused(await browser.open(path), 401, 'LOGIN_FAILED', /invalid_grant/);
  });

  test('refuses the answer to what another browser began, and a cookie that is not ours', async () => {
    const path = await browser.visit();
    const other = new Browser(bench.api.url);
    await other.visit();
    const asked = provider.asked['/token'];
    expect((await other.open(path)).status).toBe(401);
    const [name = '', value = ''] = [...browser.cookies][0] ?? [];
    browser.cookies.set(
      name,
      value.replace(/^\d+/, (until) => String(Number(until) + 1)),
    );
    await expectRefused(await browser.open(path), 401, 'LOGIN_FAILED', /not begun/);
    expect(provider.asked['/token']).toBe(asked);
  });

  test('lets one address fail so often and no more', async () => {
    const strict = await createPeopleBench(edition, {
      deps: { oidc: providerDeps(provider.issuer) },
      options: { logins: { ...limits, perAddress: 2 } },
    });
    try {
      const statuses = [];
      for (let i = 0; i < 4; i++) statuses.push((await new Browser(strict.api.url).open(callback)).status);
      expect(statuses).toEqual([401, 401, 429, 429]);
    } finally {
      await strict.close();
    }
  });
});

describe('a provider that is away', () => {
  const [edition = 'plain'] = testEditions();
  let bench: PeopleBench;
  let provider: TestProvider;
  beforeAll(async () => {
    provider = await startTestProvider();
    bench = await createPeopleBench(edition, { deps: { oidc: providerDeps(provider.issuer) } });
  });
  afterAll(async () => {
    await bench?.close();
    await provider?.stop();
  });

  const unavailable = { status: 503, body: { code: 'PROVIDER_UNAVAILABLE' } };

  test('is 503 in time, at the start and at the end, and no longer once it is back', async () => {
    const begun = performance.now();
    for (const fault of ['isSilent', 'isEndless'] as const) {
      provider.state[fault] = true;
      expect(await new Browser(bench.api.url).open(start)).toMatchObject(unavailable);
      provider.state[fault] = false;
    }
    const browser = new Browser(bench.api.url);
    const path = await browser.visit();
    provider.state.isSilent = true;
    const answer = await browser.open(path);
    expect(answer).toMatchObject(unavailable);
    expect(answer.headers['retry-after']).toBeDefined();
    expect(performance.now() - begun).toBeLessThan(4 * deadlineMs);
    resetProvider(provider);
    expect((await browser.signIn()).status).toBe(303);
  });

  test('is 503 where nothing listens, and where it refuses the client', async () => {
    for (const [issuer, settings] of [
      ['http://127.0.0.1:9', {}],
      [provider.issuer, { client_secret: 'another' }],
    ] as const) {
      const { provider: asked } = providerDeps(issuer, settings);
      const run = async () => {
        const { url, attempt } = await asked.begin();
        const there = await fetch(url, { redirect: 'manual' });
        await asked.finish(new URL(there.headers.get('location') ?? '').search, attempt);
      };
      await expect(run()).rejects.toMatchObject({ code: 'PROVIDER_UNAVAILABLE' });
    }
  });

  test('holds no more than so many', async () => {
    provider.state.isSilent = true;
    const { provider: asked } = providerDeps(provider.issuer, { max_at_once: 2 });
    const begun = performance.now();
    const waiting = [asked.begin(), asked.begin()];
    await expect(asked.begin()).rejects.toMatchObject({ code: 'PROVIDER_UNAVAILABLE' });
    expect(performance.now() - begun).toBeLessThan(deadlineMs / 2);
    expect((await Promise.allSettled(waiting)).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    resetProvider(provider);
  });
});

describe('without a provider', () => {
  test('nothing is offered', async () => {
    const [edition = 'plain'] = testEditions();
    const bench = await createPeopleBench(edition);
    try {
      expect((await bench.ask('GET', '/api/auth/methods')).body.data).toMatchObject({ oidc: false });
      for (const path of [start, callback]) expect((await bench.ask('GET', path)).status).toBe(404);
    } finally {
      await bench.close();
    }
  });
});
