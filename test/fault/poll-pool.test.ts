import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import type { PollTask } from '../../src/domain/poll-task.js';
import { PollPool } from '../../src/poller/poll-pool.js';
import { createLogger } from '../../src/telemetry/logger.js';

const workerFile = fileURLToPath(new URL('../support/misbehaving-worker.mjs', import.meta.url));
let pool: PollPool | null = null;
afterEach(async () => {
  await pool?.close();
  pool = null;
});

const open = (): PollPool =>
  (pool = new PollPool({
    workerFile,
    threads: 2,
    socketsPerThread: 4,
    tasksPerThread: 1,
    maxQueue: 10,
    maxHeapMb: 32,
    stuckMs: 1_500,
    log: createLogger('silent'),
  }));

async function run(shardId: string): Promise<{ kind: string; pieces: number; ms: number }> {
  const began = performance.now();
  let pieces = 0;
  const { kind } = await (pool as PollPool).run({ shardId } as PollTask, () => pieces++);
  return { kind, pieces, ms: performance.now() - began };
}

describe('a poll thread', () => {
  it('gives all its pieces before its outcome', async () => {
    open();
    const runs = await Promise.all(Array.from({ length: 8 }, () => run('fine')));
    for (const result of runs) expect(result).toMatchObject({ kind: 'done', pieces: 1 });
  });

  it.each(['exit', 'throw', 'memory', 'loop'])(
    'that meets "%s" fails its own task, and the pool is whole again',
    async (how) => {
      open();
      await run('fine');
      const [bad, ...good] = await Promise.all([run(how), run('fine'), run('fine')]);
      expect(bad).toMatchObject({ kind: 'failed' });
      expect(bad.ms).toBeLessThan(10_000);
      for (const result of good) expect(result.kind).toBe('done');
      const after = await Promise.all([run('fine'), run('fine'), run('fine')]);
      for (const result of after) {
        expect(result.kind).toBe('done');
        expect(result.ms).toBeLessThan(2_000);
      }
    },
  );

  it('is not waited for without bound: a task too many fails at once', async () => {
    open();
    const loops = [run('loop'), run('loop')];
    const waiting = Array.from({ length: 12 }, () => run('fine'));
    const results = await Promise.all(waiting);
    expect(results.filter(({ kind }) => kind === 'failed').length).toBeGreaterThanOrEqual(2);
    await Promise.all(loops);
  });
});
