import {
  context,
  isSpanContextValid,
  propagation,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  trace,
  type Attributes,
  type Context,
  type Span,
  type SpanContext,
} from '@opentelemetry/api';
import { AppError } from '../domain/errors.js';
import type { Shard } from '../domain/shards.js';

export type { Span } from '@opentelemetry/api';

/**
 * What carries a trace from part to part, in jobs, names of files and memory: W3C `traceparent`,
 * `00-<trace>-<span>-<flags>` in lower-case hex.
 */
export type TraceParent = string;

export interface SpanStart {
  /** What it is part of; without it, the span at work now; null: nothing. */
  readonly parent?: TraceParent | null | undefined;
  /** What else led to it, at most `maxLinks`. */
  readonly links?: readonly TraceParent[];
  readonly kind?: 'internal' | 'producer' | 'consumer' | 'client' | 'server';
  /** When it began, ms since the epoch; now when absent. */
  readonly startMs?: number;
  readonly attributes?: Attributes;
}

/** Links of one span; more causes are left out. */
const maxLinks = 32;
const kinds = {
  internal: SpanKind.INTERNAL,
  producer: SpanKind.PRODUCER,
  consumer: SpanKind.CONSUMER,
  client: SpanKind.CLIENT,
  server: SpanKind.SERVER,
};
const pattern = /^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/;
// Until an SDK is registered every span of it is one that records nothing.
const tracer = trace.getTracer('headframe');

/** What names a shard in spans. */
export const shardAttributes = ({ id, site, zone }: Pick<Shard, 'id' | 'site' | 'zone'>): Attributes => ({
  'headframe.shard': id,
  'headframe.site': site,
  'headframe.zone': zone,
});

/** Does `work` in a span that ends with it. Slots, batches, requests and calls have spans; samples never. */
export async function inSpan<T>(
  name: string,
  start: SpanStart,
  work: (span: Span) => Promise<T>,
): Promise<T> {
  const span = startSpan(name, start);
  try {
    return await context.with(trace.setSpan(context.active(), span), () => work(span));
  } catch (error) {
    failSpan(span, error);
    throw error;
  } finally {
    span.end();
  }
}

/** A span of what is over already, for work that was done elsewhere; what carries on from it. */
export function recordSpan(
  name: string,
  start: SpanStart & { readonly endMs: number },
): TraceParent | undefined {
  const span = startSpan(name, start);
  span.end(start.endMs);
  return traceParentOf(span);
}

/** Begins a span that the caller ends. */
export function startSpan(name: string, { parent, links = [], kind, startMs, attributes }: SpanStart): Span {
  const options = {
    kind: kinds[kind ?? 'internal'],
    ...(startMs !== undefined && { startTime: startMs }),
    ...(attributes && { attributes }),
    ...(links.length > 0 && { links: linksTo(links) }),
  };
  return tracer.startSpan(name, options, contextOf(parent));
}

/** Marks a span as failed, without the error's text, which may hold what is nobody's business. */
export function failSpan(span: Span, error: unknown): void {
  const type = error instanceof AppError ? error.code : error instanceof Error ? error.name : 'unknown';
  span.setStatus({ code: SpanStatusCode.ERROR });
  span.setAttribute('error.type', type);
}

/** What carries on from a span; undefined while nothing is traced. */
export function traceParentOf(span: Span): TraceParent | undefined {
  const { traceId, spanId, traceFlags } = span.spanContext();
  return isSpanContextValid(span.spanContext())
    ? `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, '0')}`
    : undefined;
}

/** Of several causes the first that is recorded is the parent, the others are links. */
export function causedBy(causes: readonly (TraceParent | undefined)[]): Pick<SpanStart, 'parent' | 'links'> {
  const known = [...new Set(causes)].filter((cause) => cause !== undefined);
  const parent = known.find((cause) => (parseInt(cause.slice(-2), 16) & 1) === 1) ?? known[0];
  return { parent: parent ?? null, links: known.filter((cause) => cause !== parent) };
}

/** A span of a call within what is traced; outside of that the call alone. */
export function traceCall<T>(name: string, attributes: Attributes, call: () => Promise<T>): Promise<T> {
  return trace.getActiveSpan()?.isRecording() === true
    ? inSpan(name, { kind: 'client', attributes }, call)
    : call();
}

/** Headers by which the next process carries on from the span at work now. */
export function traceHeaders(): Record<string, string> {
  const headers: Record<string, string> = {};
  propagation.inject(context.active(), headers);
  return headers;
}

/** Begins the span of a request that came with `headers`, and calls `next` in it. */
export function serveInSpan(name: string, headers: object, next: (span: Span) => void): void {
  const from = propagation.extract(ROOT_CONTEXT, headers);
  const span = tracer.startSpan(name, { kind: SpanKind.SERVER }, from);
  context.with(trace.setSpan(from, span), next, undefined, span);
}

/** Ids that lead from a line of the log to its trace; nothing outside of one. */
export function traceIds(): object {
  const found = trace.getActiveSpan()?.spanContext();
  return found && isSpanContextValid(found) ? { trace_id: found.traceId, span_id: found.spanId } : {};
}

function contextOf(parent: TraceParent | null | undefined): Context {
  if (parent === undefined) return context.active();
  const found = parent === null ? null : parse(parent);
  return found === null ? ROOT_CONTEXT : trace.setSpanContext(ROOT_CONTEXT, found);
}

function linksTo(links: readonly TraceParent[]): { context: SpanContext }[] {
  const found = links.slice(0, maxLinks).map(parse);
  return found.filter((link) => link !== null).map((link) => ({ context: link }));
}

function parse(parent: TraceParent): SpanContext | null {
  const [, traceId, spanId, flags] = pattern.exec(parent) ?? [];
  if (traceId === undefined || spanId === undefined || flags === undefined) return null;
  return { traceId, spanId, traceFlags: parseInt(flags, 16), isRemote: true };
}
