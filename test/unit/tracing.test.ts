import { NodeSDK, tracing as sdk } from '@opentelemetry/sdk-node';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Batcher } from '../../src/poller/batcher.js';
import type { Batch } from '../../src/poller/spool.js';
import { createLogger } from '../../src/telemetry/logger.js';
import { createMetrics } from '../../src/telemetry/metrics.js';
import { toOtelMetrics } from '../../src/telemetry/otel-metrics.js';
import {
  causedBy,
  inSpan,
  recordSpan,
  startSpan,
  traceCall,
  traceHeaders,
  traceIds,
  traceParentOf,
} from '../../src/telemetry/tracing.js';

const span = (n: number, flags = '01'): string => `00-${'a'.repeat(32)}-${String(n).repeat(16)}-${flags}`;

describe('without OpenTelemetry', () => {
  it('there are no traces, ids or headers, and work is done all the same', async () => {
    expect(await inSpan('work', {}, async () => [traceIds(), traceHeaders()])).toEqual([{}, {}]);
    expect(traceParentOf(startSpan('work', { parent: null }))).toBeUndefined();
    expect(recordSpan('work', { endMs: 1 })).toBeUndefined();
    expect(await traceCall('call', {}, async () => 7)).toBe(7);
    const boom = inSpan('work', {}, async () => Promise.reject(new Error('boom')));
    await expect(boom).rejects.toThrow('boom');
  });

  it('a trace that others carry is carried on', () => {
    expect(recordSpan('work', { parent: span(1), endMs: 1 })).toBe(span(1));
  });
});

describe('several causes', () => {
  it('make the first that is recorded the parent and the others links', () => {
    expect(causedBy([undefined, span(1, '00'), span(2), span(3), span(2)])).toEqual({
      parent: span(2),
      links: [span(1, '00'), span(3)],
    });
    expect(causedBy([span(1, '00')])).toEqual({ parent: span(1, '00'), links: [] });
    expect(causedBy([undefined])).toEqual({ parent: null, links: [] });
  });
});

describe('with OpenTelemetry', () => {
  const exporter = new sdk.InMemorySpanExporter();
  const node = new NodeSDK({
    autoDetectResources: false,
    sampler: new sdk.ParentBasedSampler({ root: new sdk.AlwaysOnSampler() }),
    spanProcessors: [new sdk.SimpleSpanProcessor(exporter)],
    metricReaders: [],
    logRecordProcessors: [],
  });
  beforeAll(() => node.start());
  beforeEach(() => exporter.reset());
  afterAll(() => node.shutdown());

  it('a line of the log within a span has its ids, another has none', async () => {
    const lines: Record<string, unknown>[] = [];
    const log = createLogger('info', {
      write: (line) => void lines.push(JSON.parse(line) as object as never),
    });
    log.info('before');
    const trace = await inSpan('work', {}, async (one) => {
      log.child({ site: 'north' }).info('within');
      return traceParentOf(one);
    });
    expect(lines[0]).not.toHaveProperty('trace_id');
    expect(`00-${String(lines[1]?.['trace_id'])}-${String(lines[1]?.['span_id'])}-01`).toBe(trace);
    expect(lines[1]).toMatchObject({ site: 'north' });
  });

  it('a batch is part of the first trace that is recorded, and says which others it is of', () => {
    const batches: Batch[] = [];
    const batcher = new Batcher({
      flushMs: 60_000,
      maxRows: 9,
      maxBytes: 1e6,
      deliver: (one) => batches.push(one),
    });
    const piece = { rows: 1, gz: new Uint8Array(1), startMs: 0, endMs: 1 };
    for (const trace of [span(1, '00'), span(2), span(3)]) batcher.add(piece, 5, trace);
    batcher.flush();
    const [found] = exporter.getFinishedSpans();
    expect(found?.parentSpanContext?.spanId).toBe('2'.repeat(16));
    expect(found?.links.map(({ context }) => context.spanId)).toEqual(['1'.repeat(16), '3'.repeat(16)]);
    expect(batches[0]?.trace).toBe(`00-${'a'.repeat(32)}-${found?.spanContext().spanId ?? ''}-01`);
    expect(traceHeaders()).toEqual({});
  });

  it('what was decided not to be recorded is not recorded further on', () => {
    expect(recordSpan('work', { parent: span(1, '00'), endMs: 1 })).toMatch(/-00$/);
    expect(exporter.getFinishedSpans()).toEqual([]);
  });

  it('a call has a span within a trace alone, and headers lead on from the span at work', async () => {
    await traceCall('lonely', {}, async () => 1);
    expect(exporter.getFinishedSpans()).toEqual([]);
    const headers = await inSpan('work', { parent: span(1) }, () =>
      traceCall('call', {}, async () => traceHeaders()),
    );
    const [call, work] = exporter.getFinishedSpans();
    expect(call?.parentSpanContext?.spanId).toBe(work?.spanContext().spanId);
    expect(headers['traceparent']).toBe(`00-${'a'.repeat(32)}-${call?.spanContext().spanId ?? ''}-01`);
  });

  it('a failure is told by its class, not by its text', async () => {
    const work = inSpan('work', {}, async () => Promise.reject(new RangeError('password is hunter2')));
    await expect(work).rejects.toThrow();
    const [found] = exporter.getFinishedSpans();
    expect(found?.attributes['error.type']).toBe('RangeError');
    expect(JSON.stringify([found?.status, found?.events, found?.attributes])).not.toContain('hunter2');
  });
});

describe('metrics as OpenTelemetry has them', () => {
  it('are the registry: sums, gauges and histograms with what lies between their bounds', async () => {
    const metrics = createMetrics({ withProcess: false });
    metrics.add('headframe_slots_total', 3, { outcome: 'polled' });
    metrics.set('headframe_spool_bytes', 12);
    for (const seconds of [0.05, 0.15, 0.15, 99]) metrics.observe('headframe_poll_cycle_seconds', seconds);
    for (const family of ['a', 'b']) metrics.observe('miner_poll_latency_ms', 7, { family });
    const found = new Map(
      toOtelMetrics(await metrics.read(), 1_000, 2_500).map((one) => [one.descriptor.name, one]),
    );
    expect(found.get('headframe_slots_total')).toMatchObject({
      descriptor: { unit: '{slots}' },
      dataPointType: 3,
      isMonotonic: true,
      dataPoints: [
        { startTime: [1, 0], endTime: [2, 500_000_000], attributes: { outcome: 'polled' }, value: 3 },
      ],
    });
    expect(found.get('headframe_spool_bytes')).toMatchObject({
      descriptor: { unit: 'By' },
      dataPointType: 2,
    });
    expect(found.get('headframe_poll_cycle_seconds')?.dataPoints[0]?.value).toEqual({
      buckets: {
        boundaries: [0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 60],
        counts: [1, 2, 0, 0, 0, 0, 0, 0, 0, 0, 1],
      },
      sum: 99.35,
      count: 4,
    });
    expect(found.get('miner_poll_latency_ms')?.dataPoints).toHaveLength(2);
    expect(found.has('headframe_rollup_lag_seconds')).toBe(false);
  });
});
