import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { joinSignals } from '../../src/actor/join-signals.js';
import { waitFor } from '../support/wait.js';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

describe('signals that are joined', () => {
  it('are aborted with the first of them, for its reason', () => {
    const [one, two] = [new AbortController(), new AbortController()];
    const joined = joinSignals([one.signal, two.signal]);
    expect(joined.signal.aborted).toBe(false);
    two.abort(new Error('two'));
    one.abort(new Error('one'));
    expect(joined.signal.reason).toEqual(new Error('two'));
    expect(joinSignals([one.signal]).signal.reason).toEqual(new Error('one'));
  });

  it('end in time, whatever is collected before', async () => {
    const source = new AbortController();
    let name = '';
    const wait = (): void => {
      const { signal } = joinSignals([source.signal], 300);
      signal.addEventListener('abort', () => (name = (signal.reason as Error).name));
    };
    wait();
    const collecting = setInterval(collect, 20);
    await waitFor('the deadline', () => name !== '', { timeoutMs: 5_000 });
    clearInterval(collecting);
    expect(name).toBe('TimeoutError');
  });

  it('leave nothing behind in what outlives them', async () => {
    const source = new AbortController();
    const bytes = (): number => {
      collect();
      return process.memoryUsage().heapUsed;
    };
    const use = (times: number): void => {
      for (let i = 0; i < times; i++) joinSignals([source.signal], 60_000).end();
    };
    use(20_000);
    const before = bytes();
    use(100_000);
    // A mark of 16 bytes each would be 1.6 MB.
    expect(bytes() - before).toBeLessThan(1_000_000);
    const { signal, end } = joinSignals([source.signal]);
    end();
    source.abort();
    expect(signal.aborted).toBe(false);
  });
});
