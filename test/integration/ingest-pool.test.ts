import { gzipSync } from 'node:zlib';
import { afterEach, expect, it } from 'vitest';
import { IngestPool } from '../../src/api/ingest-pool.js';
import { defaultHealthThresholds } from '../../src/domain/health.js';
import type { IngestTask } from '../../src/domain/ingest-task.js';
import { createLogger } from '../../src/telemetry/logger.js';

let pool: IngestPool | null = null;
afterEach(async () => {
  await pool?.close();
  pool = null;
});

const task = (): IngestTask => ({
  body: new Uint8Array(gzipSync('[]')),
  saysGzip: true,
  siteId: 1,
  batchId: null,
  maxInflatedBytes: 1_000_000,
  maxRecords: 1_000,
  context: {
    receivedMs: Date.now(),
    maxAgeMs: 1_000_000,
    maxAheadMs: 1_000,
    thresholds: defaultHealthThresholds,
  },
});

it('reads uploads in the order in which they come, also while new ones go on coming', async () => {
  const own = (pool = new IngestPool(createLogger('silent'), { threads: 1, deadlineMs: 20_000 }));
  const begun: number[] = [];
  const ended: number[] = [];
  const runs: Promise<void>[] = [];
  const begin = (): void => {
    const n = begun.push(begun.length) - 1;
    runs.push(
      own.run(task()).then(() => {
        ended.push(n);
        if (begun.length < 40) begin();
      }),
    );
  };
  for (let i = 0; i < 4; i++) begin();
  for (let i = 0; i < runs.length; i++) await runs[i];
  expect(ended).toEqual(begun);
  expect(own.load).toBe(0);
});

it('refuses what waits past its deadline, and reads what comes after', async () => {
  const own = (pool = new IngestPool(createLogger('silent'), { threads: 1, deadlineMs: 1 }));
  const late = await Promise.allSettled(Array.from({ length: 5 }, () => own.run(task())));
  for (const result of late) expect(result).toMatchObject({ reason: { code: 'OVERLOADED' } });
  expect(own.load).toBe(0);
  await own.close();
  const next = (pool = new IngestPool(createLogger('silent'), { threads: 1 }));
  expect(await next.run(task())).toMatchObject({ kind: 'parsed', rowCount: 0 });
});
