import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { commandRoutes } from '../../src/api/contract/command-routes.js';
import { configSchema } from '../../src/config/schema.js';
import { runRetention } from '../../src/storage/retention.js';
import { createCommandBench, type Answer, type CommandApi, type CommandBench } from '../support/commands.js';
import { testEditions } from '../support/database.js';
import { ingestBatch, ingestRow, offlineRow } from '../support/ingest-rows.js';
import { silent } from '../support/storage.js';
import { waitFor } from '../support/wait.js';

interface Item {
  readonly command_id: number;
  readonly miner_id: string;
  readonly ip_address: string | null;
  readonly command: string;
  readonly attempt: number;
  readonly ttl_s: number;
  readonly lease_s: number;
}

describe.each(testEditions())('commands on %s', (edition) => {
  let bench: CommandBench;
  let one: CommandApi;
  let two: CommandApi;
  beforeAll(async () => {
    bench = await createCommandBench(edition);
    [one, two] = await Promise.all([bench.start({}, { listens: true }), bench.start({}, { listens: true })]);
  });
  afterAll(() => bench.close());
  beforeEach(() => bench.storage.query('delete from miner_commands'));

  const create = async (miner: string, type = 'reboot', more: object = {}): Promise<number> => {
    const body = { miner_id: miner, site_id: bench.siteId, command_type: type, ...more };
    const [status, answer] = await one.person('POST', 'commands', body);
    expect([status, answer]).toMatchObject([200, { success: true }]);
    commandRoutes['post /api/collector/commands'].answer.parse(answer);
    return answer['command_id'] as unknown as number;
  };
  const pending = async (from: CommandApi = one, query = '', key = bench.key): Promise<Item[]> => {
    const [status, answer] = await from.collector('GET', `commands/pending${query}`, undefined, key);
    expect(status).toBe(200);
    commandRoutes['get /api/collector/commands/pending'].answer.parse(answer);
    return answer['commands'] as unknown as Item[];
  };
  const report = (id: number, body: object, from: CommandApi = one, key = bench.key) =>
    from.collector('POST', `commands/${id}/result`, body, key);
  const find = async (id: number): Promise<Record<string, Answer>> => {
    const [, answer] = await one.person('GET', `commands/${id}`);
    commandRoutes['get /api/collector/commands/:id'].answer.parse(answer);
    return answer;
  };
  const events = async (id: number): Promise<string[]> => {
    const list = (await find(id))['events'] as unknown as { from_status: string | null; to_status: string }[];
    return list.map((event) => `${event.from_status ?? ''}>${event.to_status}`);
  };

  test('hands out by priority, then age, once, to its own site, and takes the result', async () => {
    const low = await create('a', 'enable');
    const [high, next] = [await create('b', 'disable', { priority: 9 }), await create('c', 'restart')];
    expect(await pending(one, '', bench.otherKey)).toEqual([]);
    const items = await pending(two);
    expect(items.map((item) => item.command_id)).toEqual([high, low, next]);
    expect(items[0]).toMatchObject({ miner_id: 'b', command: 'disable', attempt: 1, lease_s: 900 });
    expect(items[0]?.ttl_s).toBeGreaterThan(1_700);
    expect(await pending()).toEqual([]);
    expect(await report(high, { status: 'completed' }, one, bench.otherKey)).toMatchObject([
      404,
      { error: 'Command not found' },
    ]);
    const body = {
      status: 'completed',
      result_code: 0,
      result_message: 'ok\u0000',
      site_id: 7,
      executed_at: '2026-01-01T00:00:00Z',
      duration_ms: '12.5',
      before: { mode: 1 },
      extra: true,
    };
    expect(await report(high, body)).toEqual([
      200,
      { success: true, message: 'Result reported successfully' },
    ]);
    expect(await report(high, { status: 'failed' }, two)).toMatchObject([200, { success: true }]);
    expect(await find(high)).toMatchObject({
      command: {
        status: 'completed',
        result_code: 0,
        result_message: 'ok ',
        claimed_by: 'key:2',
        result: { executed_at: '2026-01-01T00:00:00Z', duration_ms: 12.5, before: { mode: 1 } },
        late_result: null,
      },
    });
    expect(await events(high)).toEqual(['>pending', 'pending>sent', 'sent>completed']);
    await report(low, { status: 'skipped', result_message: 'not in the list' });
    await report(next, { status: 'Error', result_code: 'x' });
    expect([...(await bench.statuses()).values()]).toEqual(['rejected', 'completed', 'failed']);
    expect(await report(next, { status: 'danced' })).toMatchObject([400, { code: 'REQUEST_INVALID' }]);
    expect(await report(999_999, { status: 'completed' })).toMatchObject([404, {}]);
    const [, stats] = await one.person('GET', `commands/stats?site_id=${bench.siteId}`);
    expect(commandRoutes['get /api/collector/commands/stats'].answer.parse(stats)).toMatchObject({
      stats: { completed: 1, failed: 1, rejected: 1 },
      active_pending: 0,
      total: 3,
    });
  });

  test('hands out 50 at most, and one at a time for a miner', async () => {
    for (let n = 0; n < 52; n++) await create(`m${n}`);
    const [first, second] = [await create('m0'), await create('m0', 'restart', { priority: 8 })];
    const items = await pending();
    expect(items).toHaveLength(50);
    expect(items[0]?.command_id).toBe(second);
    expect((await pending()).map((item) => item.miner_id)).toEqual(['m50', 'm51']);
    expect(await find(first)).toMatchObject({ command: { status: 'pending', waits_for: 'other_command' } });
    await report(second, { status: 'completed' });
    const [again, ...rest] = await pending();
    expect([again?.miner_id, rest]).toEqual(['m0', []]);
    expect(again?.command_id).toBeLessThan(first);
  });

  test('hands out as soon as there is something, whichever instance takes it, and when draining nothing', async () => {
    const started = performance.now();
    const waiting = pending(one, '?wait=20');
    await waitFor(
      'polls that wait',
      async () => (await one.api.metric('headframe_command_polls_waiting')) === 1,
    );
    const body = { miner_id: 'x', site_id: bench.siteId, command_type: 'reboot' };
    await two.person('POST', 'commands', body);
    const [item] = await waiting;
    expect(item).toMatchObject({ miner_id: 'x', lease_s: 120 });
    expect(performance.now() - started).toBeLessThan(3_000);
    // The result frees the miner for the next, which is handed out at once.
    const next = await create('x', 'enable');
    const second = pending(two, '?wait=20');
    await waitFor(
      'polls that wait',
      async () => (await two.api.metric('headframe_command_polls_waiting')) === 1,
    );
    await report(item?.command_id ?? 0, { status: 'completed' });
    expect((await second).map((found) => found.command_id)).toEqual([next]);
    const third = await bench.start();
    const drained = pending(third, '?wait=20');
    await waitFor(
      'polls that wait',
      async () => (await third.api.metric('headframe_command_polls_waiting')) === 1,
    );
    await third.stop();
    expect(await drained).toEqual([]);
  });

  test('finds by itself what it was not told of', async () => {
    const deaf = await bench.start({ tick_ms: 100 });
    const waiting = pending(deaf, '?wait=20');
    await waitFor(
      'polls that wait',
      async () => (await deaf.api.metric('headframe_command_polls_waiting')) === 1,
    );
    await create('x');
    expect(await waiting).toHaveLength(1);
    await deaf.stop();
  });

  test('answers at once when too many wait', async () => {
    const small = await bench.start({ max_waiting_polls: 1, tick_ms: 100 });
    const waiting = pending(small, '?wait=20');
    await waitFor(
      'polls that wait',
      async () => (await small.api.metric('headframe_command_polls_waiting')) === 1,
    );
    const startedMs = performance.now();
    expect(await pending(small, '?wait=20')).toEqual([]);
    expect(performance.now() - startedMs).toBeLessThan(5_000);
    await create('x');
    expect(await waiting).toHaveLength(1);
    await small.stop();
  });

  test('takes back nothing from a collector that left while it waited', async () => {
    const leave = new AbortController();
    const url = `${one.api.url}/api/collector/commands/pending?wait=20`;
    const gone = fetch(url, { headers: { 'x-collector-key': bench.key }, signal: leave.signal });
    gone.catch(() => undefined);
    await waitFor(
      'polls that wait',
      async () => (await one.api.metric('headframe_command_polls_waiting')) === 1,
    );
    leave.abort();
    await waitFor(
      'polls that wait',
      async () => (await one.api.metric('headframe_command_polls_waiting')) === 0,
    );
    const id = await create('x');
    expect((await pending(two)).map((item) => [item.command_id, item.attempt])).toEqual([[id, 1]]);
  });

  test('never hands out what is overdue, and cancels what has not ended', async () => {
    const [late, kept, sent] = [await create('a'), await create('b'), await create('c')];
    await bench.storage.query(
      `update miner_commands set expires_at = now() - interval '1 s' where command_id = ${late}`,
    );
    expect(await one.person('DELETE', `commands/${kept}`)).toMatchObject([200, { success: true }]);
    expect((await pending()).map((item) => item.command_id)).toEqual([sent]);
    expect(await one.person('DELETE', `commands/${sent}`)).toMatchObject([200, {}]);
    expect(await one.person('DELETE', `commands/${sent}`)).toMatchObject([
      400,
      { error: 'Cannot cancel command with status: cancelled' },
    ]);
    expect(await one.person('DELETE', 'commands/999999')).toMatchObject([404, {}]);
    expect([...(await bench.statuses()).values()]).toEqual(['expired', 'cancelled', 'cancelled']);
    // A result that comes late is kept beside, the first one.
    await report(sent, { status: 'completed', result_message: 'done' });
    await report(sent, { status: 'failed' });
    expect(await find(sent)).toMatchObject({
      command: {
        status: 'cancelled',
        result_message: null,
        late_result: { status: 'completed', result_message: 'done' },
      },
    });
    expect(await events(sent)).toEqual(['>pending', 'pending>sent', 'sent>cancelled']);
    const alone = await create('d');
    await bench.storage.query(
      `update miner_commands set expires_at = now() - interval '1 s' where command_id = ${alone}`,
    );
    await bench.sweep();
    expect((await bench.statuses()).get(alone)).toBe('expired');
  });

  test('after its lease hands out again what may be done twice, and knows nothing of the rest', async () => {
    const [twice, once] = [await create('a', 'set_fan', { parameters: { speed: 70 } }), await create('b')];
    const endLeases = async (): Promise<void> => {
      await bench.storage.query(`update miner_commands set lease_until = now() where status = 'sent'`);
      await bench.sweep({ max_attempts: 2 });
    };
    expect(await pending()).toHaveLength(2);
    await endLeases();
    expect([...(await bench.statuses()).values()]).toEqual(['pending', 'unknown']);
    expect((await pending()).map((item) => [item.command_id, item.attempt])).toEqual([[twice, 2]]);
    await endLeases();
    expect((await bench.statuses()).get(twice)).toBe('unknown');
    expect(await events(once)).toEqual(['>pending', 'pending>sent', 'sent>unknown']);
    // The first collector may still report what it did before it is asked of another.
    const slow = await create('c', 'enable');
    await pending();
    await endLeases();
    await report(slow, { status: 'completed' });
    expect(await pending()).toEqual([]);
    expect((await bench.statuses()).get(slow)).toBe('completed');
  });

  test('waits for a miner that is offline, and not for one nobody knows', async () => {
    const at = (secondsAgo: number): string => new Date(Date.now() - secondsAgo * 1_000).toISOString();
    const write = (rows: Parameters<typeof ingestBatch>[0]) =>
      bench.storage.store.writeBatch(ingestBatch(rows, bench.storage.key));
    await write([offlineRow('10.9.0.1', at(20)), ingestRow('10.9.0.2', at(20), { mac: null })]);
    const [away, here] = [await create('10.9.0.1'), await create('10.9.0.2')];
    expect(await pending()).toMatchObject([{ command_id: here, ip_address: '10.9.0.2' }]);
    expect(await find(away)).toMatchObject({ command: { status: 'pending', waits_for: 'miner_offline' } });
    await write([ingestRow('10.9.0.1', at(10), { mac: null })]);
    expect(await pending()).toMatchObject([{ command_id: away }]);
  });

  test('refuses what makes no sense, naming it', async () => {
    const given = { miner_id: 'a', site_id: bench.siteId };
    const ask = (body: object, from = one) => from.person('POST', 'commands', { ...given, ...body });
    const [status, wrong] = await ask({ command_type: 'explode' });
    expect([status, wrong['error']]).toEqual([
      400,
      'Invalid command_type: explode; valid types: enable, disable, restart, reboot, set_pool, set_fan, set_frequency',
    ]);
    const refused: [object, string][] = [
      [{ command_type: 'set_fan', parameters: { speed: 101 } }, 'parameters.speed'],
      [
        { command_type: 'set_pool', parameters: { pool_url: 'http://x', pool_user: 'a' } },
        'parameters.pool_url',
      ],
      [{ command_type: 'reboot', priority: 11 }, 'priority'],
      [{ command_type: 'reboot', ttl_minutes: 0 }, 'ttl_minutes'],
      [{ command_type: 'reboot', ip_address: 'nowhere' }, 'ip_address'],
      [{ command_type: 'reboot', miner_id: '' }, 'miner_id'],
    ];
    for (const [body, name] of refused)
      expect(await ask(body)).toMatchObject([
        400,
        { error: expect.stringContaining(`Invalid ${name}`) as string },
      ]);
    expect(await ask({ command_type: 'reboot', site_id: 99_999 })).toMatchObject([404, {}]);
    const off = await bench.start({ enabled: false });
    expect(await ask({ command_type: 'reboot' }, off)).toMatchObject([409, { code: 'COMMAND_REFUSED' }]);
    await create('a');
    expect(await pending(off)).toEqual([]);
    const few = await bench.start({ allow: 'set_fan,reboot', daily_cap: 2 });
    expect(await ask({ command_type: 'enable' }, few)).toMatchObject([409, {}]);
    expect(await ask({ command_type: 'reboot' }, few)).toMatchObject([200, {}]);
    expect(await ask({ command_type: 'reboot' }, few)).toMatchObject([409, { code: 'COMMAND_REFUSED' }]);
    await Promise.all([off.stop(), few.stop()]);
  });

  test('lists the newest first and shows no password again', async () => {
    const pool = {
      pool_url: 'stratum+tcp://pool.example:3333',
      pool_user: 'farm.1',
      pool_password: 'secret',
    };
    await create('a', 'set_pool', { parameters: pool });
    await create('b');
    const [, answer] = await one.person('GET', `commands/history?site_id=${bench.siteId}&status=pending`);
    const listed = commandRoutes['get /api/collector/commands/history'].answer.parse(answer);
    expect(listed.commands.map((command) => command.miner_id)).toEqual(['b', 'a']);
    expect(JSON.stringify(answer)).not.toContain('secret');
    const [item] = (await pending()).filter((found) => found.miner_id === 'a');
    expect(item).toMatchObject({ params: pool });
    expect((await one.person('GET', 'commands/history?miner_id=a'))[1]).toMatchObject({ count: 1 });
  });

  test('are kept thirty days after their end, with their events', async () => {
    const [old, young, open] = [await create('a'), await create('b'), await create('c')];
    await one.person('DELETE', `commands/${old}`);
    await one.person('DELETE', `commands/${young}`);
    const age = (id: number, days: number) =>
      bench.storage.query(
        `update miner_commands set ended_at = now() - interval '${days} days' where command_id = ${id}`,
      );
    await Promise.all([age(old, 31), age(young, 29)]);
    await bench.storage.query(`update miner_commands set created_at = now() - interval '99 days'`);
    const { retention } = configSchema.parse({});
    await runRetention(bench.storage.db, {
      historyDays: retention.history_days,
      alertDays: retention.alerts_days,
      noticeDays: retention.notices_days,
      eventDays: retention.events_days,
      rollup1hDays: retention.rollup_1h_days,
      rollup5mDays: retention.rollup_5m_days,
      logDays: retention.logs_days,
      commandDays: retention.commands_days,
      quirkDays: retention.quirks_days,
      clusterDays: retention.cluster_days,
      now: new Date(),
      log: silent,
    });
    expect([...(await bench.statuses()).keys()]).toEqual([young, open]);
    const left = await bench.storage.query(`select from command_events where command_id = ${old}`);
    expect(left).toEqual([]);
  });
});
