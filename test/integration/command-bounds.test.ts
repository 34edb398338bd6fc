import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createCommandBench, type CommandApi, type CommandBench } from '../support/commands.js';
import { testEditions } from '../support/database.js';

interface Item {
  readonly command_id: number;
  readonly created_at: string;
}

describe.each(testEditions())('bounds of commands on %s', (edition) => {
  let bench: CommandBench;
  let api: CommandApi;
  beforeAll(async () => {
    bench = await createCommandBench(edition);
    api = await bench.start();
  });
  afterAll(() => bench.close());
  beforeEach(() => bench.storage.query('delete from miner_commands'));

  const order = (from: CommandApi, miner: string) =>
    from.person('POST', 'commands', { miner_id: miner, site_id: bench.siteId, command_type: 'reboot' });
  const pending = async (from: CommandApi, query = '', key = bench.key): Promise<readonly Item[]> => {
    const [status, answer] = await from.collector('GET', `commands/pending${query}`, undefined, key);
    expect(status).toBe(200);
    return answer['commands'] as unknown as Item[];
  };

  test('no more are given than the cap of a day, however many ask at once', async () => {
    const [one, two] = [await bench.start({ daily_cap: 7 }), await bench.start({ daily_cap: 7 })];
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, n) => order(n % 2 === 0 ? one : two, `m${n}`)),
    );
    expect(answers.filter(([status]) => status === 200)).toHaveLength(7);
    expect(answers.filter(([status]) => status === 409)).toHaveLength(13);
    await Promise.all([one.stop(), two.stop()]);
  });

  test('a result that names another command of the same number is not taken', async () => {
    await order(api, 'a');
    const [item] = await pending(api);
    const id = item?.command_id ?? 0;
    const report = async (createdAt: string | undefined): Promise<number> => {
      const body = { status: 'completed', created_at: createdAt };
      return (await api.collector('POST', `commands/${id}/result`, body))[0];
    };
    expect(await report('2020-01-01T00:00:00.000Z')).toBe(404);
    expect((await bench.statuses()).get(id)).toBe('sent');
    expect(await report(item?.created_at)).toBe(200);
    expect((await bench.statuses()).get(id)).toBe('completed');
  });

  test('one key does not take all places of those who wait', async () => {
    const shared = await bench.start({ max_waiting_polls: 3, max_waiting_polls_per_key: 2 });
    const own = [0, 1].map(() => pending(shared, '?wait=5'));
    await delay(300);
    const beganMs = performance.now();
    expect(await pending(shared, '?wait=5')).toEqual([]);
    const fullMs = performance.now() - beganMs;
    await pending(shared, '?wait=2', bench.otherKey);
    expect(performance.now() - beganMs - fullMs).toBeGreaterThan(1_900);
    expect(fullMs).toBeLessThan(1_900);
    await shared.stop();
    await Promise.allSettled(own);
  });
});
