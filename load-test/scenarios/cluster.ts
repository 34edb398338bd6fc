/**
 * A cluster under faults at full length, with real processes over a Redis of its own:
 *
 *     node --import tsx load-test/scenarios/cluster.ts --only redis-kill,add-kill --seed 3
 *
 * `redis-kill`, `redis-restart` (with what it held), `redis-flush`, `redis-pause` (30 s); `coordinator-stop`:
 * one of three stands still for a minute; `add-kill`: two pollers are added and one is killed; `overload`:
 * twice the miners that fit; `leave`: a poller is told to end; `half-open`: the way of a poller to Redis
 * swallows everything. Prints one line of JSON per case; exits 1 when a promise is broken.
 */
import { parseArgs } from 'node:util';
import {
  addAndKill,
  coordinatorStop,
  halfOpen,
  leave,
  overload,
  redisFault,
  type FaultReport,
} from '../../test/support/cluster-faults.js';
import { startCluster, type Cluster, type ClusterOptions } from '../../test/support/cluster.js';
import { killPrograms } from '../../test/support/processes.js';
import { redisProgram } from '../bench/redis-server.js';
import { testRedisUrl } from '../../test/support/services.js';
import { createDatabase, makeFolder, print, serverUrl } from './scenario.js';

const cases = [
  'redis-kill',
  'redis-restart',
  'redis-flush',
  'redis-pause',
  'coordinator-stop',
  'add-kill',
  'overload',
  'leave',
  'half-open',
];
const { values } = parseArgs({
  options: {
    only: { type: 'string', default: cases.join(',') },
    seed: { type: 'string', default: '1' },
    shards: { type: 'string', default: '24' },
    miners: { type: 'string', default: '15' },
    interval: { type: 'string', default: '5' },
    pause: { type: 'string', default: '30' },
    stopped: { type: 'string', default: '60' },
    overload: { type: 'string', default: '600' },
    network: { type: 'string', default: '127.81' },
    'database-url': { type: 'string' },
    'redis-server': { type: 'string' },
  },
});

const size = {
  shards: Number(values.shards),
  minersPerShard: Number(values.miners),
  intervalS: Number(values.interval),
};
const seed = Number(values.seed);

/** A shard of slow miners takes a poller 2.5 s; three pollers finish six of them in five seconds, and get twelve. */
const tooMany = { shards: 12, minersPerShard: 25, intervalS: 5 };
const slow: Partial<ClusterOptions> = {
  ...tooMany,
  settings: { 'poll.threads': 1, 'poll.shards_per_thread': 1, 'poll.sockets_per_thread': 2 },
  simulator: ['--models', 'antminer-s19', '--fault', 'slow:100=1'],
};

async function withCluster(
  options: Partial<ClusterOptions>,
  work: (cluster: Cluster) => Promise<FaultReport>,
): Promise<FaultReport> {
  const program = values['redis-server'] ?? (await redisProgram(testRedisUrl()));
  if (program === null) throw new Error('name a program: --redis-server, or eval "$(scripts/services env)"');
  const dir = await makeFolder('cluster');
  const database = await createDatabase(serverUrl(values['database-url']));
  let cluster: Cluster | null = null;
  try {
    cluster = await startCluster({
      databaseUrl: database.url,
      dir,
      redisProgram: program,
      ...size,
      network: values.network,
      seed,
      coordinators: 3,
      pollers: 3,
      ...options,
      ...(options.redisFlags !== undefined && { redisFlags: [...options.redisFlags, '--dir', dir] }),
    });
    return await work(cluster);
  } finally {
    await cluster?.close();
    await database.drop();
  }
}

const redis = (kind: 'kill' | 'restart' | 'flush' | 'pause', awayMs: number) => (): Promise<FaultReport> =>
  withCluster(kind === 'restart' ? { redisFlags: ['--appendonly', 'yes'] } : {}, (cluster) =>
    redisFault(cluster, size, { kind, awayMs }),
  );
const runs: Readonly<Record<string, () => Promise<FaultReport>>> = {
  'redis-kill': redis('kill', 1_000),
  'redis-restart': redis('restart', 500),
  'redis-flush': redis('flush', 0),
  'redis-pause': redis('pause', Number(values.pause) * 1_000),
  'coordinator-stop': () =>
    withCluster({}, (cluster) => coordinatorStop(cluster, size, Number(values.stopped) * 1_000)),
  'add-kill': () =>
    withCluster({ pollers: 1 }, (cluster) => addAndKill(cluster, size, { settleIntervals: 6 })),
  overload: () =>
    withCluster(slow, (cluster) =>
      overload(cluster, tooMany, Math.ceil(Number(values.overload) / tooMany.intervalS)),
    ),
  leave: () => withCluster({}, (cluster) => leave(cluster, size)),
  'half-open': () => withCluster({ pollers: 2 }, (cluster) => halfOpen(cluster, size, 20_000)),
};

let broken = 0;
try {
  for (const name of values.only.split(',')) {
    const run = runs[name];
    if (run === undefined) throw new Error(`no case ${name}; there are ${cases.join(', ')}`);
    print(`${name}, seed ${seed}`);
    const { facts, violations } = await run();
    broken += violations.length;
    process.stdout.write(`${JSON.stringify({ ...facts, seed, violations })}\n`);
  }
} finally {
  await killPrograms();
}
print(broken === 0 ? 'every promise held' : `${broken} promises broken`);
process.exitCode = broken === 0 ? 0 : 1;
