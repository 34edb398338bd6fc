import { otelPlanOf } from '../config/otel.js';
import type { Config } from '../config/schema.js';
import type { Logger } from '../telemetry/logger.js';
import type { Metrics } from '../telemetry/metrics.js';
import type { Stoppable } from './maintenance.js';

/** Exports traces and metrics where that is asked for; elsewhere no module of the SDK is loaded. */
export async function startOtel(
  config: Config,
  role: string,
  metrics: Metrics,
  log: Logger,
): Promise<Stoppable> {
  const plan = otelPlanOf(config, role);
  if (plan === null) return { stop: async () => undefined };
  const { startSdk } = await import('../telemetry/otel-sdk.js');
  return startSdk({ ...plan, metrics, log });
}
