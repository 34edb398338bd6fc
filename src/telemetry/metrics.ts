import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client';
import { metricTable, type MetricName, type MetricSpec } from './metric-table.js';

type Labels = Readonly<Record<string, string>>;

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
  /** Prometheus text. */
  text(): Promise<string>;
  readonly contentType: string;
}

/** Builds a registry with every metric of the table, and Node's own (`nodejs_*`, `process_*`). */
export function createMetrics(options: { withProcess: boolean } = { withProcess: true }): Metrics {
  const registry = new Registry();
  if (options.withProcess) collectDefaultMetrics({ register: registry });
  const readers = new Map<MetricName, { labels: Labels; read: () => number }[]>();
  const made = new Map<MetricName, Counter | Gauge | Histogram>();

  for (const [name, spec] of Object.entries(metricTable) as [MetricName, MetricSpec][]) {
    const base = { name, help: spec.help, labelNames: [...spec.labels], registers: [registry] };
    if (spec.kind === 'counter') made.set(name, new Counter(base));
    else if (spec.kind === 'histogram')
      made.set(name, new Histogram({ ...base, buckets: [...(spec.buckets ?? [])] }));
    else
      made.set(
        name,
        new Gauge({
          ...base,
          collect() {
            for (const { labels, read } of readers.get(name) ?? []) this.set(labels, read());
          },
        }),
      );
  }

  const of = <T extends Counter | Gauge | Histogram>(name: MetricName): T => made.get(name) as T;
  return {
    add: (name, value, labels = {}) => of<Counter>(name).inc(labels, value),
    set: (name, value, labels = {}) => of<Gauge>(name).set(labels, value),
    observe: (name, value, labels = {}) => of<Histogram>(name).observe(labels, value),
    gauge(name, read, labels = {}) {
      const list = readers.get(name) ?? [];
      list.push({ labels, read });
      readers.set(name, list);
    },
    text: () => registry.metrics(),
    contentType: registry.contentType,
  };
}
