import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createGateMemory, MinerGate } from '../../src/domain/miner-gate.js';

const a = 0x7f14_0001;
const b = 0x7f14_0002;

describe('the gate between polls and commands', () => {
  it('lets polls in until a command holds the miner, and that one only', () => {
    const memory = createGateMemory();
    const [thread, main] = [new MinerGate(memory), new MinerGate(memory)];
    expect(thread.enter(a)).toBe(true);
    main.hold(a);
    expect(main.isPolled(a)).toBe(true);
    expect(thread.enter(a)).toBe(false);
    expect(thread.enter(b)).toBe(true);
    thread.leave(a);
    expect(main.isPolled(a)).toBe(false);
    main.release(a);
    expect(thread.enter(a)).toBe(true);
  });

  it('forgets polls of a thread that died, and does not count their end twice', () => {
    const gate = new MinerGate(createGateMemory());
    gate.enter(a);
    gate.hold(a);
    gate.forgetPolls(a);
    expect(gate.isPolled(a)).toBe(false);
    gate.leave(a);
    gate.release(a);
    expect(gate.enter(a)).toBe(true);
    expect(gate.isPolled(a)).toBe(true);
  });

  it('is back where it was after any steps that match', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.boolean(), fc.integer({ min: 0, max: 2 ** 32 - 1 }))), (steps) => {
        const gate = new MinerGate(createGateMemory());
        const undo: (() => void)[] = [];
        for (const [isCommand, address] of steps) {
          if (isCommand) {
            gate.hold(address);
            undo.push(() => gate.release(address));
          } else if (gate.enter(address)) undo.push(() => gate.leave(address));
        }
        for (const step of undo) step();
        for (const [, address] of steps) {
          expect(gate.isPolled(address)).toBe(false);
          expect(gate.enter(address)).toBe(true);
          gate.leave(address);
        }
      }),
    );
  });
});
