import type { Config } from '../config/schema.js';
import type { CredentialRule } from '../domain/credentials.js';
import { AppError } from '../domain/errors.js';
import type { HealthThresholds } from '../domain/health.js';
import { holdsAddress, parseRanges, someOf } from '../domain/ip-ranges.js';
import type { PollLimits } from '../domain/poll-task.js';
import { planShards, type Shard } from '../domain/shards.js';
import { familyByName } from '../miner/registry.js';
import { defaultBackoffLimits, type BackoffLimits } from '../poller/upload-backoff.js';

/**
 * The shards of every site whose plan is in the settings.
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
      if (site.plan === 'api') {
        parseRanges(site.within ?? [], { allowLoopback: config.allow_loopback });
        return [];
      }
      return planShards({
        site: site.name,
        zone: site.zone,
        ranges: someOf(parseRanges(site.ranges, { allowLoopback: config.allow_loopback })),
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
    http: poll.http,
  };
}

/** How the web interfaces of a site are reached. */
export interface WebSettings {
  readonly httpPort: number;
  /** Secret. */
  readonly credentials: readonly CredentialRule[];
}

/**
 * Port and logins of a site's web interfaces: its own logins first. A name that is no site's has those of
 * every site.
 *
 * @throws AppError RANGE_INVALID for a miner that is no address, CONFIG_INVALID for a family that is none.
 */
export function webSettingsOf(config: Config, siteName: string | null): WebSettings {
  const site = config.sites.find(({ name }) => name === siteName);
  const logins = [...(site?.credentials ?? []), ...config.credentials];
  const credentials = logins.map(({ family, miners, username, password }): CredentialRule => {
    // Some are read without a login and written to with one.
    if (family !== undefined && familyByName(family) === null)
      throw new AppError('CONFIG_INVALID', `credentials: there is no family "${family}"`);
    return {
      family: family ?? null,
      ranges: miners === undefined ? null : parseRanges(miners, { allowLoopback: config.allow_loopback }),
      username,
      password: password ?? '',
    };
  });
  return { httpPort: site?.http_port ?? 80, credentials };
}

/** The site an address is of, by its ranges; `null` when it is of none. */
export function siteOf(config: Config, address: number): string | null {
  const holds = ({ ranges }: { readonly ranges: readonly string[] }) =>
    holdsAddress(parseRanges(ranges, { allowLoopback: true }), address);
  return config.sites.find(holds)?.name ?? null;
}

/** How long to leave an api alone that failed. */
export const backoffOf = ({ upload }: Config): BackoffLimits => ({
  ...defaultBackoffLimits,
  minMs: upload.backoff_min_ms,
  maxMs: upload.backoff_max_ms,
});

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
