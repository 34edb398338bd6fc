import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { RouteDoc } from '../../src/api/contract/route-doc.js';
import { routeTable } from '../../src/api/contract/route-table.js';
import { PasswordHasher } from '../../src/storage/secrets.js';
import { testEditions } from '../support/database.js';
import { createPeopleBench, type Answer, type PeopleBench } from '../support/people.js';

const password = 'correct horse battery';
const routes = Object.entries(routeTable) as [string, RouteDoc][];
/** Stands in everything that is of the second site, and nowhere else. */
const mark = 'southern';

/** Numbers of one thing of each kind. */
type Things = Readonly<Record<string, string | number>>;

describe('every route', () => {
  test('says who may call it, and where its site stands', () => {
    for (const [key, doc] of routes) {
      expect(['collector', 'viewer', 'operator', 'admin', 'open'], key).toContain(doc.access);
      if (!('sites' in doc)) {
        expect(['collector', 'open'], key).toContain(doc.access);
        continue;
      }
      expect(doc.sites.length, key).toBeGreaterThan(0);
      const [method = '', path = ''] = key.split(' ');
      if (path.includes(':site')) expect(doc.sites, key).toContain('path');
      for (const name of ['site', 'site_id'])
        if (doc.query !== undefined && name in doc.query.shape) expect(doc.sites, key).toContain('query');
      const body = doc.body as { shape?: object } | undefined;
      if (body?.shape !== undefined && 'site_id' in body.shape) expect(doc.sites, key).toContain('body');
      if (method !== 'get') expect(doc.sites, key).not.toContain('scope');
    }
  });
});

