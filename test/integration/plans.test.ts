import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { routeTable } from '../../src/api/contract/route-table.js';
import { configSchema } from '../../src/config/schema.js';
import type { Role } from '../../src/domain/principal.js';
import { planWaitsOf } from '../../src/roles/commands.js';
import { CommandListener } from '../../src/storage/command-listener.js';
import { testEditions } from '../support/database.js';
import { createPeopleBench, type Answer, type PeopleBench } from '../support/people.js';
import { silent } from '../support/storage.js';
import { waitFor } from '../support/wait.js';

const base = '/api/collector/sites';

describe.each(testEditions())('plans of sites on %s', (edition) => {
  let bench: PeopleBench;
  let [north, south] = [0, 0];
  let key = '';
  /** API tokens by name of the person. */
  const tokens: Record<string, string> = {};
  beforeAll(async () => {
    bench = await createPeopleBench(edition);
    north = bench.storage.key.siteId;
    south = await bench.storage.sites.ensureSite('south');
    ({ key } = await bench.storage.keys.create(north));
    const add = async (name: string, role: Role, site_ids: readonly number[] | null): Promise<void> => {
      const rights = { role, site_ids };
      const user = await bench.store.users.create(name, rights, null);
      const expires = new Date(Date.now() + 3_600_000);
      tokens[name] = (await bench.store.tokens.create(user.user_id, name, rights, expires)).token;
    };
    await add('root', 'admin', null);
    await add('ana', 'admin', [north]);
    await add('oli', 'operator', null);
    await add('vi', 'viewer', [north]);
  });
  afterAll(() => bench.close());

  const as = (who: string, method: string, site: number, body?: object, headers = {}): Promise<Answer> =>
    bench.ask(method, `${base}/${site}/plan`, {
      token: tokens[who] ?? '',
      headers,
      ...(body === undefined ? {} : { body }),
    });
  const fetchPlan = (query = '', headers: Record<string, string> = {}): Promise<Answer> =>
    bench.ask('GET', `/api/collector/plan${query}`, { headers: { 'x-collector-key': key, ...headers } });
  const putNorth = async (ranges: readonly string[], more: object = {}): Promise<Answer> => {
    const before = await as('ana', 'GET', north);
    const version = (before.body.data ?? { version: 0 }).version;
    return as('ana', 'PUT', north, { ranges, version, ...more });
  };

  test('are there for who sees the site, changed by its admins, and counted in versions', async () => {
    expect(await as('vi', 'GET', north)).toMatchObject({ status: 200, body: { data: null } });
    expect((await fetchPlan()).body).toMatchObject({ success: true, plan: null });
    const first = { ranges: ['10.1.0.0/24', '!10.1.0.1'], interval_s: 10, version: 0 };
    expect((await as('vi', 'PUT', north, first)).status).toBe(403);
    expect((await as('oli', 'PUT', north, first)).status).toBe(403);
    expect((await as('ana', 'PUT', south, first)).status).toBe(404);
    expect((await as('root', 'PUT', 999_999, first)).status).toBe(404);
    expect((await bench.ask('PUT', `${base}/${north}/plan`, { body: first })).status).toBe(401);
    const would = await as('ana', 'PUT', north, { ...first, dry_run: true });
    expect(would).toMatchObject({
      status: 200,
      body: { data: { plan: null, change: { addresses: { added: 255, removed: 0 } } } },
    });
    expect(await as('ana', 'GET', north)).toMatchObject({ body: { data: null } });
    const done = await as('ana', 'PUT', north, first);
    expect(done).toMatchObject({
      status: 200,
      body: { data: { plan: { version: 1, updated_by: 'token:ana', interval_s: 10, zone: 'default' } } },
    });
    const check = routeTable['put /api/collector/sites/:site/plan'].answer.safeParse(done.body);
    expect(check.error).toBeUndefined();
    const told = await fetchPlan();
    expect(told.body).toEqual({
      success: true,
      plan: {
        version: 1,
        ranges: first.ranges,
        zone: 'default',
        interval_s: 10,
        port: 4028,
        http_port: null,
      },
    });
    expect(told.headers['etag']).toBe(done.headers['etag']);
  });

  test('are changed by who has read them last', async () => {
    await putNorth(['10.1.0.0/24']);
    const read = await as('ana', 'GET', north);
    const { version } = read.body.data as unknown as { version: number };
    const etag = String(read.headers['etag']);
    const body = { ranges: ['10.1.0.0/23'] };
    expect((await as('ana', 'PUT', north, body)).status).toBe(400);
    expect((await as('ana', 'PUT', north, { ...body, version: version - 1 })).status).toBe(409);
    expect((await as('ana', 'PUT', north, body, { 'if-match': '"1-000000000000"' })).status).toBe(409);
    const both = await Promise.all([1, 2, 3].map(() => as('ana', 'PUT', north, { ...body, version })));
    expect(both.map(({ status }) => status).sort()).toEqual([200, 409, 409]);
    expect((await as('ana', 'PUT', north, body, { 'if-match': etag })).status).toBe(409);
    const now = String((await as('ana', 'GET', north)).headers['etag']);
    expect((await as('ana', 'PUT', north, body, { 'if-match': now })).status).toBe(200);
  });

  test('are refused with the range and what to do about it', async () => {
    const refusals: readonly [object, RegExp][] = [
      [{ ranges: ['10.1.0.010'] }, /^Invalid ranges: range "10.1.0.010": "010" looks octal; write 10/],
      [{ ranges: ['127.0.0.1'] }, /loopback addresses are refused; set `allow_loopback: true`/],
      [{ ranges: ['169.254.1.0/24'] }, /link-local addresses are refused/],
      [{ ranges: ['10.0.0.0/8'] }, /larger than a \/12/],
      [{ ranges: ['10.0.0.0/12', '11.0.0.0/12'] }, /1048576 are the most of one site/],
      [{ ranges: [] }, /^Invalid ranges: /],
      [{ ranges: ['10.1.0.0/24', '!10.1.0.0/23'] }, /^Invalid ranges: no address is left/],
      [
        { ranges: ['10.*.*.5', '!10.*.*.6', '10.*.*.7'] },
        /^Invalid ranges: range "10.\*.\*.7": 131072 ranges/,
      ],
      [{ ranges: ['10.1.0.1'], interval_s: 0 }, /^Invalid interval_s: /],
      [{ ranges: ['10.1.0.1'], zone: 'Barn 2' }, /^Invalid zone: /],
      [{ ranges: ['10.1.0.1'], port: 0 }, /^Invalid port: /],
    ];
    const before = (await as('ana', 'GET', north)).body;
    for (const [body, words] of refusals) {
      const { ranges, ...more } = body as { ranges: string[] };
      const refused = await putNorth(ranges, more);
      expect([body, refused.status]).toEqual([body, 400]);
      expect(refused.body.error).toMatch(words);
    }
    expect((await as('ana', 'GET', north)).body).toEqual(before);
  });

  test('warn of addresses that another site polls from the same zone', async () => {
    await as('root', 'PUT', south, { ranges: ['10.9.0.0/24'], version: 0 });
    const warnings = async (who: string, more: object): Promise<unknown> => {
      const answer = await as(who, 'PUT', north, { dry_run: true, version: await versionOf(), ...more });
      return (answer.body.data as unknown as { warnings: string[] }).warnings;
    };
    const versionOf = async (): Promise<number> =>
      ((await as('ana', 'GET', north)).body.data as unknown as { version: number }).version;
    expect(await warnings('root', { ranges: ['10.9.0.9'] })).toEqual([
      '10.9.0.9 is polled for site "south" too, from the same zone "default"',
    ]);
    expect(await warnings('ana', { ranges: ['10.9.0.9'] })).toEqual([
      '10.9.0.9 is polled for another site too, from the same zone "default"',
    ]);
    expect(await warnings('ana', { ranges: ['10.9.0.9'], zone: 'barn' })).toEqual([]);
    expect(await warnings('ana', { ranges: ['10.8.0.9'] })).toEqual([]);
  });

  test('are waited for by collectors, whoever changes them', async () => {
    await putNorth(['10.1.0.0/24']);
    const etag = String((await fetchPlan()).headers['etag']);
    const known = { 'if-none-match': etag };
    expect((await fetchPlan('', known)).status).toBe(304);
    const startedMs = performance.now();
    const over = await fetchPlan('?wait=1', known);
    expect(over.status).toBe(304);
    expect(performance.now() - startedMs).toBeGreaterThan(900);
    const waiting = fetchPlan('?wait=20', known);
    const changedMs = performance.now();
    // As another instance would, without a word to this one: the look of all who wait finds it.
    await bench.storage.query(`update site_plans set version = version + 1 where site_id = ${north}`);
    const found = await waiting;
    expect(found.status).toBe(200);
    expect(performance.now() - changedMs).toBeLessThan(5_000);
    expect((await bench.ask('GET', '/api/collector/plan', {})).status).toBe(401);
  });

  test('wake instances that listen', async () => {
    const heard: (number | null)[] = [];
    const { store } = bench;
    const waits = planWaitsOf({ config: configSchema.parse({}), store });
    const listener = new CommandListener({
      url: bench.storage.url,
      connectTimeoutMs: 2_000,
      log: silent,
      onWake: () => undefined,
      onPlan: (siteId) => {
        heard.push(siteId);
        waits.wake(siteId);
      },
    });
    try {
      await waitFor('it to listen', () => heard.includes(null));
      const waited = waits.wait(
        { siteId: north, keyId: 1 },
        waits.mark(north),
        10_000,
        new AbortController().signal,
      );
      await putNorth(['10.1.2.0/24']);
      expect(await waited).toBe('woken');
      await waitFor('the notice', () => heard.includes(north));
    } finally {
      await listener.stop();
    }
  });
});
