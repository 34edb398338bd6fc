import type { Config } from '../config/schema.js';
import { AppError } from '../domain/errors.js';
import type { HealthThresholds } from '../domain/health.js';
import { parseRanges } from '../domain/ip-ranges.js';
import type { PollLimits } from '../domain/poll-task.js';
import { planShards, type Shard } from '../domain/shards.js';

/**
 * The shards of every configured site.
 *
 * @throws AppError RANGE_INVALID naming the site and the range, CONFIG_INVALID for a name used twice.
 */
export function shardsOf(config: Config): Shard[] {
  const seen = new Set<string>();
  return config.sites.flatMap((site) => {
    if (seen.has(site.name))
      throw new AppError('CONFIG_INVALID', `sites: the name "${site.name}" is used twice`);
    seen.add(site.name);
    try {
      return planShards({
        site: site.name,
        zone: site.zone,
        ranges: parseRanges(site.ranges, { allowLoopback: config.allow_loopback }),
        port: site.port,
        intervalMs: (site.interval_s ?? config.poll.interval_s) * 1000,
      });
    } catch (error) {
      if (error instanceof AppError)
        throw new AppError(error.code, `site "${site.name}": ${error.message}`, { cause: error });
      throw error;
    }
  });
}

/** Samples wait half the flush period in the worker and half in the batcher. */
export function pollLimitsOf({ poll }: Config): PollLimits {
  return {
    connectTimeoutMs: poll.connect_timeout_ms,
    minerDeadlineMs: poll.miner_deadline_ms,
    maxReplyBytes: poll.max_reply_bytes,
    quietMs: poll.quiet_ms,
    flushMs: poll.flush_ms / 2,
    maxBatchRows: poll.batch_rows,
    backoffMaxSlots: poll.backoff_slots,
    scanSlots: poll.scan_slots,
    identityMs: poll.identity_s * 1000,
    rawMs: poll.raw_s * 1000,
    maxRawBytes: poll.raw_bytes,
    joins: poll.joins,
  };
}

export function thresholdsOf({ health }: Config): HealthThresholds {
  return {
    temperatureWarningC: health.temperature_warning_c,
    temperatureCriticalC: health.temperature_critical_c,
    hashrateWarningRatio: health.hashrate_warning_ratio,
    hashrateCriticalRatio: health.hashrate_critical_ratio,
    chipsWarningRatio: health.chips_warning_ratio,
    chipsCriticalRatio: health.chips_critical_ratio,
    fanMinimumRpm: health.fan_minimum_rpm,
  };
}
