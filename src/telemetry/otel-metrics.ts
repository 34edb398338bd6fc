import type { HrTime } from '@opentelemetry/api';
import type { metrics as sdk } from '@opentelemetry/sdk-node';
import { metricTable, type MetricUnit } from './metric-table.js';
import type { MetricReading } from './metrics.js';

/** The numbers that the SDK gives its kinds of points; the SDK itself is not loaded for them. */
const pointTypes = { histogram: 0, gauge: 2, counter: 3 };
const cumulative = 1;
const double = 1;
/** Units in UCUM. A name that ends in `_ms` tells its unit: Prometheus would add `_milliseconds` to it. */
const units: Partial<Record<MetricUnit, string>> = { s: 's', ms: '', bytes: 'By', ratio: '1', flag: '' };

type Series = MetricReading['values'][number] & { readonly metricName?: string };
interface Histogram {
  readonly attributes: Record<string, string | number>;
  readonly bounds: { readonly le: number; readonly count: number }[];
  sum: number;
  count: number;
}

/** The registry's series as OpenTelemetry's: one table declares both. Without a kind of their own summaries are left out. */
export function toOtelMetrics(
  readings: readonly MetricReading[],
  startMs: number,
  nowMs: number,
): sdk.MetricData[] {
  const times = { startTime: toHrTime(startMs), endTime: toHrTime(nowMs) };
  return readings.flatMap((reading): sdk.MetricData[] => {
    const kind = String(reading.type) as keyof typeof pointTypes;
    if (!(kind in pointTypes) || reading.values.length === 0) return [];
    const base = {
      descriptor: {
        name: reading.name,
        description: reading.help,
        unit: unitOf(reading.name),
        valueType: double,
      },
      aggregationTemporality: cumulative,
      dataPointType: pointTypes[kind],
      ...(kind === 'counter' && { isMonotonic: true }),
    };
    const dataPoints =
      kind === 'histogram'
        ? histogramsOf(reading.values).map((one) => ({
            ...times,
            attributes: one.attributes,
            value: valueOf(one),
          }))
        : // Node says NaN where it has not measured yet.
          reading.values
            .filter(({ value }) => Number.isFinite(value))
            .map(({ labels, value }) => ({ ...times, attributes: { ...labels }, value }));
    return [{ ...base, dataPoints } as unknown as sdk.MetricData];
  });
}

function unitOf(name: string): string {
  const unit = (metricTable as Record<string, { unit: MetricUnit }>)[name]?.unit;
  return unit === undefined ? '' : (units[unit] ?? `{${unit}}`);
}

/** One per set of labels, of the series of its buckets, its sum and its count. */
function histogramsOf(series: readonly Series[]): Histogram[] {
  const found = new Map<string, Histogram>();
  for (const { labels, value, metricName = '' } of series) {
    const { le, ...attributes } = labels as Record<string, string | number>;
    const key = JSON.stringify(attributes);
    const one = found.get(key) ?? { attributes, bounds: [], sum: 0, count: 0 };
    found.set(key, one);
    if (metricName.endsWith('_sum')) one.sum = value;
    else if (metricName.endsWith('_count')) one.count = value;
    else if (le !== '+Inf') one.bounds.push({ le: Number(le), count: value });
  }
  return [...found.values()];
}

/** Prometheus counts what is up to a bound, OpenTelemetry what is between two. */
function valueOf({ bounds, sum, count }: Histogram): object {
  const sorted = bounds.sort((a, b) => a.le - b.le);
  const upTo = [...sorted.map((bound) => bound.count), count];
  return {
    buckets: {
      boundaries: sorted.map(({ le }) => le),
      counts: upTo.map((n, at) => n - (upTo[at - 1] ?? 0)),
    },
    sum,
    count,
  };
}

function toHrTime(ms: number): HrTime {
  return [Math.floor(ms / 1_000), Math.round((ms % 1_000) * 1e6)];
}
