import { startSimulatorProcess } from '../children.js';
import { progress, type Figure } from '../report.js';
import { createPool, Farm, rangesOf } from './farm.js';
import { describeBusy, ratioOf, summarise, time, type Round } from './round.js';

const base = '127.50.0.1';
/** Every miner takes this long to answer a command, ms, as in the field. */
const answerMs = 100;

/**
 * Two threads against one where neither the simulator nor the cores are the limit: miners that take
 * their time, so that a thread does what its sockets allow.
 */
export async function benchScaling(miners: number, rounds: number): Promise<Figure[]> {
  const simulator = await startSimulatorProcess([
    ...['--base', base, '--count', String(miners), '--mix', 'clean', '--seed', '7'],
    ...['--fault', `slow:${answerMs}=1`],
  ]);
  const pools = [createPool(1), createPool(2)] as const;
  try {
    const farm = new Farm({ ranges: rangesOf(base, miners), port: simulator.port, joins: 'never' });
    progress(`scaling: learning ${miners} miners`);
    await farm.poll(pools[1]);
    const one: Round[] = [];
    const two: Round[] = [];
    for (let round = 0; round < rounds; round++) {
      progress(`scaling: round ${round + 1} of ${rounds}`);
      one.push(await time(simulator.pid, () => farm.poll(pools[0])));
      two.push(await time(simulator.pid, () => farm.poll(pools[1])));
    }
    const [single, both] = [summarise(one), summarise(two)];
    const name = (text: string): string => `miners that take ${answerMs} ms: ${text}`;
    return [
      { name: name('one thread'), value: single.repliesPerS, unit: 'replies/s', note: describeBusy(single) },
      { name: name('two threads'), value: both.repliesPerS, unit: 'replies/s', note: describeBusy(both) },
      {
        name: name('two threads / one'),
        value: ratioOf(two, one, (round) => round.replies / round.elapsedS),
        unit: '',
        target: { atLeast: 1.6 },
      },
    ];
  } finally {
    await Promise.all(pools.map((pool) => pool.close()));
    await simulator.stop();
  }
}
