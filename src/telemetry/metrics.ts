import {
  Counter,
  Gauge,
  Histogram,
  Registry,
  collectDefaultMetrics,
  type MetricObjectWithValues,
  type MetricValue,
} from 'prom-client';
import { metricTable, type MetricName, type MetricSpec } from './metric-table.js';
import { SeriesLimit, type Labels } from './series-limit.js';

/** One metric with its series, as the registry holds them. */
export type MetricReading = MetricObjectWithValues<MetricValue<string>>;

/** The process's metrics: typed by name over the one table in `metric-table.ts`. */
export interface Metrics {
  /** Adds to a counter. */
  add(name: MetricName, value: number, labels?: Labels): void;
  /** Sets a gauge. */
  set(name: MetricName, value: number, labels?: Labels): void;
  /** Records an observation in a histogram. */
  observe(name: MetricName, value: number, labels?: Labels): void;
  /** Sets a gauge from `read` at every scrape. */
  gauge(name: MetricName, read: () => number, labels?: Labels): void;
  /** Takes the series of a gauge away: what it told is not known any more. */
  clear(name: MetricName): void;
  /** Prometheus text. */
  text(): Promise<string>;
  /** Every series, Node's own too. */
  read(): Promise<MetricReading[]>;
  readonly contentType: string;
}

type Made = { readonly metric: Counter | Gauge | Histogram; readonly limit: SeriesLimit };

/**
 * Builds a registry with every metric of the table, and Node's own (`nodejs_*`, `process_*`). A gauge has no series
 * until it is set: what a process does not know of it does not tell.
 */
export function createMetrics(options: { withProcess: boolean } = { withProcess: true }): Metrics {
  const registry = new Registry();
  if (options.withProcess) collectDefaultMetrics({ register: registry });
  const readers = new Map<MetricName, { labels: Labels; read: () => number }[]>();
  const made = new Map<MetricName, Made>();

  for (const [name, spec] of Object.entries(metricTable) as [MetricName, MetricSpec][]) {
    const base = { name, help: spec.help, labelNames: [...spec.labels], registers: [registry] };
    const metric =
      spec.kind === 'counter'
        ? new Counter(base)
        : spec.kind === 'histogram'
          ? new Histogram({ ...base, buckets: [...(spec.buckets ?? [])] })
          : new Gauge({
              ...base,
              collect() {
                for (const { labels, read } of readers.get(name) ?? []) this.set(labels, read());
              },
            });
    // Without labels it would begin with a 0 that nobody measured.
    if (spec.kind === 'gauge') empty(metric);
    made.set(name, { metric, limit: new SeriesLimit(spec) });
  }

  const of = <T extends Counter | Gauge | Histogram>(name: MetricName, labels: Labels): [T, Labels] => {
    const { metric, limit } = made.get(name) as Made;
    return [metric as T, limit.fit(labels)];
  };
  return {
    add(name, value, wanted = {}) {
      const [metric, labels] = of<Counter>(name, wanted);
      metric.inc(labels, value);
    },
    set(name, value, wanted = {}) {
      const [metric, labels] = of<Gauge>(name, wanted);
      metric.set(labels, value);
    },
    observe(name, value, wanted = {}) {
      const [metric, labels] = of<Histogram>(name, wanted);
      metric.observe(labels, value);
    },
    gauge(name, read, wanted = {}) {
      const [, labels] = of<Gauge>(name, wanted);
      readers.set(name, [...(readers.get(name) ?? []), { labels, read }]);
    },
    clear(name) {
      const { metric, limit } = made.get(name) as Made;
      empty(metric);
      limit.clear();
    },
    text: () => registry.metrics(),
    read: () => registry.getMetricsAsJSON(),
    contentType: registry.contentType,
  };
}

function empty(metric: Counter | Gauge | Histogram): void {
  metric.reset();
  // Without labels a reset leaves a 0.
  metric.remove({});
}
