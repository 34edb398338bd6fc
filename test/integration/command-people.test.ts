import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Role } from '../../src/domain/principal.js';
import { createCommandBench, type CommandApi, type CommandBench } from '../support/commands.js';
import { testEditions } from '../support/database.js';
import { ingestBatch, ingestRow } from '../support/ingest-rows.js';

describe.each(testEditions())('who may give commands on %s', (edition) => {
  let bench: CommandBench;
  let api: CommandApi;
  /** API tokens by name. */
  const tokens: Record<string, string> = {};
  beforeAll(async () => {
    bench = await createCommandBench(edition);
    api = await bench.start({ approval_above: 1 }, { localAccess: 'none' });
    const south = await bench.storage.sites.ensureSite('south');
    const { users, tokens: keys } = api.store;
    const add = async (
      name: string,
      role: Role,
      siteIds: readonly number[] | null,
      labels: readonly string[],
    ) => {
      const rights = { role, site_ids: siteIds };
      const user = await users.create(name, rights, null);
      for (const label of labels) {
        const { token } = await keys.create(user.user_id, label, rights, new Date(Date.now() + 3_600_000));
        tokens[`${name} ${label}`] = token;
      }
    };
    await add('vi', 'viewer', null, ['x']);
    await add('ana', 'operator', [bench.siteId], ['x', 'y']);
    await add('ben', 'operator', null, ['x']);
    await add('sue', 'operator', [south], ['x']);
    const time = new Date(Date.now() - 20_000).toISOString();
    const rows = ['a', 'b', 'c'].map((name) => ingestRow(name, time, { mac: null, ip: null }));
    await bench.storage.store.writeBatch(ingestBatch(rows, bench.storage.key));
  });
  afterAll(() => bench.close());
  const as = (who: string, method: string, path: string, body?: object) =>
    api.script(tokens[who] ?? '', method, path, body);
  const order = () => ({ site_id: bench.siteId, miner_id: 'a', command_type: 'disable' });

  test('is an operator of the site, and nobody else', async () => {
    expect((await api.person('POST', 'commands', order()))[0]).toBe(401);
    expect((await as('vi x', 'POST', 'commands', order()))[0]).toBe(403);
    expect(await as('sue x', 'POST', 'commands', order())).toMatchObject([404, { error: 'No such site' }]);
    expect((await api.collector('POST', 'commands', order()))[0]).toBe(401);
    const [status, made] = await as('ana x', 'POST', 'commands', order());
    expect([status, made]).toMatchObject([200, { command: { created_by: 'token:x' } }]);
    const path = `commands/${(made['command_id'] as unknown as number).toString()}`;
    expect(await as('vi x', 'GET', path)).toMatchObject([200, {}]);
    expect(await as('sue x', 'GET', path)).toMatchObject([404, { error: 'Command not found' }]);
    expect(await as('sue x', 'DELETE', path)).toMatchObject([404, {}]);
    expect(await as('vi x', 'DELETE', path)).toMatchObject([403, {}]);
    expect((await as('sue x', 'GET', 'commands/history'))[1]).toMatchObject({ count: 0 });
    expect((await as('sue x', 'GET', 'commands/stats'))[1]).toMatchObject({ total: 0 });
    expect((await as('ana x', 'GET', 'commands/history'))[1]).toMatchObject({ count: 1 });
    // People do not ask for what collectors do.
    expect((await as('ana x', 'GET', 'commands/pending'))[0]).toBe(401);
    expect(await as('ana x', 'DELETE', path)).toMatchObject([200, {}]);
  });

  test('is for a large batch a second person too, whatever token is used, and all of it is logged', async () => {
    const pool = { pool_url: 'stratum+tcp://p.example:1', pool_user: 'u', pool_password: 'hunter2' };
    const batch = {
      site_id: bench.siteId,
      command_type: 'set_pool',
      parameters: pool,
      miner_ids: ['b', 'c'],
    };
    expect((await as('sue x', 'POST', 'commands/batch', batch))[0]).toBe(404);
    const [, made] = await as('ana x', 'POST', 'commands/batch', batch);
    expect(made).toMatchObject({ count: 2, needs_approval: true });
    const path = `commands/batches/${(made['batch_id'] as unknown as number).toString()}`;
    expect(await as('sue x', 'GET', path)).toMatchObject([404, { error: 'Batch not found' }]);
    expect((await as('sue x', 'GET', 'commands/batches'))[1]).toMatchObject({ count: 0 });
    expect((await as('ana y', 'POST', `${path}/approve`, {}))[0]).toBe(403);
    expect((await as('vi x', 'POST', `${path}/approve`, {}))[0]).toBe(403);
    expect((await as('sue x', 'POST', `${path}/approve`, {}))[0]).toBe(404);
    expect(await as('ben x', 'POST', `${path}/approve`, {})).toMatchObject([200, {}]);
    expect(await as('ben x', 'DELETE', path)).toMatchObject([200, {}]);
    const log = await bench.storage.query<{ action: string; actor: string; site_id: number; line: string }>(
      `select action, actor, site_id, row_to_json(a)::text as line from audit_log a order by audit_id`,
    );
    expect(log.map((row) => row.action)).toEqual([
      'command.create',
      'command.cancel',
      'command_batch.create',
      'command_batch.approve',
      'command_batch.cancel',
    ]);
    expect(new Set(log.map((row) => row.site_id))).toEqual(new Set([bench.siteId]));
    for (const { line } of log) expect(line).not.toContain('hunter2');
  });
});
