import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { classifyAnswer } from '../../src/poller/upload-client.js';
import { parseRetryAfterMs } from '../../src/domain/retry-after.js';
import { defaultBackoffLimits, fullJitterMs, UploadGate } from '../../src/poller/upload-backoff.js';
import { Deferrals, LiveBuffer } from '../../src/poller/upload-queue.js';

const random = fc.double({ min: 0, max: 0.999999, noNaN: true });

describe('full jitter', () => {
  it('stays between one second and the ceiling, which doubles up to a minute', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 10_000 }), random, (failures, r) => {
        const waitMs = fullJitterMs(failures, defaultBackoffLimits, r);
        expect(waitMs).toBeGreaterThanOrEqual(1_000);
        expect(waitMs).toBeLessThanOrEqual(Math.min(60_000, 1_000 * 2 ** failures));
      }),
    );
    expect(fullJitterMs(6, defaultBackoffLimits, 0.999999)).toBeGreaterThan(59_000);
    expect(fullJitterMs(6, defaultBackoffLimits, 0)).toBe(1_000);
  });
});

describe('Retry-After', () => {
  const nowMs = Date.parse('2026-01-01T00:00:00Z');

  it('is read as seconds and as a date', () => {
    expect(parseRetryAfterMs('7', nowMs)).toBe(7_000);
    expect(parseRetryAfterMs('Thu, 01 Jan 2026 00:00:30 GMT', nowMs)).toBe(30_000);
    expect(parseRetryAfterMs('Wed, 31 Dec 2025 00:00:00 GMT', nowMs)).toBe(0);
  });

  it('is null when absent or nonsense', () => {
    for (const header of [null, '', '-1', '1.5', 'soon', '99999999999999']) {
      expect(parseRetryAfterMs(header, nowMs)).toBeNull();
    }
  });
});

describe('the gate', () => {
  const open = (): UploadGate => new UploadGate(defaultBackoffLimits, () => 0.5);

  it('lets one probe through when the wait is over, and everything after a definite answer', () => {
    const gate = open();
    gate.fail(gate.epoch, 0, null);
    expect(gate.allowed(gate.untilMs - 1, 4)).toBe(0);
    expect(gate.allowed(gate.untilMs, 4)).toBe(1);
    gate.succeed();
    expect(gate.allowed(0, 4)).toBe(4);
  });

  it('counts failures of requests that ran side by side once', () => {
    const gate = open();
    const { epoch } = gate;
    for (let request = 0; request < 4; request++) gate.fail(epoch, 0, null);
    expect(gate.untilMs).toBe(fullJitterMs(1, defaultBackoffLimits, 0.5));
  });

  it('waits as long as the api asks, a little spread, within a bound', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 10_000_000 }), random, (askedMs, r) => {
        const gate = new UploadGate(defaultBackoffLimits, () => r);
        gate.fail(gate.epoch, 0, askedMs);
        const least = Math.min(askedMs, defaultBackoffLimits.maxRetryAfterMs);
        expect(gate.untilMs).toBeGreaterThanOrEqual(least);
        expect(gate.untilMs).toBeLessThanOrEqual(Math.max(1_000, least * 1.25));
      }),
    );
  });

  it('tries a refused key once a minute, also when the api fails in between', () => {
    const gate = open();
    gate.refuse(0);
    expect(gate.untilMs).toBe(60_000);
    gate.fail(gate.epoch, 60_000, 1_000);
    expect(gate.state).toBe('refused');
    expect(gate.untilMs).toBe(120_000);
    gate.succeed();
    expect(gate.state).toBe('open');
  });
});

describe('answers of the api', () => {
  const kindOf = (status: number, body: string | null = null): string =>
    classifyAnswer(status, null, body, 0).kind;

  it('are acknowledged only with a 2xx that says so', () => {
    const full = {
      success: true,
      data: { stored: 3, duplicate: 1, rejected: [{ index: 2, reason: 'INVALID_MINER_ID' }] },
    };
    expect(classifyAnswer(200, null, JSON.stringify(full), 0)).toEqual({
      kind: 'acked',
      isDuplicateBatch: false,
      stored: 3,
      duplicate: 1,
      rejected: [{ index: 2, reason: 'INVALID_MINER_ID' }],
    });
    expect(kindOf(201, '{"success":true}')).toBe('acked');
    for (const body of [
      null,
      '',
      '<html>',
      '{"success":false}',
      '{"success":"true"}',
      '{}',
      '[]',
      'null',
      '{"success":tr',
    ]) {
      expect(kindOf(200, body)).toBe('retry');
    }
  });

  it('may be of an older or newer api: unknown fields are ignored, missing counts are null', () => {
    for (const body of [
      '{"success":true,"inserted":95}',
      '{"success":true,"data":7,"x":{}}',
      '{"success":true,"data":{"stored":"many"}}',
    ]) {
      expect(classifyAnswer(200, null, body, 0)).toMatchObject({
        kind: 'acked',
        stored: null,
        duplicate: null,
        rejected: [],
      });
    }
  });

  it('have the effect the table of answers gives them, and any other keeps the batch', () => {
    const table: Record<number, string> = {
      413: 'split',
      400: 'quarantine',
      422: 'quarantine',
      401: 'key_refused',
      403: 'key_refused',
    };
    for (let status = 100; status < 600; status++) expect(kindOf(status)).toBe(table[status] ?? 'retry');
  });

  it('carry Retry-After', () => {
    expect(classifyAnswer(503, '3', null, 0)).toMatchObject({
      kind: 'retry',
      retryAfterMs: 3_000,
      status: 503,
    });
  });
});

describe('the live buffer', () => {
  it('gives the newest first and sheds the oldest over its bytes', () => {
    const buffer = new LiveBuffer(100);
    const held = (id: string, bytes: number) => ({
      batch: { batchId: id, rows: 1, slotMs: 0, gz: new Uint8Array(bytes) },
      name: null,
    });
    expect(buffer.push(held('a', 40))).toEqual([]);
    expect(buffer.push(held('b', 40))).toEqual([]);
    expect(buffer.push(held('c', 40)).map(({ batch }) => batch.batchId)).toEqual(['a']);
    expect(buffer.push(held('d', 500)).map(({ batch }) => batch.batchId)).toEqual(['b', 'c']);
    expect(buffer.takeNewest()?.batch.batchId).toBe('d');
    expect(buffer.bytes).toBe(0);
    expect(buffer.takeNewest()).toBeUndefined();
  });
});

describe('deferrals', () => {
  it('lengthen with each failure of one batch and are bounded in number', () => {
    const deferrals = new Deferrals({ limit: 2, backoff: defaultBackoffLimits, random: () => 1 });
    deferrals.add('a', 0);
    expect(deferrals.nextMs(0)).toBe(2_000);
    deferrals.add('a', 2_000);
    expect(deferrals.nextMs(2_000)).toBe(6_000);
    deferrals.add('b', 0);
    deferrals.add('c', 0);
    expect(['a', 'b', 'c'].map((name) => deferrals.isDeferred(name, 1))).toEqual([false, true, true]);
    deferrals.delete('b');
    expect(deferrals.isDeferred('b', 1)).toBe(false);
  });
});
