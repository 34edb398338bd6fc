import { createHmac } from 'node:crypto';
import { getEventListeners } from 'node:events';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { deliverDue, type DeliveryOptions } from '../../src/alerts/deliver.js';
import { createSender, type NamedSecret, type SenderOptions } from '../../src/alerts/send/sender.js';
import type { MaintenanceWindowInput, Notice, NotifierInput } from '../../src/domain/alerts.js';
import type { IngestRow } from '../../src/domain/ingest.js';
import { createAlertBench, type AlertBench } from '../support/alerts.js';
import { openDatabase } from '../../src/storage/database.js';
import { testEditions } from '../support/database.js';
import { ingestRow, offlineRow } from '../support/ingest-rows.js';
import {
  startHttpReceiver,
  startMailReceiver,
  type HttpReceiver,
  type MailReceiver,
} from '../support/receivers.js';
import { silent } from '../support/storage.js';
import { waitFor } from '../support/wait.js';

const options: DeliveryOptions = {
  attempts: 3,
  retryMs: 10,
  rounds: 2,
  roundMs: 60_000,
  leaseMs: 120_000,
  concurrency: 50,
};
/** As long-lived as the one of the api's actor. */
const { signal } = new AbortController();
const patience = { deadlineMs: 10_000, connectTimeoutMs: 2_000 };
const secrets = new Map<string, NamedSecret>();
const setSecret = (name: string, value: string, servers: string[] = []): void =>
  void secrets.set(name, { value, servers });
const everyone = {
  site_id: null,
  secret: null,
  min_severity: 'warning',
  max_per_hour: 60,
  enabled: true,
} as const;

