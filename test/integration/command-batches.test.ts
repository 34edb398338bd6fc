import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { commandRoutes } from '../../src/api/contract/command-routes.js';
import type { IngestRow } from '../../src/domain/ingest.js';
import { createCommandBench, type Answer, type CommandApi, type CommandBench } from '../support/commands.js';
import { testEditions } from '../support/database.js';
import { ingestBatch, ingestRow } from '../support/ingest-rows.js';

const base = Date.now();
const text = (value: unknown): string => JSON.stringify(value);

describe.each(testEditions())('batches of commands on %s', (edition) => {
  let bench: CommandBench;
  let api: CommandApi;
  beforeAll(async () => {
    bench = await createCommandBench(edition);
    api = await bench.start();
  });
  afterAll(() => bench.close());
  let clock = 0;
  beforeEach(() =>
    bench.storage.query('delete from miner_commands; delete from command_batches; delete from miners'),
  );

  /** Samples of ten seconds after the last ones, in time for what is done until then. */
  const write = async (changes: Readonly<Record<string, Partial<IngestRow>>>): Promise<void> => {
    clock += 1;
    const time = new Date(base - 3_600_000 + clock * 1_000).toISOString();
    const rows = Object.entries(changes).map(([key, row]) =>
      ingestRow(key, time, { mac: null, ip: key, ...row }),
    );
    await bench.storage.store.writeBatch(ingestBatch(rows, bench.storage.key));
  };
  /** As if the samples came after all that was done so far. */
  const age = () =>
    bench.storage.query(`update miner_telemetry_live set time = statement_timestamp() + interval '1 s'`);
  const order = (more: object): object => ({ site_id: bench.siteId, command_type: 'reboot', ...more });
  const create = async (more: object, from = api): Promise<Record<string, Answer>> => {
    const [status, answer] = await from.person('POST', 'commands/batch', order(more));
    expect([status, answer]).toMatchObject([200, { success: true }]);
    commandRoutes['post /api/collector/commands/batch'].answer.parse(answer);
    return answer;
  };
  const find = async (id: unknown): Promise<Record<string, Answer>> => {
    const [, answer] = await api.person('GET', `commands/batches/${String(id)}`);
    commandRoutes['get /api/collector/commands/batches/:id'].answer.parse(answer);
    return answer['batch'] as unknown as Record<string, Answer>;
  };
  const finish = async (status: (miner: string) => string): Promise<string[]> => {
    const [, answer] = await api.collector('GET', 'commands/pending');
    const items = answer['commands'] as unknown as { command_id: number; miner_id: string }[];
    for (const { command_id, miner_id } of items)
      await api.collector('POST', `commands/${command_id}/result`, { status: status(miner_id) });
    return items.map((item) => item.miner_id);
  };
  const miners = (n: number): string[] => Array.from({ length: n }, (_, index) => `10.0.0.${index + 1}`);
  const fill = (names: readonly string[], row: (index: number) => Partial<IngestRow> = () => ({})) =>
    write(Object.fromEntries(names.map((name, index) => [name, row(index)])));

  test('are made by list or filter, after telling what would happen', async () => {
    await fill(miners(6), (index) => ({
      model: index < 4 ? 'Antminer S19' : 'Antminer S9',
      frequency_avg: 500,
    }));
    const fan = { command_type: 'set_fan', parameters: { speed: 80 } };
    const dry = await create({ ...fan, filter: { model: 'antminer s9' }, dry_run: true });
    expect(dry).toMatchObject({ dry_run: true, count: 2, command_ids: [], sample: ['10.0.0.5', '10.0.0.6'] });
    expect((await bench.statuses()).size).toBe(0);
    const made = await create({ ...fan, filter: { model: 'antminer s9' } });
    expect(made).toMatchObject({ count: 2, message: '2 commands created', waves: 1, needs_approval: false });
    // Who has the same on its way is not told again, and who is no miner is named.
    const more = await create({ ...fan, miner_ids: ['10.0.0.1', '10.0.0.5', 'nobody'], wave_size: 1 });
    expect(more).toMatchObject({
      count: 1,
      sample: ['10.0.0.1'],
      refused: [
        { reason: 'no miner of this name', count: 1, sample: ['nobody'] },
        { reason: 'the same command is on its way', count: 1, sample: ['10.0.0.5'] },
      ],
    });
    const fast = { command_type: 'set_frequency', parameters: { frequency: 1_500 }, filter: { all: true } };
    const [status, answer] = await api.person('POST', 'commands/batch', order(fast));
    expect([status, answer]).toMatchObject([409, { code: 'COMMAND_REFUSED' }]);
    expect(answer['error']).toContain('1500 MHz is not within');
    expect(await create({ filter: { subnet: '10.0.0.0/30' }, dry_run: true })).toMatchObject({ count: 3 });
    const [, list] = await api.person('GET', 'commands/batches');
    expect(list).toMatchObject({ count: 2 });
    expect(await find(made['batch_id'])).toMatchObject({
      state: 'running',
      by_status: { pending: 2 },
      total: 2,
    });
    for (const wrong of [{}, { filter: {} }, { filter: { all: true }, miner_ids: ['a'] }, { miner_ids: [] }])
      expect(await api.person('POST', 'commands/batch', order(wrong))).toMatchObject([400, {}]);
    expect(
      await api.person('POST', 'commands/batch', order({ site_id: 99, filter: { all: true } })),
    ).toMatchObject([404, { error: 'No such site' }]);
  });

  test('go in waves, and the next waits for the samples of the last', async () => {
    await fill(miners(5));
    const { batch_id } = await create({ filter: { all: true }, wave_size: 2, pause_s: 0 });
    expect(await finish(() => 'completed')).toEqual(['10.0.0.1', '10.0.0.2']);
    await bench.sweep();
    expect(await finish(() => 'completed')).toEqual([]);
    // They are back, and had started anew.
    await fill(miners(2), () => ({ uptime_seconds: 0 }));
    await age();
    await bench.sweep();
    expect(await find(batch_id)).toMatchObject({ wave: 2, by_confirmation: { confirmed: 2 } });
    expect(await finish(() => 'completed')).toEqual(['10.0.0.3', '10.0.0.4']);
    await bench.storage.query('update miner_telemetry_live set uptime_seconds = 0');
    await age();
    await bench.sweep();
    expect(await finish(() => 'completed')).toEqual(['10.0.0.5']);
    await age();
    await bench.sweep();
    await bench.sweep();
    expect(await find(batch_id)).toMatchObject({
      state: 'done',
      ended_by: 'system',
      by_status: { completed: 5 },
    });
  });

  test('stop when too many failed, or their miners got worse', async () => {
    await fill(miners(8));
    const first = await create({ filter: { all: true }, wave_size: 4, max_failed_percent: 25, pause_s: 0 });
    await finish((miner) => (miner < '10.0.0.3' ? 'failed' : 'completed'));
    await bench.sweep();
    expect(await find(first['batch_id'])).toMatchObject({
      state: 'stopped',
      ended_because: '2 of 4 failed or got worse',
      by_status: { failed: 2, completed: 2, cancelled: 4 },
    });
    const second = await create({ filter: { all: true }, wave_size: 4, max_failed_percent: 25, pause_s: 0 });
    await finish(() => 'completed');
    await fill(miners(2), () => ({ uptime_seconds: 0, health: 'critical' }));
    await bench.storage.query('update miner_telemetry_live set uptime_seconds = 0');
    await age();
    await bench.sweep();
    expect(await find(second['batch_id'])).toMatchObject({ state: 'stopped', wave: 1 });
  });

  test('wait for a second person past a size, and can be called off', async () => {
    await fill(miners(3));
    const strict = await bench.start({ approval_above: 2 });
    const big = await create({ filter: { all: true } }, strict);
    expect(big).toMatchObject({ needs_approval: true, message: '3 commands created, waiting for approval' });
    expect(await finish(() => 'completed')).toEqual([]);
    const [, listed] = await api.person('GET', 'commands/history?limit=1');
    expect(listed['commands']).toMatchObject([{ waits_for: 'approval' }]);
    const path = `commands/batches/${text(big['batch_id'])}`;
    expect(await strict.person('POST', `${path}/approve`, {})).toMatchObject([
      403,
      { error: 'Somebody else than local has to approve it' },
    ]);
    const ana = { actor_kind: 'user', actor: 'ana', user_id: 7, address: null, request_id: null } as const;
    const id = Number(text(big['batch_id']));
    expect(await strict.store.commandBatches.approve(id, null, ana)).toBe(true);
    expect(await strict.person('POST', `${path}/approve`, {})).toMatchObject([409, {}]);
    expect(await find(big['batch_id'])).toMatchObject({ state: 'running', approved_by: 'ana' });
    expect(await api.person('DELETE', path)).toMatchObject([
      200,
      { message: 'Batch cancelled, and 3 commands of it' },
    ]);
    expect(await api.person('DELETE', path)).toMatchObject([400, { code: 'COMMAND_ENDED' }]);
    expect(await api.person('DELETE', 'commands/batches/99999')).toMatchObject([404, {}]);
    expect(await finish(() => 'completed')).toEqual([]);
    const [, one] = await api.person(
      'GET',
      `commands/${String((big['command_ids'] as unknown as number[])[0])}`,
    );
    expect(one['events']).toMatchObject([
      { to_status: 'pending', by: 'local' },
      { to_status: 'pending', by: 'ana', note: 'released' },
      { from_status: 'pending', to_status: 'cancelled', by: 'local', note: 'its batch was cancelled' },
    ]);
    // Nobody approved: it ends by itself.
    const forgotten = await create({ filter: { all: true } }, strict);
    await bench.storage.query('update miner_commands set expires_at = now()');
    await bench.sweep();
    expect(await find(forgotten['batch_id'])).toMatchObject({ state: 'cancelled' });
    await strict.stop();
  });

  test('of ten thousand are one statement, and claimed by priority', async () => {
    await bench.storage.query(`insert into miners (site_id, key, first_seen)
      select ${bench.siteId}, 'm' || n, now() from generate_series(1, 10000) n`);
    const ids = await bench.storage.query<{ miner_id: number }>(
      'select miner_id from miners order by miner_id',
    );
    const calls: string[] = [];
    const { database } = api.store;
    const run = database.run.bind(database);
    database.run = (name, query, options) => (calls.push(name), run(name, query, options));
    const made = await create({ miner_ids: ids.map((_, index) => `m${index + 1}`) });
    expect(made).toMatchObject({ count: 10_000 });
    expect(calls.filter((name) => name.startsWith('command'))).toEqual([
      'command_resolve',
      'command_inspect',
      'command_batch_create',
    ]);
    database.run = run;
    const events = await bench.storage.query<{ n: number }>('select count(*)::int as n from command_events');
    expect(events[0]?.n).toBe(10_000);
    await api.person('POST', 'commands', order({ miner_id: 'm9999', command_type: 'enable', priority: 10 }));
    expect((await finish(() => 'rejected')).slice(0, 3)).toEqual(['m9999', 'm1', 'm2']);
  });
});
