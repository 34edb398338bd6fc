import { startSimulatorProcess } from '../children.js';
import { progress, type Figure } from '../report.js';
import { BareLoop } from './bare-loop.js';
import { createPool, Farm, rangesOf, socketsPerThread } from './farm.js';
import { describeBusy, ratioOf, summarise, time, type Round } from './round.js';

/** How a farm is asked. */
export interface Mode {
  readonly name: string;
  readonly joins: 'auto' | 'never';
  /** Kinds of machine; empty: all of the simulator's clean mix. */
  readonly models: readonly string[];
  /** Of the bare loop, per thread. */
  readonly requiredRatio: number;
  /** Two threads are compared with one too. */
  readonly hasTwoThreads: boolean;
}

const base = '127.20.0.1';

/**
 * Poll and bare loop in turn over the same farm, the simulator in a process of its own. The first passes
 * learn the farm and warm the threads, and are not counted.
 */
export async function benchThroughput(mode: Mode, miners: number, rounds: number): Promise<Figure[]> {
  const simulator = await startSimulatorProcess([
    ...['--base', base, '--count', String(miners), '--mix', 'clean', '--seed', '7'],
    ...(mode.models.length > 0 ? ['--models', mode.models.join(',')] : []),
  ]);
  const pool = createPool(1);
  let bare: BareLoop | null = null;
  try {
    const farm = new Farm({ ranges: rangesOf(base, miners), port: simulator.port, joins: mode.joins });
    progress(`${mode.name}: learning ${miners} miners`);
    // Twice: a new miner is asked who it is once its family is known.
    await farm.poll(pool);
    await farm.poll(pool);
    const loop = (bare = new BareLoop(1, await farm.requests()));
    await loop.run(simulator.port, socketsPerThread);
    const polls: Round[] = [];
    const bares: Round[] = [];
    for (let round = 1; round <= rounds; round++) {
      progress(`${mode.name}: round ${round} of ${rounds}`);
      const bareRound = await time(simulator.pid, () => loop.run(simulator.port, socketsPerThread));
      const pollRound = await time(simulator.pid, () => checked(farm, pool, miners));
      if (bareRound.replies !== pollRound.replies)
        throw new Error(`${pollRound.replies} replies polled, ${bareRound.replies} by the bare loop`);
      bares.push(bareRound);
      polls.push(pollRound);
    }
    const one = throughputFigures(mode, miners, polls, bares);
    return mode.hasTwoThreads ? [...one, ...(await scaling(mode, farm, simulator.pid, miners, polls))] : one;
  } finally {
    await bare?.close();
    await pool.close();
    await simulator.stop();
  }
}

async function checked(
  farm: Farm,
  pool: ReturnType<typeof createPool>,
  miners: number,
): Promise<{ replies: number }> {
  const pass = await farm.poll(pool);
  if (pass.rows !== miners || pass.unhealthy > 0)
    throw new Error(`${pass.rows} rows of ${miners} miners, ${pass.unhealthy} of them not mining`);
  return pass;
}

function throughputFigures(
  mode: Mode,
  miners: number,
  polls: readonly Round[],
  bares: readonly Round[],
): Figure[] {
  const poll = summarise(polls);
  const bare = summarise(bares);
  const perMiner = (polls[0]?.replies ?? 0) / miners;
  const name = (text: string): string => `${mode.name}: ${text}`;
  return [
    { name: name('bare loop'), value: bare.repliesPerS, unit: 'replies/s', note: describeBusy(bare) },
    { name: name('poll'), value: poll.repliesPerS, unit: 'replies/s', note: describeBusy(poll) },
    { name: name('poll'), value: poll.repliesPerS / perMiner, unit: 'miners/s' },
    {
      name: name('poll / bare loop'),
      value: ratioOf(polls, bares, (round) => round.replies / round.elapsedS),
      unit: '',
      target: { atLeast: mode.requiredRatio },
    },
    {
      name: name('poll / bare loop, per CPU second'),
      value: ratioOf(polls, bares, (round) => round.replies / round.cpuS),
      unit: '',
    },
  ];
}

/** Two threads and the simulator want three cores: CPU time tells what they would do with them. */
async function scaling(
  mode: Mode,
  farm: Farm,
  simulatorPid: number,
  miners: number,
  one: readonly Round[],
): Promise<Figure[]> {
  const pool = createPool(2);
  const rounds: Round[] = [];
  try {
    for (let round = 0; round <= one.length; round++) {
      progress(`${mode.name}: two threads, round ${round} of ${one.length}`);
      const timed = await time(simulatorPid, () => checked(farm, pool, miners));
      if (round > 0) rounds.push(timed);
    }
  } finally {
    await pool.close();
  }
  const two = summarise(rounds);
  return [
    { name: `${mode.name}: two threads`, value: two.repliesPerS, unit: 'replies/s', note: describeBusy(two) },
    {
      name: `${mode.name}: two threads / one, per CPU second`,
      value: (2 * two.repliesPerCpuS) / summarise(one).repliesPerCpuS,
      unit: '',
      target: { atLeast: 1.6 },
    },
  ];
}
