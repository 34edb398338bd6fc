import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { z } from 'zod';

const value = z.record(z.string(), z.unknown()).transform((it) => Object.values(it)[0]);
const attributes = z
  .array(z.object({ key: z.string(), value }))
  .default([])
  .transform((list) => Object.fromEntries(list.map((one) => [one.key, one.value])));
const spanSchema = z.object({
  traceId: z.string().regex(/^[0-9a-f]{32}$/),
  spanId: z.string().regex(/^[0-9a-f]{16}$/),
  parentSpanId: z.string().default(''),
  name: z.string(),
  startTimeUnixNano: z.coerce.bigint(),
  endTimeUnixNano: z.coerce.bigint(),
  links: z.array(z.object({ traceId: z.string(), spanId: z.string() })).default([]),
  attributes,
});
const requestSchema = z.object({
  resourceSpans: z.array(
    z.object({
      resource: z.object({ attributes }),
      scopeSpans: z.array(z.object({ spans: z.array(spanSchema) })),
    }),
  ),
});

const points = z.object({
  dataPoints: z.array(
    z.object({
      attributes,
      asDouble: z.number().optional(),
      count: z.coerce.number().optional(),
      bucketCounts: z.array(z.coerce.number()).optional(),
      explicitBounds: z.array(z.number()).optional(),
    }),
  ),
});
const metricSchema = z.object({
  name: z.string(),
  unit: z.string().default(''),
  sum: points.extend({ isMonotonic: z.boolean(), aggregationTemporality: z.number() }).optional(),
  gauge: points.optional(),
  histogram: points.extend({ aggregationTemporality: z.number() }).optional(),
});
const metricsRequestSchema = z.object({
  resourceMetrics: z.array(
    z.object({
      resource: z.object({ attributes }),
      scopeMetrics: z.array(z.object({ metrics: z.array(metricSchema) })),
    }),
  ),
});

/** A metric as it was received. */
export type ReceivedMetric = z.infer<typeof metricSchema>;

/** A span as it was received. */
export interface ReceivedSpan extends z.infer<typeof spanSchema> {
  /** Attributes of the process it is from. */
  readonly resource: Readonly<Record<string, unknown>>;
}

export interface OtlpReceiver {
  readonly url: string;
  readonly spans: readonly ReceivedSpan[];
  /** What each service told last, by its name. */
  readonly metrics: ReadonlyMap<string, readonly ReceivedMetric[]>;
  /** A span and what it is part of, up to the root or to what was not received. */
  ancestors(span: ReceivedSpan): ReceivedSpan[];
  close(): Promise<void>;
}

/** Takes traces and metrics over OTLP (http/json). */
export async function startOtlpReceiver(): Promise<OtlpReceiver> {
  const spans: ReceivedSpan[] = [];
  const metrics = new Map<string, ReceivedMetric[]>();
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      if (request.url === '/v1/traces') {
        const body = requestSchema.parse(JSON.parse(Buffer.concat(chunks).toString()));
        for (const { resource, scopeSpans } of body.resourceSpans)
          for (const scope of scopeSpans)
            spans.push(...scope.spans.map((span) => ({ ...span, resource: resource.attributes })));
      }
      if (request.url === '/v1/metrics') {
        const body = metricsRequestSchema.parse(JSON.parse(Buffer.concat(chunks).toString()));
        for (const { resource, scopeMetrics } of body.resourceMetrics)
          metrics.set(
            String(resource.attributes['service.name']),
            scopeMetrics.flatMap((scope) => scope.metrics),
          );
      }
      response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
    });
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    spans,
    metrics,
    ancestors(span) {
      const line = [span];
      for (let next = span; ; line.push(next)) {
        const above = spans.find((one) => one.spanId === next.parentSpanId && one.traceId === next.traceId);
        if (above === undefined) return line;
        next = above;
      }
    },
    async close() {
      server.closeAllConnections();
      await once(server.close(), 'close');
    },
  };
}
