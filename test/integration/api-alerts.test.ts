import { request as httpRequest } from 'node:http';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createSender } from '../../src/alerts/send/sender.js';
import { alertRoutes } from '../../src/api/contract/alert-routes.js';
import { alertDepsOf } from '../../src/roles/alerts.js';
import { storeDeps } from '../../src/roles/read-deps.js';
import { createAlertBench, type AlertBench } from '../support/alerts.js';
import { startTestApi, type TestApi } from '../support/api-server.js';
import { testEditions } from '../support/database.js';
import { ingestRow, offlineRow } from '../support/ingest-rows.js';
import { startHttpReceiver, type HttpReceiver } from '../support/receivers.js';

type Answer = { success: boolean; data: Record<string, never>; error?: string; code?: string };
const json = { 'content-type': 'application/json' };

describe.each(testEditions())('the api of alerts on %s', (edition) => {
  let bench: AlertBench;
  let api: TestApi;
  let receiver: HttpReceiver;
  beforeAll(async () => {
    [bench, receiver] = await Promise.all([createAlertBench(edition), startHttpReceiver()]);
    const limits = { timeoutMs: 1_000, maxAnswerBytes: 1_024, now: Date.now };
    const send = createSender({
      secrets: new Map([['hook', { value: 'k', servers: [] }]]),
      smtp: null,
      ...limits,
    });
    api = await startTestApi({
      deps: { ...storeDeps(bench.store, 30), alerts: alertDepsOf(bench.store, 3, send) },
    });
  });
  afterAll(() => Promise.all([bench.close(), api.stop(), receiver.stop()]));

  const call = async (
    method: string,
    path: string,
    body?: unknown,
    headers: Record<string, string> = json,
  ): Promise<[number, Answer]> => {
    const init = { method, headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }) };
    const response = await fetch(`${api.url}/api/collector/${path}`, init);
    const answer = (await response.json()) as Answer;
    const route = Object.entries(alertRoutes).find(([key]) => {
      const [verb = '', pattern = ''] = key.split(' ');
      const matcher = new RegExp(`^${pattern.replaceAll(/:\w+/g, '[^/]+')}$`);
      return verb === method.toLowerCase() && matcher.test(`/api/collector/${path.split('?')[0]}`);
    });
    // Every answer is what the contract says.
    if (response.status === 200) route?.[1].answer.parse(answer);
    return [response.status, answer];
  };

  test('lists unresolved alerts first, and keeps who acknowledged one', async () => {
    await bench.only('offline');
    await bench.storage.query('update alert_rules set duration_s = 0');
    const both = (down: boolean) => [
      offlineRow('10.0.0.1', bench.at(-15)),
      down ? offlineRow('10.0.0.2', bench.at(-15)) : ingestRow('10.0.0.2', bench.at(-15), { mac: null }),
    ];
    for (const down of [true, false]) {
      await bench.upload(both(down));
      await bench.tick(15);
    }
    const { siteId } = bench.storage.key;
    const [, listed] = await call('GET', `alerts?site_id=${siteId}&limit=10`);
    expect(listed.data).toMatchObject({
      count: 2,
      alerts: [
        {
          miner_id: '10.0.0.1',
          alert_type: 'offline',
          level: 'warning',
          acknowledged: false,
          site_id: siteId,
        },
        { miner_id: '10.0.0.2', state: 'resolved' },
      ],
    });
    const [first] = listed.data['alerts'] as unknown as { id: number }[];
    const path = `alerts/${first?.id}/acknowledge`;
    expect(await call('POST', path, { by: 'ana', note: 'on my way' })).toMatchObject([
      200,
      { data: { acknowledged: true, state: 'acknowledged', acknowledged_by: 'ana', note: 'on my way' } },
    ]);
    expect(await call('POST', path, { by: 'ben' })).toMatchObject([
      200,
      { data: { acknowledged_by: 'ana' } },
    ]);
    expect(await call('GET', 'alerts?state=open')).toMatchObject([200, { data: { count: 0 } }]);
    expect(await call('GET', 'alerts?state=unresolved')).toMatchObject([200, { data: { count: 1 } }]);
    const stats = await call('GET', 'stats');
    expect(stats).toMatchObject([200, { data: { active_alerts: 1 } }]);
    expect(await call('POST', 'alerts/999999/acknowledge', {})).toMatchObject([404, { code: 'NOT_FOUND' }]);
    expect(await call('GET', 'alerts?limit=0')).toMatchObject([400, { code: 'REQUEST_INVALID' }]);
  });

  test('makes, changes and deletes rules, and refuses what makes no sense', async () => {
    const rule = {
      kind: 'temperature',
      severity: 'critical',
      threshold: 95,
      clear_threshold: 90,
      duration_s: 0,
      cooldown_s: 0,
    };
    const [status, made] = await call('POST', 'alert-rules', { ...rule, subnet: '10.1.0.0/16' });
    expect([status, made.data]).toMatchObject([200, { threshold: 95, subnet: '10.1.0.0/16', version: 1 }]);
    const path = `alert-rules/${String(made.data['rule_id'])}`;
    const changed = { ...rule, threshold: 96, version: 1 };
    expect(await call('PUT', path, changed)).toMatchObject([200, { data: { threshold: 96, version: 2 } }]);
    expect(await call('PUT', path, changed)).toMatchObject([409, { code: 'CONFLICT' }]);
    expect(await call('PUT', path, { ...rule, kind: 'hardware_errors', version: 2 })).toMatchObject([
      400,
      {},
    ]);
    const wrong: [object, string][] = [
      [{ ...rule, threshold: null }, 'threshold'],
      [{ ...rule, clear_threshold: 99 }, 'clear_threshold'],
      [{ ...rule, subnet: '10.1.0.1/16' }, 'subnet'],
      [{ ...rule, kind: 'dancing' }, 'kind'],
      [{ ...rule, kind: 'offline' }, 'threshold'],
      [{ ...rule, kind: 'mass_offline', miner: 'm' }, 'miner'],
      [{ ...rule, miner: 'a\0b' }, 'miner'],
    ];
    for (const [body, name] of wrong) {
      const [code, answer] = await call('POST', 'alert-rules', body);
      expect([code, answer.error]).toEqual([400, expect.stringContaining(`Invalid ${name}: `)]);
    }
    expect(await call('POST', 'alert-rules', { ...rule, site_id: 99_999 })).toMatchObject([404, {}]);
    expect(await call('DELETE', path)).toMatchObject([200, { success: true }]);
    expect(await call('DELETE', path)).toMatchObject([404, {}]);
    expect((await call('GET', `alert-rules?site_id=${bench.storage.key.siteId}`))[0]).toBe(200);
  });

  test('adds notifiers up to a bound, tries them, and never takes a secret in clear', async () => {
    const hook = { name: 'ops', target: { kind: 'webhook', url: `${receiver.url}/in` }, secret: 'hook' };
    const [, made] = await call('POST', 'notifiers', hook);
    expect(made.data).toMatchObject({
      name: 'ops',
      min_severity: 'warning',
      max_per_hour: 60,
      secret: 'hook',
    });
    const path = `notifiers/${String(made.data['notifier_id'])}`;
    expect(await call('POST', `${path}/test`, {})).toMatchObject([200, { success: true }]);
    expect(receiver.posts[0]?.headers['x-headframe-event']).toBe('test');
    receiver.answer = (response) => response.writeHead(500).end();
    expect(await call('POST', `${path}/test`, {})).toMatchObject([
      502,
      { code: 'NOTIFIER_FAILED', error: 'The notifier was not told: answered 500' },
    ]);
    expect(await call('POST', 'notifiers', hook)).toMatchObject([409, { code: 'CONFLICT' }]);
    const clear = { ...hook, name: 'b', target: { kind: 'webhook', url: 'https://u:p@example.com/' } };
    expect(await call('POST', 'notifiers', clear)).toMatchObject([400, {}]);
    const neither = { ...hook, name: 'b', target: { kind: 'webhook' } };
    const both = { ...hook, name: 'b', target: { ...hook.target, url_secret: 'hook' } };
    for (const wrong of [neither, both]) expect((await call('POST', 'notifiers', wrong))[0]).toBe(400);
    const hidden = { ...hook, name: 'hidden', target: { kind: 'webhook', url_secret: 'address' } };
    const [, stored] = await call('POST', 'notifiers', hidden);
    expect(stored.data).toMatchObject({ target: { kind: 'webhook', url_secret: 'address' } });
    await call('DELETE', `notifiers/${String(stored.data['notifier_id'])}`);
    for (const name of ['b', 'c']) expect((await call('POST', 'notifiers', { ...hook, name }))[0]).toBe(200);
    expect(await call('POST', 'notifiers', { ...hook, name: 'd' })).toMatchObject([409, {}]);
    expect(await call('PUT', path, { ...hook, enabled: false, version: 1 })).toMatchObject([
      200,
      { data: { enabled: false, version: 2 } },
    ]);
    expect(await call('DELETE', path)).toMatchObject([200, {}]);
    expect(await call('GET', 'notifiers')).toMatchObject([200, { data: { count: 2 } }]);
    expect(await call('GET', 'notifications?state=dead')).toMatchObject([200, { data: { count: 0 } }]);
    const nowhere = `notifications/${crypto.randomUUID()}/retry`;
    expect(await call('POST', nowhere, {})).toMatchObject([404, {}]);
  });

  test('plans maintenance', async () => {
    const window = {
      subnet: '10.1.2.0/24',
      starts_at: '2100-01-01T00:00:00+02:00',
      ends_at: '2100-01-01T01:00:00Z',
      reason: 'new fans',
    };
    const [, made] = await call('POST', 'maintenance-windows', window);
    expect(made.data).toMatchObject({ starts_at: '2099-12-31T22:00:00.000Z', subnet: '10.1.2.0/24' });
    expect(await call('GET', 'maintenance-windows')).toMatchObject([200, { data: { count: 1 } }]);
    const backwards = { ...window, ends_at: '2099-01-01T00:00:00Z' };
    expect(await call('POST', 'maintenance-windows', backwards)).toMatchObject([400, {}]);
    const path = `maintenance-windows/${String(made.data['window_id'])}`;
    expect(await call('DELETE', path)).toMatchObject([200, {}]);
    expect(await call('GET', 'incidents')).toMatchObject([200, { data: { incidents: [] } }]);
  });

  test('takes changes from programs of this machine and its own page, and from nobody else', async () => {
    /** As a browser or proxy would send it; `fetch` sets these headers itself. */
    const statusWith = (headers: Record<string, string>): Promise<number | undefined> =>
      new Promise((resolve, reject) => {
        const { port } = new URL(api.url);
        const options = { port, method: 'POST', path: '/api/collector/alert-rules', headers };
        httpRequest(options, (response) => resolve(response.resume().statusCode))
          .on('error', reject)
          .end('{}');
      });
    const { host } = new URL(api.url);
    expect(await statusWith({ ...json, host, origin: api.url })).toBe(400);
    expect(await statusWith({ ...json, host })).toBe(400);
    expect(await statusWith({ 'content-type': 'text/plain', host })).toBe(403);
    expect(await statusWith({ ...json, host, origin: 'https://evil.example' })).toBe(403);
    expect(await statusWith({ ...json, host: 'evil.example', origin: 'http://evil.example' })).toBe(401);
    expect(await statusWith({ ...json, host, 'x-forwarded-for': '10.0.0.1' })).toBe(401);
  });
});
