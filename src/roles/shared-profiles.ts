import type { Config } from '../config/schema.js';
import type { SharedProfilesOptions } from '../queue/shared-profiles.js';
import type { Logger } from '../telemetry/logger.js';
import type { Metrics } from '../telemetry/metrics.js';

/** How pollers share what they learn; every exchange is counted, and a failing one told of once until one succeeds. */
export function sharedProfilesOf(
  { shared_profiles: shared }: Config,
  metrics: Metrics,
  log: Logger,
): SharedProfilesOptions {
  let isTold = false;
  return {
    everyMs: shared.every_s * 1_000,
    ttlMs: shared.ttl_h * 3_600_000,
    maxBytes: shared.max_bytes,
    memoryRatio: shared.memory_ratio,
    onExchange(outcome, err) {
      metrics.add('headframe_shared_profiles_total', 1, { outcome });
      const isBad = outcome === 'failed' || outcome === 'no_room' || outcome === 'too_large';
      if (isBad && !isTold) log.warn({ err, outcome }, 'learned profiles not shared');
      if (isBad || outcome === 'written') isTold = isBad;
    },
  };
}
