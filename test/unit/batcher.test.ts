import { gunzipSync, gzipSync } from 'node:zlib';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { Batcher } from '../../src/poller/batcher.js';
import type { Batch } from '../../src/poller/spool.js';

const piece = (...records: number[]) => ({
  startMs: 0,
  endMs: 1,
  rows: records.length,
  gz: gzipSync(records.map((n) => JSON.stringify({ n })).join(',')),
});
const recordsOf = (batch: Batch): number[] =>
  (JSON.parse(gunzipSync(batch.gz).toString()) as { n: number }[]).map(({ n }) => n);

function batcherOf(options: { flushMs?: number; maxRows?: number; maxBytes?: number } = {}) {
  const batches: Batch[] = [];
  const deliver = (batch: Batch): void => void batches.push(batch);
  return {
    batches,
    batcher: new Batcher({ flushMs: 60_000, maxRows: 100, maxBytes: 1e6, ...options, deliver }),
  };
}

describe('Batcher', () => {
  it('joins pieces into one JSON array without inflating them', () => {
    const { batcher, batches } = batcherOf();
    batcher.add(piece(1, 2), 5_000);
    batcher.add(piece(3), 6_000);
    expect(batcher.rows).toBe(3);
    batcher.flush();
    expect(batches.map(recordsOf)).toEqual([[1, 2, 3]]);
    expect(batches[0]).toMatchObject({ rows: 3, slotMs: 5_000 });
    expect(batcher.rows).toBe(0);
  });

  it('hands over before a batch would pass its bounds', () => {
    const { batcher, batches } = batcherOf({ maxRows: 3 });
    for (const n of [1, 2, 3, 4]) batcher.add(piece(n), 1);
    expect(batches.map(recordsOf)).toEqual([[1, 2, 3]]);
    expect(batcher.rows).toBe(1);
    const small = batcherOf({ maxBytes: piece(1).gz.length + 1 });
    small.batcher.add(piece(1), 1);
    small.batcher.add(piece(2), 1);
    expect(small.batches.map(recordsOf)).toEqual([[1]]);
  });

  it('hands over when the first record has waited long enough', async () => {
    const { batcher, batches } = batcherOf({ flushMs: 20 });
    batcher.add(piece(1), 1);
    await delay(10);
    batcher.add(piece(2), 1);
    await expect.poll(() => batches.map(recordsOf)).toEqual([[1, 2]]);
  });

  it('hands over nothing when there is nothing', () => {
    const { batcher, batches } = batcherOf();
    batcher.flush();
    expect(batches).toEqual([]);
  });
});
