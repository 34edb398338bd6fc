import { chmod, mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import {
  addAndKill,
  coordinatorStop,
  leave,
  redisFault,
  type FaultReport,
} from '../support/cluster-faults.js';
import { startCluster, type Cluster } from '../support/cluster.js';
import { createTestDatabase, testEditions, type TestDatabase } from '../support/database.js';
import { killPrograms } from '../support/processes.js';
import { redisProgram } from '../../load-test/bench/redis-server.js';
import { testRedisUrl } from '../support/services.js';

const program = await redisProgram(testRedisUrl());
const size = { shards: 12, minersPerShard: 5, intervalS: 2 };
let cluster: Cluster | null = null;
let database: TestDatabase | null = null;

afterEach(async () => {
  await cluster?.close();
  await database?.drop();
  cluster = null;
  database = null;
});
afterAll(killPrograms);

async function start(counts: { coordinators: number; pollers: number }): Promise<Cluster> {
  const dir = await mkdtemp(join(tmpdir(), 'headframe-cluster-'));
  await chmod(dir, 0o711);
  database = await createTestDatabase({ edition: testEditions().at(-1) ?? 'plain' });
  return (cluster = await startCluster({
    ...size,
    ...counts,
    databaseUrl: database.url,
    dir,
    redisProgram: program ?? '',
    network: '127.83',
    seed: 7,
    settings: { 'poll.threads': 1 },
  }));
}

/** The facts are told when a promise is broken. */
const expectHeld = ({ facts, violations }: FaultReport): void =>
  expect(violations, JSON.stringify(facts, null, 1)).toEqual([]);

// At full length: load-test/scenarios/cluster.ts. These need a Redis that may be killed.
describe.runIf(program !== null)('a cluster', () => {
  it('polls on within five seconds after Redis was killed and lost everything, without a burst', async () => {
    const running = await start({ coordinators: 2, pollers: 2 });
    expectHeld(await redisFault(running, size, { kind: 'kill', awayMs: 500 }));
  }, 90_000);

  it('polls on after Redis stood still, and no slot twice', async () => {
    const running = await start({ coordinators: 1, pollers: 2 });
    expectHeld(await redisFault(running, size, { kind: 'pause', awayMs: 5_000 }));
  }, 90_000);

  it('polls each slot once and does each command once while a coordinator of three stands still', async () => {
    const running = await start({ coordinators: 3, pollers: 2 });
    expectHeld(await coordinatorStop(running, size, 5_000));
  }, 90_000);

  it('shares the work with pollers that are added, and goes on when one is killed', async () => {
    const running = await start({ coordinators: 1, pollers: 1 });
    // Few polls are counted here: how even they are is measured at full length.
    expectHeld(await addAndKill(running, size, { settleIntervals: 3, maxImbalance: 0.6 }));
  }, 90_000);

  it('loses no slot when a poller is told to leave', async () => {
    const running = await start({ coordinators: 1, pollers: 2 });
    expectHeld(await leave(running, size));
  }, 90_000);
});
