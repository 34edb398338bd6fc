import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { derivedBatchId, formatBatchName, parseBatchName } from '../../src/poller/spool-name.js';
import { OldestNames, SpoolWindow } from '../../src/poller/spool-window.js';

const batchNames = fc.record({
  timeMs: fc.integer({ min: 0, max: 9_999_999_999_999 }),
  rows: fc.integer({ min: 0, max: 999_999_999 }),
  bytes: fc.integer({ min: 0, max: 9_999_999_999 }),
  batchId: fc.uuid(),
});
const trace = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';

describe('batch names', () => {
  it('are read back as they were written', () => {
    fc.assert(
      fc.property(batchNames, (batch) => {
        expect(parseBatchName(formatBatchName(batch))).toEqual(batch);
      }),
    );
  });

  it('carry the trace of their batch, and sort by time with it', () => {
    fc.assert(
      fc.property(batchNames, batchNames, (batch, later) => {
        const name = formatBatchName({ ...batch, trace });
        expect(parseBatchName(name)).toEqual({ ...batch, trace });
        expect(name.length).toBeLessThan(200);
        fc.pre(batch.timeMs < later.timeMs);
        expect(name < formatBatchName(later)).toBe(true);
      }),
    );
  });

  it('sort by time', () => {
    fc.assert(
      fc.property(batchNames, batchNames, (a, b) => {
        fc.pre(a.timeMs < b.timeMs);
        expect(formatBatchName(a) < formatBatchName(b)).toBe(true);
      }),
    );
  });

  it('are not read from anything else', () => {
    const name = formatBatchName({
      timeMs: 1.7e12,
      rows: 256,
      bytes: 4,
      batchId: '0f0e0d0c-0b0a-4908-8706-050403020100',
    });
    expect(name).toBe('1700000000000-r256-b4-0f0e0d0c-0b0a-4908-8706-050403020100.json.gz');
    for (const other of [
      `.tmp-${name}`,
      `${name}.tmp`,
      name.slice(1),
      name.toUpperCase(),
      '',
      'quarantine',
    ]) {
      expect(parseBatchName(other)).toBeNull();
    }
  });
});

describe('ids of parts', () => {
  it('are UUIDs, the same each time, and differ by parent and part', () => {
    fc.assert(
      fc.property(fc.uuid(), fc.uuid(), (a, b) => {
        const id = derivedBatchId(a, 0);
        expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
        expect(derivedBatchId(a, 0)).toBe(id);
        expect(derivedBatchId(a, 1)).not.toBe(id);
        if (a !== b) expect(derivedBatchId(b, 0)).not.toBe(id);
      }),
    );
  });
});

/** The window against a plain sorted set: it may forget the newest, never invent or lose an older one. */
describe('the window of oldest names', () => {
  const step = fc.oneof(
    fc.record({ do: fc.constant('add' as const), name: fc.integer({ min: 100, max: 160 }).map(String) }),
    fc.record({ do: fc.constant('delete' as const), name: fc.integer({ min: 100, max: 160 }).map(String) }),
    fc.record({ do: fc.constant('list' as const), name: fc.constant('') }),
  );

  it('answers the oldest names that there are, whatever was added, deleted and listed', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const limit = 4;
        const window = new SpoolWindow(limit);
        const all = new Set<string>();
        for (const { do: action, name } of steps) {
          if (action === 'add') {
            all.add(name);
            window.add(name);
          } else if (action === 'delete') {
            all.delete(name);
            window.delete(name);
          } else {
            const listed = new OldestNames(limit);
            for (const one of all) listed.push(one);
            window.load(listed);
          }
          const sorted = [...all].sort();
          if (window.oldest !== null) expect(window.oldest).toBe(sorted[0]);
          else expect(window.isPartial || all.size === 0).toBe(true);
          for (const one of all) expect(window.mayHold(one)).toBe(true);
          if (!window.isPartial) expect(window.mayHold('not there')).toBe(false);
          if (action === 'list') expect(window.isPartial).toBe(all.size > limit);
        }
      }),
      { numRuns: 500 },
    );
  });
});
