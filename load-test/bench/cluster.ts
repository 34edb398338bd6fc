import { parseArgs } from 'node:util';
import { benchPollers } from './cluster/pollers.js';
import { benchQueueCost } from './cluster/queue-cost.js';
import { redisProgram } from './redis-server.js';
import { describeMachine, finish, loadOfMachine, type Figure } from './report.js';

const { values } = parseArgs({
  options: {
    /** Few shards, short: shows that it works, not how fast. */
    quick: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    only: { type: 'string', multiple: true, default: ['pollers', 'queue'] },
    /** Only this size of the queue: 400 or 10000. */
    shards: { type: 'string' },
    'redis-server': { type: 'string' },
  },
});
const isQuick = values.quick;
const program =
  values['redis-server'] ?? (await redisProgram(process.env['HEADFRAME_TEST_REDIS_URL'] ?? null));
if (program === null) throw new Error('name a program: --redis-server, or eval "$(scripts/services env)"');

const loadBefore = loadOfMachine();
const figures: Figure[] = [];
if (values.only.includes('pollers'))
  figures.push(
    ...(await benchPollers({
      redisProgram: program,
      pollers: isQuick ? [1, 2] : [1, 2, 3],
      shards: isQuick ? 6 : 36,
      minersPerShard: isQuick ? 5 : 22,
      intervalS: isQuick ? 2 : 6,
      sockets: isQuick ? 4 : 16,
      intervals: isQuick ? 2 : 8,
      learnIntervals: isQuick ? 2 : 6,
    })),
  );
const rememberS = 60;
const sizes = isQuick
  ? [{ shards: 40, intervalS: 2 }]
  : [
      { shards: 400, intervalS: 10 },
      { shards: 10_000, intervalS: 60 },
    ].filter(({ shards }) => values.shards === undefined || shards === Number(values.shards));
if (values.only.includes('queue'))
  for (const { shards, intervalS } of sizes)
    for (const coordinators of isQuick ? [1, 2] : [1, 3])
      figures.push(
        ...(await benchQueueCost({
          redisProgram: program,
          shards,
          intervalS,
          coordinators,
          rememberS,
          intervals: isQuick ? 2 : Math.ceil(60 / intervalS),
        })),
      );
finish(
  {
    title: 'cluster: pollers and coordinators over Redis',
    machine: describeMachine(),
    figures,
    remarks: [
      'Pollers: real processes with 16 sockets each and miners that take 100 ms, as many as three of them manage; uploads go to a process that takes them all.',
      `Shards: jobs are added by coordinators and done at once, nobody is polled; finished ones are kept for ${rememberS} s. Learned profiles come on top.`,
      `Load of the machine when it began: ${loadBefore ?? 'unknown'}.`,
    ],
  },
  values.json,
);