describe.each(testEditions())('access on %s', (edition) => {
  let bench: PeopleBench;
  /** Of the first site. */
  let key: string;
  let cookies: Record<'all' | 'north' | 'south' | 'looker', string>;
  let tokens: Record<'north' | 'south', string>;
  let sites: [number, number];
  let things: [Things, Things];

  beforeAll(async () => {
    bench = await createPeopleBench(edition, { options: { principalTtlMs: 0 } });
    const { store, storage } = bench;
    sites = [storage.key.siteId, await storage.sites.ensureSite(mark)];
    const hash = await new PasswordHasher().hash(password);
    const add = (name: string, role: 'viewer' | 'admin', site_ids: number[] | null) =>
      store.users.create(name, { role, site_ids }, hash);
    await add('all', 'admin', null);
    await add('looker', 'viewer', null);
    const north = await add('north', 'admin', [sites[0]]);
    const south = await add(`${mark} admin`, 'admin', [sites[1]]);
    const soon = new Date(Date.now() + 3_600_000);
    // The token of the first names both sites: it has no more than its owner.
    const rights = { role: 'admin', site_ids: [...sites] } as const;
    const first = await store.tokens.create(north.user_id, 'script', rights, soon);
    const second = await store.tokens.create(south.user_id, mark, { ...rights, site_ids: [sites[1]] }, soon);
    tokens = { north: first.token, south: second.token };
    const login = (name: string) => bench.login(name, password);
    cookies = {
      all: await login('all'),
      north: await login('north'),
      south: await login(`${mark} admin`),
      looker: await login('looker'),
    };
    things = [
      await makeThings(sites[0], 'first', north.user_id),
      await makeThings(sites[1], mark, south.user_id),
    ];
  });
  afterAll(() => bench.close());

  async function makeThings(siteId: number, label: string, userId: number): Promise<Things> {
    const { query } = bench.storage;
    const id = async (text: string): Promise<string | number> =>
      (await query<{ id: string | number }>(text))[0]?.id ?? 0;
    const rights = { role: 'viewer', site_ids: [siteId] } as const;
    const made = await bench.store.keys.create(siteId, label);
    if (siteId === sites[0]) key = made.key;
    const { made: token } = await bench.store.tokens.create(
      userId,
      `${label} old`,
      rights,
      new Date(Date.now() + 60_000),
    );
    const rule = await id(`insert into alert_rules (site_id, kind, severity, duration_s, cooldown_s, miner)
      values (${siteId}, 'offline', 'warning', 0, 0, '${label}') returning rule_id as id`);
    const notifier = await id(`insert into notifiers (site_id, name, kind, target, min_severity, max_per_hour)
      values (${siteId}, '${label}', 'webhook', '{"url": "http://127.0.0.1:9/"}', 'warning', 9) returning notifier_id as id`);
    await query(`insert into incidents (site_id, kind, scope, place, severity, opened_at)
      values (${siteId}, 'offline', 'site', '${label}', 'warning', now())`);
    return {
      alert_rule: rule,
      notifier,
      alert: await id(`insert into alerts (rule_id, site_id, kind, severity, message, triggered_at)
        values (${rule}, ${siteId}, 'offline', 'warning', '${label}', now()) returning alert_id as id`),
      maintenance_window: await id(`insert into maintenance_windows (site_id, starts_at, ends_at, reason)
        values (${siteId}, now(), now() + interval '1 hour', '${label}') returning window_id as id`),
      notification:
        await id(`insert into notification_outbox (notification_id, notifier_id, event, payload, state, created_at, not_before, settled_at)
        values (gen_random_uuid(), ${notifier}, 'alert', '{"site_id": ${siteId}, "message": "${label}"}', 'dead', now(), now(), now()) returning notification_id as id`),
      command: (
        await bench.ask('POST', '/api/collector/commands', {
          cookie: cookies.all,
          body: { site_id: siteId, miner_id: `${label}-1`, ip_address: '10.0.0.1', command_type: 'reboot' },
        })
      ).body['command_id'] as number,
      command_batch:
        await id(`insert into command_batches (site_id, kind, params, state, total, priority, ttl_s, pause_s, max_failed_percent, wave, created_at, created_by)
        values (${siteId}, 'reboot', '{}', 'waiting_approval', 1, 5, 60, 0, 100, 0, now(), '${label}') returning batch_id as id`),
      collector_key: made.keyId,
      user: (await bench.store.users.create(`${label} user`, rights, null)).user_id,
      api_token: token.token_id,
    };
  }

  /** Asks a route of site and thing as someone does. */
  function askRoute(
    key: string,
    who: { cookie?: string; token?: string; headers?: Record<string, string> },
    siteId: number,
    owned: Things,
    parts: { query?: string; body?: object } = {},
  ): Promise<Answer> {
    const doc = (routeTable as Record<string, RouteDoc>)[key];
    const [method = '', pattern = ''] = key.split(' ');
    const kind =
      doc !== undefined && 'sites' in doc ? doc.sites.find((source) => source in owned) : undefined;
    const path = pattern
      .replace(':site', String(siteId))
      .replace(':minerId', `${mark}-1`)
      .replace(':id', String(owned[kind ?? 'alert']));
    const isRead = method === 'get';
    const query = `${key.includes('fleet') ? '?at=2026-01-01T00:00:00Z&' : '?'}${parts.query ?? ''}`;
    return bench.ask(method.toUpperCase(), `${path}${query}`, {
      ...who,
      ...(isRead ? {} : { body: parts.body ?? {} }),
    });
  }

  test('is refused to who shows nothing, and to a collector on routes of people', async () => {
    for (const [route, doc] of routes) {
      if (doc.access === 'open') continue;
      const missing = doc.access === 'collector' ? 'KEY_MISSING' : 'LOGIN_REQUIRED';
      expect(await askRoute(route, {}, sites[0], things[0]), route).toMatchObject({
        status: 401,
        body: { code: missing },
      });
      if (doc.access === 'collector') continue;
      for (const headers of [{ 'x-collector-key': key }, { authorization: `Bearer ${key}` }])
        expect((await askRoute(route, { headers }, sites[0], things[0])).status, route).toBe(401);
    }
  });

  test('of collectors’ routes is refused to sessions and tokens', async () => {
    for (const [key, doc] of routes) {
      if (doc.access !== 'collector') continue;
      for (const who of [{ cookie: cookies.all }, { token: tokens.north }])
        expect((await askRoute(key, who, sites[0], things[0])).status, key).toBe(401);
    }
  });

  test('goes by the role', async () => {
    for (const [key, doc] of routes) {
      if (doc.access !== 'operator' && doc.access !== 'admin') continue;
      expect(await askRoute(key, { cookie: cookies.looker }, sites[0], things[0]), key).toMatchObject({
        status: 403,
        body: { code: 'FORBIDDEN' },
      });
    }
  });

  test('of one site neither sees nor touches another, by session or token, on every route', async () => {
    const before = await everything();
    const tried = new Set<string>();
    for (const [key, doc] of routes) {
      if (!('sites' in doc)) continue;
      for (const who of [{ cookie: cookies.north }, { token: tokens.north }]) {
        const other = (parts: { query?: string; body?: object } = {}) =>
          askRoute(key, who, sites[1], things[1], parts);
        for (const source of doc.sites) {
          tried.add(source);
          if (source === 'none') continue;
          if (source === 'query') {
            for (const name of Object.keys(doc.query?.shape ?? {}).filter((each) =>
              /^site(_id)?$/.test(each),
            ))
              expect((await other({ query: `${name}=${sites[1]}` })).status, `${key} ${name}`).toBe(404);
          } else if (source === 'body') {
            const own = (body: object) => askRoute(key, who, sites[0], things[0], { body });
            const name = key.includes('/users') ? 'site_ids' : 'site_id';
            const asked = name === 'site_ids' ? [...sites] : sites[1];
            expect((await own({ [name]: asked })).status, `${key} body`).toBe(404);
            expect((await own({ [name]: null })).status, `${key} all sites`).toBe(403);
            expect((await own({})).status, `${key} all sites`).toBe(403);
          } else if (source !== 'scope') {
            expect(await other(), `${key} ${source}`).toMatchObject({
              status: 404,
              body: { code: 'NOT_FOUND' },
            });
          }
        }
        if (!key.startsWith('get ') || key.includes('stream')) continue;
        const isList = doc.sites.some((source) => ['scope', 'query', 'none'].includes(source));
        const own = await askRoute(key, who, sites[0], things[0]);
        if (isList && !key.includes(':')) {
          expect(own.status, key).toBe(200);
          expect(JSON.stringify(own.body), key).not.toContain(mark);
        }
      }
    }
    expect([...tried].sort()).toEqual(
      [...new Set(routes.flatMap(([, doc]) => ('sites' in doc ? [...doc.sites] : [])))].sort(),
    );
    expect(await everything()).toEqual(before);
  });

  test('of the site itself is given: the same requests are found by who may', async () => {
    const deletesLast = [...routes].sort(([a], [b]) => Number(/^delete/.test(a)) - Number(/^delete/.test(b)));
    for (const [key, doc] of deletesLast) {
      if (!('sites' in doc) || doc.sites.includes('none')) continue;
      // Nothing is known of a miner by that name.
      if (key.includes(':minerId') || key.includes('stream')) continue;
      const body = { site_id: sites[1], site_ids: [sites[1]] };
      const answer = await askRoute(key, { token: tokens.south }, sites[1], things[1], { body });
      expect([key, answer.status, [401, 403, 404].includes(answer.status)]).toEqual([
        key,
        answer.status,
        false,
      ]);
    }
    const listed = await bench.ask('GET', '/api/collector/alerts', { token: tokens.south });
    expect(JSON.stringify(listed.body)).toContain(mark);
    expect(JSON.stringify(listed.body)).not.toContain('"first"');
  });

  test('of an event stream ends when the session does', async () => {
    const own = await createPeopleBench(edition, { options: { principalTtlMs: 0, principalCheckMs: 50 } });
    try {
      const hash = await new PasswordHasher().hash(password);
      const user = await own.store.users.create('ana', { role: 'viewer', site_ids: null }, hash);
      const cookie = await own.login('ana', password);
      const ended = own.ask('GET', `/api/collector/stream?site=${own.storage.key.siteId}`, { cookie });
      const isOpen = Symbol('open');
      const pause = new Promise((resolve) => setTimeout(resolve, 400, isOpen));
      expect(await Promise.race([ended, pause])).toBe(isOpen);
      await own.store.users.update(user.user_id, { role: 'viewer', site_ids: null }, true);
      expect((await ended).status).toBe(200);
    } finally {
      await own.close();
    }
  });

  /** Rows of everything that can be changed, but for what looking changes. */
  async function everything(): Promise<unknown> {
    const tables = [
      `select * from alert_rules order by 1`,
      `select * from alerts order by 1`,
      `select * from maintenance_windows order by 1`,
      `select * from notifiers order by 1`,
      `select notification_id, state from notification_outbox order by 1`,
      `select command_id, status from miner_commands order by 1`,
      `select batch_id, state from command_batches order by 1`,
      `select key_id, revoked_at from collector_keys order by 1`,
      `select * from users order by 1`,
      `select token_id, revoked_at from api_tokens order by 1`,
      `select audit_id from audit_log order by 1`,
    ];
    return JSON.stringify(
      await Promise.all(tables.map((text) => bench.storage.query(text))),
      (_name, value: unknown) => (typeof value === 'bigint' ? String(value) : value),
    );
  }
});
