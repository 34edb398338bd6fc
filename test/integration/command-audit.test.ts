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
});
