import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { Actor, type Behaviour } from '../../src/actor/actor.js';
import { Fifo } from '../../src/actor/fifo.js';

const budget = { maxRestarts: 3, withinMs: 60_000, minDelayMs: 1, maxDelayMs: 5 };

function actorOf<M>(
  receive: Behaviour<M>['receive'],
  options: { mailboxSize?: number; onEscalate?: (e: unknown) => void } = {},
) {
  let created = 0;
  const crashes: unknown[] = [];
  const actor = new Actor<M>({
    name: 'test',
    create: () => {
      created++;
      return { receive };
    },
    mailboxSize: options.mailboxSize ?? 10,
    budget,
    onCrash: (error) => crashes.push(error),
    onEscalate: options.onEscalate ?? (() => undefined),
  });
  return { actor, crashes, created: () => created };
}

describe('Actor', () => {
  it('handles one message at a time, in order', async () => {
    const seen: string[] = [];
    const { actor } = actorOf<number>(async (n) => {
      seen.push(`begin ${n}`);
      await delay(1);
      seen.push(`end ${n}`);
    });
    for (const n of [1, 2, 3]) expect(actor.tell(n)).toBe(true);
    await actor.stop({ drain: true, deadlineMs: 5_000 });
    expect(seen).toEqual(['begin 1', 'end 1', 'begin 2', 'end 2', 'begin 3', 'end 3']);
  });

  it('refuses a message when the mailbox is full', async () => {
    let open = (): void => undefined;
    const gate = new Promise<void>((resolve) => (open = resolve));
    const { actor } = actorOf<number>(() => gate, { mailboxSize: 2 });
    actor.tell(0);
    await delay(5);
    expect([actor.tell(1), actor.tell(2), actor.tell(3)]).toEqual([true, true, false]);
    open();
    await actor.stop({ drain: true, deadlineMs: 5_000 });
    expect(actor.tell(4)).toBe(false);
  });

  it('builds a new behaviour after a crash and goes on with the next message', async () => {
    const seen: number[] = [];
    const { actor, crashes, created } = actorOf<number>((n) => {
      if (n === 2) throw new Error('two');
      seen.push(n);
    });
    for (const n of [1, 2, 3]) actor.tell(n);
    await expect.poll(() => seen).toEqual([1, 3]);
    expect(crashes).toHaveLength(1);
    expect(created()).toBe(2);
    await actor.stop({ drain: true, deadlineMs: 100 });
  });

  it('escalates when the restart budget is spent, and takes nothing more', async () => {
    let escalated: unknown = null;
    const { actor, crashes } = actorOf<number>(
      () => {
        throw new Error('always');
      },
      { onEscalate: (error) => (escalated = error) },
    );
    for (const n of [1, 2, 3, 4]) actor.tell(n);
    await expect.poll(() => escalated).toBeInstanceOf(Error);
    expect(crashes).toHaveLength(budget.maxRestarts);
    expect(actor.tell(5)).toBe(false);
  });

  it('aborts the running message when the drain runs out, and gives back what is left', async () => {
    const { actor } = actorOf<number>(
      (_n, signal) => new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve())),
    );
    actor.tell(1);
    actor.tell(2);
    await delay(5);
    expect(await actor.stop({ drain: true, deadlineMs: 20 })).toEqual([2]);
  });

  it('may be stopped twice', async () => {
    const { actor } = actorOf<number>(() => undefined);
    await Promise.all([
      actor.stop({ drain: false, deadlineMs: 10 }),
      actor.stop({ drain: true, deadlineMs: 10 }),
    ]);
    expect(actor.tell(1)).toBe(false);
  });
});

describe('Fifo', () => {
  it('keeps order over many pushes and shifts', () => {
    const fifo = new Fifo<number>();
    let next = 0;
    for (let i = 0; i < 10_000; i++) {
      fifo.push(i);
      if (i % 3 !== 0) expect(fifo.shift()).toBe(next++);
    }
    expect(fifo.length).toBe(10_000 - next);
    expect(fifo.clear()[0]).toBe(next);
    expect(fifo.shift()).toBeUndefined();
  });
});
