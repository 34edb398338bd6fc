/** How close the points of an answer lie: each sample, five minutes, an hour, a day. */
export const resolutions = { raw: 0, '5m': 300, '1h': 3_600, '1d': 86_400 } as const;
export type Resolution = keyof typeof resolutions;

/** A reading of a miner over time. Expressions are trusted text over the columns of the tables. */
interface HistoryMetric {
  readonly unit: string;
  /** Over `miner_telemetry_history`; null: not kept by sample. */
  readonly sample: string | null;
  /** How samples of five minutes become one. */
  readonly combine: 'avg' | 'max' | 'min';
  /** Over `miner_telemetry_1h`; null: not kept by the hour. */
  readonly hour: string | null;
}

const metric = (
  unit: string,
  sample: string | null,
  hour: string | null = null,
  combine: HistoryMetric['combine'] = 'avg',
): HistoryMetric => ({ unit, sample, hour, combine });

/** Below it a miner does not hash and has no efficiency, GH/s: a quotient by less would not fit a number either. */
const leastGhs = 0.001;

/** Every metric of a miner's history. */
export const historyMetrics = {
  hashrate: metric('TH/s', 'hashrate_ghs / 1000', 'hashrate_ghs_sum / nullif(hashrate_samples, 0) / 1000'),
  hashrate_5s: metric('TH/s', 'hashrate_5s_ghs / 1000'),
  hashrate_expected: metric(
    'TH/s',
    'hashrate_expected_ghs / 1000',
    'nominal_ghs_sum / nullif(nominal_samples, 0) / 1000',
  ),
  temperature_avg: metric('°C', 'temperature_avg', 'temperature_avg_sum / nullif(temperature_samples, 0)'),
  temperature_max: metric('°C', 'temperature_max', 'temperature_max', 'max'),
  temperature_min: metric('°C', 'temperature_min', null, 'min'),
  power: metric('W', 'power_w', 'power_w_sum / nullif(power_samples, 0)'),
  efficiency: metric(
    'J/TH',
    `case when hashrate_ghs >= ${leastGhs} then power_w / hashrate_ghs * 1000 end`,
    `case when hashrate_ghs_sum >= ${leastGhs} * hashrate_samples
      then power_w_sum / nullif(power_samples, 0) / (hashrate_ghs_sum / nullif(hashrate_samples, 0)) * 1000 end`,
  ),
  frequency: metric('MHz', 'frequency_avg'),
  fan_max: metric('rpm', '(select max(f) from unnest(fan_speeds) f)', null, 'max'),
  accepted_shares: metric('shares since the miner started', 'accepted_shares', null, 'max'),
  rejected_shares: metric('shares since the miner started', 'rejected_shares', null, 'max'),
  hardware_errors: metric('errors since the miner started', 'hardware_errors', null, 'max'),
  accepted_delta: metric('shares in the hour', null, 'accepted_delta'),
  rejected_delta: metric('shares in the hour', null, 'rejected_delta'),
  energy: metric('kWh in the hour', null, 'energy_kwh'),
  uptime: metric('h', 'uptime_seconds / 3600.0', null, 'max'),
  latency: metric('ms', 'latency_ms'),
  pool_latency: metric('ms', 'pool_latency_ms'),
  boards_healthy: metric('boards', 'boards_healthy', null, 'min'),
  online: metric('share of samples', "(state <> 'u')::int", 'online_samples::float8 / nullif(samples, 0)'),
} as const satisfies Record<string, HistoryMetric>;

export type HistoryMetricName = keyof typeof historyMetrics;

const dayMs = 86_400_000;
/** Longest span answered by sample, and by five minutes, ms. */
const rawSpanMs = dayMs;
const fineSpanMs = 7 * dayMs;

/** A stretch of time: `fromMs` inclusive, `toMs` exclusive, ms since the epoch. */
export interface TimeRange {
  readonly fromMs: number;
  readonly toMs: number;
}

/**
 * Resolutions that can answer a metric of one miner over a range, the finest first: by its length, by
 * how long samples are kept, and by what is kept of the metric.
 */
export function minerResolutions(
  name: HistoryMetricName,
  range: TimeRange,
  nowMs: number,
  historyDays: number,
): Resolution[] {
  const { sample, hour }: HistoryMetric = historyMetrics[name];
  const spanMs = range.toMs - range.fromMs;
  // Samples of the last hour before they are dropped may be gone already.
  const hasSamples = sample !== null && range.fromMs >= nowMs - historyDays * dayMs;
  const found: Resolution[] = [];
  if (hasSamples && spanMs <= rawSpanMs) found.push('raw');
  if (hasSamples && spanMs <= fineSpanMs) found.push('5m');
  if (hour !== null) found.push('1h');
  return found;
}

/** The resolution of a site's history over a range: at most about 2,000 points up to five years. */
export function siteResolution({ fromMs, toMs }: TimeRange): Resolution {
  const spanMs = toMs - fromMs;
  if (spanMs <= fineSpanMs) return '5m';
  return spanMs <= 62 * dayMs ? '1h' : '1d';
}

export interface HistoryPoint {
  /** Of a bucket its start. */
  readonly timestamp: string;
  readonly value: number | null;
}

/** A site in one bucket; averages over the bucket, TH/s, W, °C; sums are kWh and shares. */
export interface SitePoint {
  readonly timestamp: string;
  readonly miners: number;
  readonly online: number;
  readonly hashing: number;
  readonly hashrate_ths: number | null;
  readonly nominal_ths: number | null;
  readonly power_w: number | null;
  readonly energy_kwh: number | null;
  readonly temperature_avg: number | null;
  readonly temperature_max: number | null;
  readonly accepted_delta: number | null;
  readonly rejected_delta: number | null;
}

/** Something that happened to a miner, with how long what it says held. */
export interface MinerEvent {
  readonly miner_id: string;
  readonly kind: string;
  readonly from_value: string | null;
  readonly to_value: string | null;
  readonly valid_from: string;
  /** Null: it still holds. */
  readonly valid_to: string | null;
}

export interface EventsQuery extends TimeRange {
  /** Null: all. */
  readonly kinds: readonly string[] | null;
  readonly limit: number;
  /** Time, surrogate miner id and kind of the last event of the page before. */
  readonly after: readonly (string | null)[] | null;
}

/** Shares of samples, percent; null without any. */
export interface Availability {
  readonly from: string;
  readonly to: string;
  readonly samples: number;
  /** Of the samples that were due. */
  readonly coverage_percent: number | null;
  /** Of the samples that are there: the miner answered. */
  readonly reachable_percent: number | null;
  /** And was mining. */
  readonly hashing_percent: number | null;
}
