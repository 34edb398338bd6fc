import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { IngestRow } from '../../src/domain/ingest.js';
import { createCommandBench, type Answer, type CommandApi, type CommandBench } from '../support/commands.js';
import { testEditions } from '../support/database.js';
import { ingestBatch, ingestRow } from '../support/ingest-rows.js';

type Row = Partial<IngestRow>;

describe.each(testEditions())('effects of commands on %s', (edition) => {
  let bench: CommandBench;
  let api: CommandApi;
  let n = 0;
  beforeAll(async () => {
    bench = await createCommandBench(edition);
    api = await bench.start();
  });
  afterAll(() => bench.close());
  beforeEach(() => bench.storage.query('delete from miner_commands'));

  const write = (miner: string, atMs: number, row: Row) =>
    bench.storage.store.writeBatch(
      ingestBatch(
        [ingestRow(miner, new Date(atMs).toISOString(), { mac: null, ip: null, ...row })],
        bench.storage.key,
      ),
    );

  /** A miner reads `before`, is told, acknowledges, and reads `after`; what is known of the effect then. */
  const tell = async (
    type: string,
    parameters: object,
    before: Row,
    after: Row,
    miner = `miner-${++n}`,
  ): Promise<Record<string, Answer>> => {
    await write(miner, Date.now() - 20_000, before);
    const body = { site_id: bench.siteId, miner_id: miner, command_type: type, parameters };
    const [, made] = await api.person('POST', 'commands', body);
    await api.collector('GET', 'commands/pending');
    const id = String(made['command_id']);
    await api.collector('POST', `commands/${id}/result`, { status: 'completed' });
    // What was read before it ended tells nothing.
    await bench.sweep();
    const [, early] = await api.person('GET', `commands/${id}`);
    expect(early['command']).toMatchObject({ status: 'completed', confirmation: 'waiting' });
    await write(miner, Date.now() + 10_000, after);
    await bench.sweep();
    const [, answer] = await api.person('GET', `commands/${id}`);
    return answer['command'] as unknown as Record<string, Answer>;
  };

  /** One that is set to MHz. */
  const s9 = { model: 'Antminer S9' };
  const pool = { pool_url: 'stratum+tcp://new.example:3333', pool_user: 'farm.7' };
  const shown: [string, object, Row, Row][] = [
    ['reboot', {}, { uptime_seconds: 86_400 }, { uptime_seconds: 3 }],
    ['restart', {}, { uptime_seconds: 86_400 }, { uptime_seconds: 0 }],
    ['enable', {}, { state: 'sleeping', hashrate_ghs: 0 }, { state: 'mining', hashrate_ghs: 90_000 }],
    ['disable', {}, { state: 'mining' }, { state: 'sleeping', hashrate_ghs: 0, hashrate_5s_ghs: 0 }],
    ['set_pool', pool, {}, { pool_url: 'stratum+tcp://NEW.example:3333/', worker_name: 'farm.7' }],
    ['set_fan', { speed: 90 }, { fan_speeds: [4_000, 4_000] }, { fan_speeds: [5_500, 5_600] }],
    ['set_frequency', { frequency: 500 }, { ...s9, frequency_avg: 675 }, { ...s9, frequency_avg: 498.5 }],
    ['set_frequency', { percent: -10 }, { frequency_avg: 600 }, { frequency_avg: 545 }],
  ];
  test.each(shown)('are confirmed by later samples: %s %j', async (type, parameters, before, after) => {
    expect(await tell(type, parameters, before, after)).toMatchObject({
      confirmation: 'confirmed',
      confirmed_at: expect.any(String) as string,
      observed: { online: true },
      status: 'completed',
    });
  });

  const notShown: [string, object, Row, Row][] = [
    ['reboot', {}, { uptime_seconds: 86_400 }, { uptime_seconds: 86_430 }],
    ['enable', {}, { state: 'sleeping', hashrate_ghs: 0 }, { state: 'sleeping', hashrate_ghs: 0 }],
    ['disable', {}, { state: 'mining' }, { state: 'mining' }],
    ['set_pool', pool, {}, { pool_url: 'stratum+tcp://new.example:3333', worker_name: 'thief.1' }],
    ['set_pool', { pool_id: 1 }, {}, {}],
    ['set_fan', { speed: 90 }, { fan_speeds: [4_000] }, { fan_speeds: [4_050] }],
    ['set_frequency', { frequency: 500 }, { ...s9, frequency_avg: 675 }, { ...s9, frequency_avg: 675 }],
  ];
  test.each(notShown)(
    'are not confirmed in time when nothing changed: %s %j',
    async (type, parameters, before, after) => {
      const command = await tell(type, parameters, before, after);
      expect(command['confirmation']).toBe('waiting');
      await bench.storage.query('update miner_commands set confirm_until = now()');
      await bench.sweep();
      const [, answer] = await api.person('GET', `commands/${JSON.stringify(command['command_id'])}`);
      expect(answer['command']).toMatchObject({
        status: 'completed',
        confirmation: 'not_confirmed',
        confirmed_at: null,
        observed: { time: expect.any(String) as string },
      });
      const events = answer['events'] as unknown as { note: string | null }[];
      expect(events.at(-1)?.note).toBe('not_confirmed');
    },
  );

  test.each(['reported', 'never reported'])('are looked for when nobody knows: unknown, %s', async (how) => {
    const reset = { uptime_seconds: 3 };
    const outcomes: [Row, string][] = [
      [reset, 'confirmed'],
      [{ uptime_seconds: 90_000 }, 'not_confirmed'],
    ];
    for (const [after, confirmation] of outcomes) {
      const miner = `miner-${++n}`;
      await write(miner, Date.now() - 20_000, { uptime_seconds: 86_400 });
      const body = { site_id: bench.siteId, miner_id: miner, command_type: 'reboot' };
      const [, made] = await api.person('POST', 'commands', body);
      await api.collector('GET', 'commands/pending');
      const id = String(made['command_id']);
      if (how === 'reported') await api.collector('POST', `commands/${id}/result`, { status: 'unknown' });
      else await bench.storage.query('update miner_commands set lease_until = now()');
      await bench.sweep();
      const waiting = { status: 'unknown', confirmation: 'waiting' };
      expect((await api.person('GET', `commands/${id}`))[1]).toMatchObject({ command: waiting });
      await write(miner, Date.now() + 10_000, after);
      await bench.sweep();
      await bench.storage.query(`update miner_commands set confirm_until = now() where command_id = ${id}`);
      await bench.sweep();
      // What came of it is told beside its end, which stays.
      const told = { status: 'unknown', confirmation, observed: after };
      expect((await api.person('GET', `commands/${id}`))[1]).toMatchObject({ command: told });
    }
  });

  test('of a fan that is set to what it turns at are told by how it turned then', async () => {
    const at = (rpm: number): Row => ({ fan_speeds: [rpm] });
    const told = async (before: Row, after: Row) => {
      // The last one's samples are of a minute ago.
      await bench.storage.query(`update miner_telemetry_live set time = time - interval '1 min'`);
      return tell('set_fan', { speed: 90 }, before, after, 'fan-miner');
    };
    expect(await told(at(4_000), at(5_500))).toMatchObject({ confirmation: 'confirmed' });
    expect(await told(at(5_500), at(5_520))).toMatchObject({ confirmation: 'confirmed' });
    // Somebody else slowed it down meanwhile, and it stays so.
    expect(await told(at(4_000), at(4_020))).toMatchObject({ confirmation: 'waiting' });
  });

  test('of a pool chosen by its number are told by the list of pools', async () => {
    const pools = [
      { index: 0, active: false },
      { index: 1, active: true },
    ];
    const details = { pools } as unknown as NonNullable<IngestRow['details']>;
    expect(await tell('set_pool', { pool_id: 1 }, {}, { details })).toMatchObject({
      confirmation: 'confirmed',
    });
  });

  test('are asked for by a collector of the protocol as it is', async () => {
    const ask = async (path: string, init: RequestInit = {}) => {
      const headers = { 'X-Collector-Key': bench.key, 'Content-Type': 'application/octet-stream' };
      const response = await fetch(`${api.api.url}${path}`, { headers, ...init });
      return [response.status, (await response.json()) as Record<string, unknown>] as const;
    };
    // It tries another protocol first, without a key too, and falls back on 404 alone.
    expect((await ask('/api/edge/v1/commands/poll'))[0]).toBe(404);
    expect((await ask('/api/edge/v1/commands/poll', { headers: {} }))[0]).toBe(404);
    await write('a1', Date.now() - 15_000, {});
    const order = { site_id: bench.siteId, miner_id: 'a1', command_type: 'restart' };
    await api.person('POST', 'commands', order);
    const [status, answer] = await ask('/api/collector/commands/pending');
    expect([status, answer['success'], answer['count']]).toEqual([200, true, 1]);
    const [command] = answer['commands'] as { command_id: number; command: string; params: object }[];
    expect(command).toMatchObject({ command: 'restart', params: {}, site_id: bench.siteId, priority: 5 });
    const body = `{"status": "completed", "result_code": 0, "result_message": "OK", "site_id": "${bench.siteId}",
      "executed_at": "2026-01-01T00:00:00.123456", "miner_id": "a1", "command": "restart", "action": "RESTART",
      "before": {"hashrate": NaN, "online": true}, "after": null, "execution_time_ms": 120.7}`;
    const path = `/api/collector/commands/${command?.command_id}/result`;
    expect(await ask(path, { method: 'POST', body })).toEqual([
      200,
      { success: true, message: 'Result reported successfully' },
    ]);
    expect((await ask('/api/collector/commands/pending'))[1]).toMatchObject({ commands: [], count: 0 });
    const [, told] = await api.person('GET', `commands/${command?.command_id}`);
    expect(told['command']).toMatchObject({
      status: 'completed',
      result: {
        executed_at: '2026-01-01T00:00:00.123456',
        before: { hashrate: null, online: true },
        execution_time_ms: 120.7,
      },
    });
  });
});