describe.each(testEditions())('notices on %s', (edition) => {
  let bench: AlertBench;
  let http: HttpReceiver;
  let mail: MailReceiver;
  let counts: Record<string, number>;
  beforeEach(async () => {
    counts = {};
    [bench, http, mail] = await Promise.all([
      createAlertBench(edition),
      startHttpReceiver(),
      startMailReceiver(),
    ]);
    await bench.only('offline');
    await bench.storage.query('update alert_rules set duration_s = 0, cooldown_s = 0');
    setSecret('hook', 'webhook-signing-key');
    setSecret('bot', '12345:token-of-the-bot', [http.url]);
    setSecret('slack', `${http.url}/services/T0/B0/secret-path`);
  });
  afterEach(() => Promise.all([bench.close(), http.stop(), mail.stop()]));

  const add = (changes: Partial<NotifierInput> & Pick<NotifierInput, 'target'>) =>
    bench.store.notifiers.create({ ...everyone, name: `n${Math.random()}`, ...changes }, 100);
  const webhook = (changes: Partial<NotifierInput> = {}) =>
    add({ target: { kind: 'webhook', url: `${http.url}/hook` }, ...changes });
  const deliver = (changes: Partial<SenderOptions> = {}): Promise<number> => {
    const { notifiers } = bench.store;
    const send = createSender({
      secrets,
      smtp: {
        host: '127.0.0.1',
        port: mail.port,
        security: 'none',
        username: 'headframe',
        password: 'mail-password',
        from: 'headframe@farm.example',
        ca: null,
      },
      timeoutMs: 2_000,
      maxAnswerBytes: 4_096,
      now: () => bench.nowMs,
      ...changes,
    });
    const deps = {
      claim: notifiers.claim.bind(notifiers),
      settle: notifiers.settle.bind(notifiers),
      summariseHeld: notifiers.summariseHeld.bind(notifiers),
      send,
      count: (kind: string, outcome: string) => {
        counts[`${kind} ${outcome}`] = (counts[`${kind} ${outcome}`] ?? 0) + 1;
      },
      now: () => bench.nowMs,
    };
    return deliverDue(deps, options, signal);
  };
  /** Samples of now from miners 10.0.<net>.1 and on, those of `down` offline; then an evaluation. */
  const sample = async (count: number, down: readonly number[], net = 0): Promise<void> => {
    const keys = Array.from({ length: count }, (_, index) => `10.0.${net}.${index + 1}`);
    const rows: IngestRow[] = keys.map((key, index) =>
      down.includes(index + 1)
        ? { ...offlineRow(key, bench.at(-15)), ip: key }
        : ingestRow(key, bench.at(-15), { mac: null, ip: key }),
    );
    await bench.upload(rows);
    await bench.tick(15);
  };
  const later = (seconds: number): void => {
    bench.nowMs += seconds * 1_000;
  };
  const received = (): Notice[] => http.posts.map(({ body }) => JSON.parse(body) as Notice);
  const range = (from: number, to: number): number[] =>
    Array.from({ length: to - from + 1 }, (_, index) => from + index);

  test('reach a webhook, signed, once, and its end reaches it too', async () => {
    await webhook({ secret: 'hook' });
    await sample(3, [2]);
    expect(await deliver()).toBe(0);
    later(30);
    expect(await deliver()).toBe(1);
    expect(await deliver()).toBe(0);
    const [post] = http.posts;
    expect(received()).toMatchObject([
      {
        event: 'alert.opened',
        site: 'north',
        severity: 'warning',
        message: '10.0.0.2 does not answer',
        alert: { kind: 'offline', miner_id: '10.0.0.2', resolved_at: null },
      },
    ]);
    const timestamp = String(post?.headers['x-headframe-timestamp']);
    expect(Number(timestamp)).toBe(Math.floor(bench.nowMs / 1_000));
    const digest = createHmac('sha256', 'webhook-signing-key')
      .update(`${timestamp}.${post?.body}`)
      .digest('hex');
    expect(post?.headers['x-headframe-signature']).toBe(`v1=${digest}`);
    expect(post?.headers['idempotency-key']).toMatch(/^[0-9a-f-]{36}$/);
    expect(received()[0]).toMatchObject({ id: post?.headers['idempotency-key'] });
    await sample(3, []);
    await deliver();
    expect(received().map((notice) => notice.event)).toEqual(['alert.opened', 'alert.resolved']);
    expect(counts).toEqual({ 'webhook sent': 2 });
  });

  test('tell the end to whoever was being told the beginning when it came', async () => {
    await webhook();
    await sample(3, [1]);
    later(30);
    const other = openDatabase({ url: bench.storage.url, poolSize: 1, ...patience, log: silent });
    const isWaiting = async (): Promise<boolean> =>
      (
        await bench.storage.query(`select from pg_stat_activity where wait_event_type = 'Lock'
        and datname = current_database() and query like '%alert_clock%'`)
      ).length > 0;
    // Takes the notice, and has not committed when the alert ends.
    const claim = other.run('claim', (sql) =>
      sql.begin(async (tx) => {
        await tx`update notification_outbox set claimed_until = now() + interval '1 day', rounds = 1`;
        const ending = sample(3, []);
        await waitFor('the evaluation to meet the claim', isWaiting);
        return { ending };
      }),
    );
    await (
      await claim
    ).ending;
    await other.close({ timeoutMs: 1_000 });
    const events = await bench.storage.query<{ event: string; state: string }>(
      'select event, state from notification_outbox order by event',
    );
    expect(events).toEqual([
      { event: 'alert.opened', state: 'queued' },
      { event: 'alert.resolved', state: 'queued' },
    ]);
  });

  test('of a notifier over its cap stand in the way of no other', async () => {
    const full = await webhook({ max_per_hour: 1 });
    const free = await webhook();
    for (let net = 0; net < 5; net++) await sample(2, [1, 2], net);
    later(31);
    const taken: number[] = [];
    for (let round = 0; round < 7; round++) {
      const claimed = await bench.store.notifiers.claim(new Date(bench.nowMs), 120_000, 2);
      taken.push(...claimed.map((notice) => notice.notifier.notifier_id));
    }
    expect(taken.filter((id) => id === full.notifier_id)).toHaveLength(1);
    expect(taken.filter((id) => id === free.notifier_id)).toHaveLength(10);
  });

  test('have the shape of Slack, Telegram and mail', async () => {
    await add({ target: { kind: 'slack' }, secret: 'slack' });
    await add({ target: { kind: 'telegram', chat_id: '-100', url: http.url }, secret: 'bot' });
    await add({ target: { kind: 'email', to: ['a@farm.example', 'b@farm.example'] } });
    await bench.storage.query(`update sites set name = 'north <&>' where name = 'north'`);
    await sample(3, [1]);
    later(30);
    await deliver();
    const byPath = new Map(http.posts.map(({ path, body }) => [path, JSON.parse(body) as { text: string }]));
    const slack = byPath.get('/services/T0/B0/secret-path');
    expect(slack?.text).toContain('[WARNING] 10.0.0.1 does not answer\nsite: north &lt;&amp;&gt;');
    const telegram = byPath.get('/bot12345:token-of-the-bot/sendMessage');
    expect(telegram).toMatchObject({ chat_id: '-100' });
    expect(telegram?.text).toContain('site: north <&>');
    expect(mail.mails).toHaveLength(1);
    expect(mail.mails[0]).toMatchObject({ user: 'headframe', to: ['a@farm.example', 'b@farm.example'] });
    expect(mail.mails[0]?.text).toContain('Subject: [WARNING] 10.0.0.1 does not answer');
    expect(mail.mails[0]?.text).toMatch(/Message-ID: <[0-9a-f-]{36}@headframe>/);
    // No secret is in the database.
    const [dump] = await bench.storage.query<{ text: string }>(
      `select json_agg(n)::text || (select json_agg(o)::text from notification_outbox o) as text from notifiers n`,
    );
    for (const secret of ['secret-path', 'token-of-the-bot', 'mail-password', 'webhook-signing-key'])
      expect(dump?.text).not.toContain(secret);
  });

  test('carry no other secret of the settings to a server of bots that somebody named', async () => {
    await add({ target: { kind: 'telegram', chat_id: '-100', url: http.url }, secret: 'hook' });
    await sample(3, [1]);
    later(30);
    await deliver();
    expect(http.posts).toEqual([]);
    const [dead] = await bench.store.notifiers.outbox('dead', 1);
    expect(dead?.last_error).toBe('its secret is no token of a bot');
  });

  test('carry the token of a bot to no server but those the settings name', async () => {
    setSecret('telegrams-own', '12345:token-of-the-bot');
    const named = new URL(http.url);
    const elsewhere = [
      ['telegrams-own', http.url],
      // Another port, another spelling of the host, and Telegram's own server in clear.
      ['bot', `http://127.0.0.1:${mail.port}`],
      ['bot', `http://localhost:${named.port}`],
      ['bot', 'http://api.telegram.org'],
    ] as const;
    for (const [secret, url] of elsewhere)
      await add({ target: { kind: 'telegram', chat_id: '-100', url }, secret });
    await sample(3, [1]);
    later(30);
    await deliver();
    expect(http.posts).toEqual([]);
    const dead = await bench.store.notifiers.outbox('dead', 10);
    expect(dead.map(({ last_error }) => last_error).sort()).toEqual(
      elsewhere
        .map(([, url]) => `its secret may not be sent to ${url}: the settings do not name it as a server`)
        .sort(),
    );
  });

  test('reach a webhook whose address is a secret, which no table holds', async () => {
    setSecret('address', `${http.url}/hooks/secret-path?key=in-the-query`);
    setSecret('no-address', 'file:///etc/passwd');
    await add({ target: { kind: 'webhook', url_secret: 'address' }, secret: 'hook' });
    await add({ target: { kind: 'webhook', url_secret: 'no-address' } });
    await add({ target: { kind: 'webhook', url_secret: 'of-nobody' } });
    await sample(3, [1]);
    later(30);
    await deliver();
    expect(http.posts.map(({ path }) => path)).toEqual(['/hooks/secret-path?key=in-the-query']);
    expect(http.posts[0]?.headers['x-headframe-signature']).toMatch(/^v1=/);
    const dead = await bench.store.notifiers.outbox('dead', 10);
    expect(dead.map(({ last_error }) => last_error).sort()).toEqual([
      'its address is none of a webhook',
      'the settings have no secret "of-nobody"',
    ]);
    // Nor when it cannot be reached.
    http.answer = (response) => response.destroy();
    await sample(3, [1, 2]);
    later(30);
    await deliver();
    const [dump] = await bench.storage.query<{ text: string }>(
      `select json_agg(n)::text || (select json_agg(o)::text from notification_outbox o) as text from notifiers n`,
    );
    expect(dump?.text).not.toMatch(/secret-path|in-the-query/);
  });

  test('are tried again under one id, later in rounds, and then are dead letters', async () => {
    await webhook();
    let failures = 2;
    http.answer = (response) => response.writeHead(failures-- > 0 ? 503 : 200).end();
    await sample(2, [1]);
    later(30);
    await deliver();
    expect(new Set(http.posts.map(({ headers }) => headers['idempotency-key'])).size).toBe(1);
    expect(http.posts).toHaveLength(3);
    expect(counts).toEqual({ 'webhook sent': 1 });
    failures = Infinity;
    await sample(2, [1, 2]);
    later(30);
    await deliver();
    expect(http.posts).toHaveLength(6);
    expect(await deliver()).toBe(0);
    later(61);
    await deliver();
    expect(counts).toEqual({ 'webhook sent': 1, 'webhook retried': 1, 'webhook dead': 1 });
    const [dead] = await bench.store.notifiers.outbox('dead', 10);
    expect(dead).toMatchObject({
      last_error: 'answered 503',
      rounds: 2,
      message: '10.0.0.2 does not answer',
    });
    // A dead letter can be sent after all.
    failures = 0;
    expect(await bench.store.notifiers.revive(dead?.notification_id ?? '', new Date(bench.nowMs))).toBe(true);
    await deliver();
    expect(counts).toMatchObject({ 'webhook sent': 2 });
  });

  test('wait as long as the receiver asks', async () => {
    await webhook();
    http.answer = (response) => response.writeHead(429, { 'retry-after': '300' }).end();
    await sample(2, [1]);
    later(30);
    await deliver();
    expect(http.posts).toHaveLength(1);
    later(299);
    expect(await deliver()).toBe(0);
    later(2);
    expect(await deliver()).toBe(1);
  });

  test.each([
    ['refuses', 404, 'answered 404'],
    ['redirects', 302, 'answered 302: redirects are not followed'],
  ])('are dead at once when the receiver %s', async (_name, status, error) => {
    await webhook();
    http.answer = (response) => response.writeHead(status, { location: `${http.url}/elsewhere` }).end();
    await sample(2, [1]);
    later(30);
    await deliver();
    expect(http.posts.map(({ path }) => path)).toEqual(['/hook']);
    expect(await bench.store.notifiers.outbox('dead', 10)).toMatchObject([{ last_error: error }]);
  });

  test('do not hang on a receiver that is silent, endless or away', async () => {
    await sample(1, []);
    const cases: [HttpReceiver['answer'], string, Partial<NotifierInput>][] = [
      [() => undefined, 'no answer in time', {}],
      [(response) => void response.writeHead(500).write('x'.repeat(100_000)), 'answered 500', {}],
      [(response) => void response.socket?.end('what?\r\n\r\n'), 'the answer is no HTTP', {}],
      [(response) => void response.socket?.destroy(), 'connection broken', {}],
      [() => undefined, 'connection refused', { target: { kind: 'webhook', url: 'http://127.0.0.1:1/' } }],
      [() => undefined, 'the settings have no secret "none"', { secret: 'none' }],
    ];
    for (const [answer, error, changes] of cases) {
      const { notifier_id } = await webhook(changes);
      http.answer = answer;
      await sample(1, [1]);
      later(30);
      const startedMs = performance.now();
      await deliver({ timeoutMs: 150 });
      expect(performance.now() - startedMs).toBeLessThan(3_000);
      const [row] = await bench.storage.query<{ last_error: string }>(
        `select last_error from notification_outbox where notifier_id = ${notifier_id}`,
      );
      expect(row?.last_error).toBe(error);
      await bench.store.notifiers.delete(notifier_id);
      await sample(1, []);
    }
  });

  test('of mail follow the answer of the server', async () => {
    await add({ target: { kind: 'email', to: ['a@farm.example'] } });
    mail.refuseWith = 451;
    await sample(2, [1]);
    later(30);
    await deliver();
    expect(counts).toEqual({ 'email retried': 1 });
    mail.refuseWith = 554;
    later(61);
    const listening = getEventListeners(signal, 'abort').length;
    await deliver();
    expect(getEventListeners(signal, 'abort')).toHaveLength(listening);
    expect(counts).toEqual({ 'email retried': 1, 'email dead': 1 });
    expect(await bench.store.notifiers.outbox('dead', 1)).toMatchObject([{ last_error: 'answered 554' }]);
  });

  test('are one for many miners that fail together, and one when it is over', async () => {
    await webhook();
    await sample(40, [1]);
    await sample(40, range(1, 4));
    await sample(40, range(1, 25));
    await sample(40, range(1, 30));
    later(30);
    await deliver();
    expect(received()).toMatchObject([
      {
        event: 'incident.opened',
        message: 'many miners in 10.0.0.0/24, site north: offline',
        incident: { kind: 'offline', scope: 'subnet', place: '10.0.0.0/24', alerts: 30 },
      },
    ]);
    const [incident] = await bench.store.alerts.incidents(null, 10);
    expect(incident).toMatchObject({ alerts: 30, open_alerts: 30, resolved_at: null });
    await sample(40, [7]);
    later(31);
    await deliver();
    expect(received()).toHaveLength(1);
    await sample(40, []);
    later(31);
    await deliver();
    expect(received().map(({ event }) => event)).toEqual(['incident.opened', 'incident.resolved']);
    expect(await bench.store.alerts.incidents(null, 10)).toMatchObject([{ open_alerts: 0 }]);
    expect(await bench.open()).toEqual([]);
  });

  test('are silenced by maintenance; what is still wrong at its end is told then', async () => {
    await webhook();
    const window: MaintenanceWindowInput = {
      site_id: bench.storage.key.siteId,
      model: null,
      subnet: '10.0.0.0/30',
      miner: null,
      starts_at: bench.at(60),
      ends_at: bench.at(-600),
      reason: 'new fans',
    };
    await bench.store.alerts.addWindow(window);
    await sample(6, [1, 2, 5]);
    await sample(6, [2, 5]);
    later(30);
    await deliver();
    expect(received().map(({ message }) => message)).toEqual(['10.0.0.5 does not answer']);
    expect(await bench.open()).toHaveLength(2);
    later(600);
    await sample(6, [2, 5]);
    later(30);
    await deliver();
    expect(received().map(({ message }) => message)).toEqual([
      '10.0.0.5 does not answer',
      '10.0.0.2 does not answer',
    ]);
  });

  test('stay under the cap of a notifier, and one tells what was held back', async () => {
    await webhook({ max_per_hour: 3 });
    for (let net = 0; net < 5; net++) await sample(2, [1, 2], net);
    later(30);
    await deliver();
    await deliver();
    expect(http.posts).toHaveLength(3);
    later(3_601);
    await deliver();
    await deliver();
    expect(http.posts).toHaveLength(4);
    expect(received()[3]).toMatchObject({
      event: 'held_back',
      held: { 'alert.opened': 7 },
      severity: 'warning',
    });
  });

  test('go to who wants them', async () => {
    const south = await bench.storage.sites.ensureSite('south');
    await webhook({ min_severity: 'critical' });
    await webhook({ site_id: south });
    await webhook({ enabled: false });
    await sample(2, [1]);
    later(30);
    expect(await deliver()).toBe(0);
  });

  test('that were over before they were told are not told', async () => {
    await webhook();
    await sample(2, [1]);
    await sample(2, []);
    later(60);
    expect(await deliver()).toBe(0);
  });

  test('are sent by one of two instances, and by the other when the first is killed', async () => {
    await webhook();
    for (let net = 0; net < 10; net++) await sample(2, [1], net);
    later(30);
    await Promise.all([deliver(), deliver(), deliver()]);
    await deliver();
    expect(http.posts).toHaveLength(10);
    await sample(2, [1, 2], 0);
    later(30);
    // Taken by a process that dies with it in hand.
    expect(await bench.store.notifiers.claim(new Date(bench.nowMs), 120_000, 50)).toHaveLength(1);
    expect(await deliver()).toBe(0);
    later(121);
    expect(await deliver()).toBe(1);
    expect(http.posts).toHaveLength(11);
  });
});
