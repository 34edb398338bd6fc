import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createCommandBench, type CommandApi, type CommandBench } from '../support/commands.js';
import { testEditions } from '../support/database.js';
import { ingestBatch, ingestRow } from '../support/ingest-rows.js';

const secret = 'not-to-be-kept';
const parameters = {
  pool_url: 'stratum+tcp://pool.example:3333',
  pool_user: 'farm.1',
  pool_password: secret,
};

describe.each(testEditions())('what is kept of commands on %s', (edition) => {
  let bench: CommandBench;
  let api: CommandApi;
  beforeAll(async () => {
    bench = await createCommandBench(edition);
    api = await bench.start({ approval_above: 2 });
    const time = new Date(Date.now() - 20_000).toISOString();
    const rows = ['a', 'b', 'c'].map((name) => ingestRow(name, time, { mac: null, ip: null }));
    await bench.storage.store.writeBatch(ingestBatch(rows, bench.storage.key));
  });
  afterAll(() => bench.close());
  beforeEach(() => bench.storage.query('delete from miner_commands'));

  const order = (more: object) => ({ site_id: bench.siteId, command_type: 'set_pool', parameters, ...more });
  const ask = async (method: string, path: string, body?: object) => {
    const [status, answer] = await api.person(method, path, body);
    expect([status, answer]).toMatchObject([200, { success: true }]);
    return answer;
  };
  const kept = async (): Promise<string> =>
    JSON.stringify([
      await bench.storage.query('select params, result, result_message from miner_commands'),
      await bench.storage.query('select params from command_batches'),
      await bench.storage.query('select * from command_events'),
      await bench.storage.query('select * from audit_log'),
    ]);

  test('is the password of a pool until its end, and in no batch and no log', async () => {
    for (const miner of ['a', 'b', 'c', 'd']) await ask('POST', 'commands', order({ miner_id: miner }));
    const [, polled] = await api.collector('GET', 'commands/pending');
    expect(JSON.stringify(polled)).toContain(secret);
    const ids = (polled['commands'] as unknown as { command_id: number }[]).map((item) => item.command_id);
    await api.collector('POST', `commands/${String(ids[0])}/result`, { status: 'completed' });
    await ask('DELETE', `commands/${String(ids[1])}`);
    await bench.storage.query(
      `update miner_commands set lease_until = now() where command_id = ${String(ids[2])}`,
    );
    await bench.sweep({ max_attempts: 1 });
    expect(await bench.statuses()).toEqual(
      new Map(ids.map((id, index) => [id, ['completed', 'cancelled', 'unknown', 'sent'][index]])),
    );
    await bench.storage.query(
      `update miner_commands set status = 'pending', expires_at = now() where status = 'sent'`,
    );
    expect(await kept()).toContain(secret);
    await bench.sweep();
    expect(await kept()).not.toContain(secret);
    const batch = await ask('POST', 'commands/batch', order({ miner_ids: ['a', 'b', 'c'] }));
    expect(await kept()).toContain(secret);
    await ask('DELETE', `commands/batches/${String(batch['batch_id'])}`);
    const after = await kept();
    expect(after).not.toContain(secret);
    expect(after).toContain('farm.1');
  });

  test('is not a change whose line of the audit log cannot be written: asking again does nothing twice', async () => {
    const reboot = { site_id: bench.siteId, command_type: 'reboot', parameters: null };
    const one = await ask('POST', 'commands', { ...reboot, miner_id: 'a' });
    const all = await ask('POST', 'commands/batch', { ...reboot, filter: { all: true } });
    const before = await bench.statuses();
    const changes: [string, string, object?][] = [
      ['POST', 'commands', { ...reboot, miner_id: 'b' }],
      ['POST', 'commands/batch', { ...reboot, command_type: 'enable', filter: { all: true } }],
      ['DELETE', `commands/${String(one['command_id'])}`],
      ['DELETE', `commands/batches/${String(all['batch_id'])}`],
    ];
    await bench.storage.query('alter table audit_log add constraint full_disk check (false) not valid');
    for (const [method, path, body] of changes) expect((await api.person(method, path, body))[0]).toBe(500);
    await bench.storage.query('alter table audit_log drop constraint full_disk');
    expect(await bench.statuses()).toEqual(before);
    await bench.storage.query('delete from miner_commands');
  });

  test('is who changed what, as it was and as it is', async () => {
    const made = await ask('POST', 'commands', order({ miner_id: 'a', priority: 7 }));
    await ask('DELETE', `commands/${String(made['command_id'])}`);
    const body = { ...order({ filter: { all: true } }), parameters: { ...parameters, other: secret } };
    const batch = await ask('POST', 'commands/batch', body);
    await ask('DELETE', `commands/batches/${String(batch['batch_id'])}`);
    const lines = await bench.storage.query<{ request_id: string; address: string }>(
      'select * from audit_log order by audit_id desc limit 4',
    );
    const by = { actor_kind: 'local', actor: 'local', site_id: bench.siteId, address: '127.0.0.1' };
    const params = { ...parameters, pool_password: '***' };
    expect(lines.reverse()).toMatchObject([
      {
        ...by,
        action: 'command.create',
        target: `command ${String(made['command_id'])}`,
        before: null,
        after: { miner_id: 'a', command: 'set_pool', params, priority: 7 },
      },
      { action: 'command.cancel', before: { status: 'pending' }, after: { status: 'cancelled' } },
      {
        ...by,
        action: 'command_batch.create',
        target: `command_batch ${String(batch['batch_id'])}`,
        after: { params, commands: 3, state: 'waiting_approval' },
      },
      {
        action: 'command_batch.cancel',
        before: { state: 'waiting_approval' },
        after: { state: 'cancelled', commands_cancelled: 3 },
      },
    ]);
    expect(new Set(lines.map((line) => line.request_id)).size).toBe(4);
    expect(await kept()).not.toContain(secret);
  });
});
