import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { endStatuses, type CommandStatus } from '../../src/domain/commands.js';
import { createCommandBench, type CommandApi, type CommandBench } from '../support/commands.js';
import { testEditions } from '../support/database.js';

const miners = ['a', 'b', 'c'] as const;
/** What may happen to the queue, in any order and at once. */
const step = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('create' as const),
      miner: fc.constantFrom(...miners),
      type: fc.constantFrom('reboot', 'enable', 'set_fan'),
      priority: fc.integer({ min: 0, max: 3 }),
    }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('claim' as const), wait: fc.boolean() }) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('report' as const),
      pick: fc.nat(20),
      status: fc.constantFrom('completed', 'failed', 'skipped', 'unknown'),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('cancel' as const), pick: fc.nat(20) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('lease' as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('expire' as const), pick: fc.nat(20) }) },
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;
/** Steps of one round run at once, each against one of two instances. */
const rounds = fc.array(fc.array(fc.tuple(step, fc.nat(1)), { minLength: 1, maxLength: 5 }), {
  minLength: 3,
  maxLength: 10,
});

interface Event {
  readonly command_id: number;
  readonly from_status: CommandStatus | null;
  readonly to_status: CommandStatus;
}

describe.each(testEditions())('the states of commands on %s', (edition) => {
  let bench: CommandBench;
  let apis: readonly [CommandApi, CommandApi];
  beforeAll(async () => {
    bench = await createCommandBench(edition);
    apis = await Promise.all([bench.start(), bench.start()]);
  });
  afterAll(() => bench.close());
  beforeEach(() => bench.storage.query('delete from miner_commands'));

  test('have one winner of what happens at once, one event for each transition, and no way out of an end', async () => {
    await fc.assert(
      fc.asyncProperty(rounds, async (all) => {
        await bench.storage.query('delete from miner_commands');
        const ids: number[] = [];
        const handedOut: string[] = [];
        const won = new Map<number, number>();
        const win = (id: number): void => void won.set(id, (won.get(id) ?? 0) + 1);
        const run = async ([what, which]: [Step, number]): Promise<void> => {
          const api = apis[which] ?? apis[0];
          const id = 'pick' in what ? ids[what.pick % Math.max(1, ids.length)] : undefined;
          switch (what.kind) {
            case 'create': {
              const parameters = what.type === 'set_fan' ? { speed: 50 } : {};
              const body = {
                site_id: bench.siteId,
                miner_id: what.miner,
                command_type: what.type,
                parameters,
              };
              const [, answer] = await api.person('POST', 'commands', { ...body, priority: what.priority });
              ids.push(answer['command_id'] as unknown as number);
              return;
            }
            case 'claim': {
              const [status, answer] = await api.collector('GET', 'commands/pending');
              expect(status).toBe(200);
              for (const item of answer['commands'] as unknown as { command_id: number; attempt: number }[])
                handedOut.push(`${item.command_id} ${item.attempt}`);
              return;
            }
            case 'report':
              if (id !== undefined)
                expect(
                  await api.collector('POST', `commands/${id}/result`, { status: what.status }),
                ).toMatchObject([200, {}]);
              return;
            case 'cancel': {
              if (id === undefined) return;
              const [status] = await api.person('DELETE', `commands/${id}`);
              expect([200, 400]).toContain(status);
              if (status === 200) win(id);
              return;
            }
            case 'lease':
              await bench.storage.query(
                `update miner_commands set lease_until = now() where status = 'sent'`,
              );
              await bench.sweep({ max_attempts: 3 });
              return;
            case 'expire':
              if (id !== undefined)
                await bench.storage.query(
                  `update miner_commands set expires_at = now() where command_id = ${id}`,
                );
              await bench.sweep();
          }
        };
        for (const round of all) {
          await Promise.all(round.map(run));
          const out = await bench.storage.query<{ n: number }>(
            `select count(*)::int as n from miner_commands where status = 'sent' group by target`,
          );
          for (const { n } of out) expect(n).toBe(1);
        }
        const events = await bench.storage.query<Event>(
          'select command_id, from_status, to_status from command_events order by event_id',
        );
        const statuses = await bench.statuses();
        for (const id of ids) {
          const own = events.filter((event) => event.command_id === id);
          // A chain from the creation to where it stands: no step is missing and none is twice.
          let at: CommandStatus | null = null;
          for (const { from_status, to_status } of own) {
            expect(from_status).toBe(at);
            expect(at === null || !endStatuses.has(at)).toBe(true);
            at = to_status;
          }
          expect(at).toBe(statuses.get(id));
          expect(won.get(id) ?? 0).toBe(own.filter((event) => event.to_status === 'cancelled').length);
        }
        expect(new Set(handedOut).size).toBe(handedOut.length);
        const sent = events.filter((event) => event.to_status === 'sent');
        expect(sent.length).toBe(handedOut.length);
        // What must not be done twice is handed out once.
        const twice = await bench.storage.query(
          `select from miner_commands where kind in ('reboot', 'restart') and attempts > 1`,
        );
        expect(twice).toEqual([]);
      }),
      { numRuns: 40 },
    );
  }, 180_000);
});
