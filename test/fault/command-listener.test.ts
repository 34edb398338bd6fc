import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CommandListener } from '../../src/storage/command-listener.js';
import { createCommandBench, type CommandBench } from '../support/commands.js';
import { testEditions } from '../support/database.js';
import { silent } from '../support/storage.js';
import { waitFor } from '../support/wait.js';

describe.each(testEditions())('hearing of commands on %s', (edition) => {
  let bench: CommandBench;
  beforeAll(async () => {
    bench = await createCommandBench(edition);
  });
  afterAll(() => bench.close());

  const listening = `from pg_stat_activity where datname = current_database() and query = 'listen headframe_commands'`;
  const endListeners = async (count: number): Promise<void> => {
    await waitFor(
      'listeners',
      async () => (await bench.storage.query(`select pid ${listening}`)).length === count,
    );
    const ended = await bench.storage.query<{ ok: boolean }>(
      `select pg_terminate_backend(pid) as ok ${listening}`,
    );
    expect(ended.map(({ ok }) => ok)).toEqual(new Array(count).fill(true));
  };

  test('goes on at once when its connections are ended under it', async () => {
    // So rarely does who waits look by itself that only a notice can be in time.
    const apis = await Promise.all([1, 2].map(() => bench.start({ tick_ms: 10_000 }, { listens: true })));
    const [one, two] = apis as [(typeof apis)[number], (typeof apis)[number]];
    for (const isAfterRest of [false, true]) {
      await endListeners(2);
      // A command that comes while nobody listens, and one that comes later.
      if (isAfterRest) await delay(1_500);
      const miner = `miner ${String(isAfterRest)}`;
      const polled = one.collector('GET', 'commands/pending?wait=25');
      await waitFor('the poll', () => one.api.metric('headframe_command_polls_waiting'));
      const began = performance.now();
      await two.person('POST', 'commands', {
        site_id: bench.siteId,
        miner_id: miner,
        command_type: 'reboot',
      });
      expect(await polled).toMatchObject([200, { commands: [{ miner_id: miner }] }]);
      expect(performance.now() - began).toBeLessThan(2_000);
    }
    for (const api of apis) await api.stop();
  });

  test('wakes everybody when something may have been missed, and not whenever it asks again', async () => {
    const wakes: (number | null)[] = [];
    const listener = new CommandListener({
      url: bench.storage.url,
      connectTimeoutMs: 2_000,
      renewEveryMs: 50,
      log: silent,
      onWake: (siteId) => wakes.push(siteId),
    });
    try {
      await waitFor('listening', () => wakes.length > 0);
      await delay(500);
      expect(wakes).toEqual([null]);
      await endListeners(1);
      await waitFor('listening again', () => wakes.length > 1);
      await bench.storage.query(`select pg_notify('headframe_commands', '7')`);
      await waitFor('the notice', () => wakes.length > 2);
      await delay(200);
      expect(wakes).toEqual([null, null, 7]);
    } finally {
      await listener.stop();
    }
  });
});
