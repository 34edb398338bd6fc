import { hostname } from 'node:os';
import { version } from './paths.js';
import type { Config } from './schema.js';

/** How OpenTelemetry is to be started. */
export interface OtelPlan {
  readonly variables: Readonly<Record<string, string>>;
  readonly attributes: Readonly<Record<string, string>>;
  readonly shutdownMs: number;
}

/**
 * The settings as `OTEL_*` variables, under those of the environment; null when nothing is to be exported. An
 * endpoint for traces or metrics in the environment asks for them, as the standard has it.
 */
export function otelPlanOf(
  { otel }: Pick<Config, 'otel'>,
  role: string,
  env: NodeJS.ProcessEnv = process.env,
): OtelPlan | null {
  const given = Object.fromEntries(
    Object.entries(env).flatMap(([name, value]) =>
      name.startsWith('OTEL_') && value ? [[name, value]] : [],
    ),
  );
  if (given['OTEL_SDK_DISABLED']?.toLowerCase() === 'true') return null;
  const asks = (...names: string[]): boolean => names.some((name) => given[name] !== undefined);
  const base = 'OTEL_EXPORTER_OTLP_ENDPOINT';
  const traces =
    given['OTEL_TRACES_EXPORTER'] ??
    (asks(base, 'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT') ? 'otlp' : otel.traces);
  const wanted =
    given['OTEL_METRICS_EXPORTER'] ?? (asks('OTEL_EXPORTER_OTLP_METRICS_ENDPOINT') ? 'otlp' : otel.metrics);
  // Others would only say again what `/metrics` says.
  const metrics = wanted.split(',').some((name) => name.trim() === 'otlp') ? 'otlp' : 'none';
  if (traces === 'none' && metrics === 'none') return null;
  const isNamed = /(^|,)\s*service\.name\s*=/.test(given['OTEL_RESOURCE_ATTRIBUTES'] ?? '');
  return {
    variables: {
      ...(!isNamed && { OTEL_SERVICE_NAME: `headframe-${role}` }),
      ...(otel.endpoint !== undefined && { OTEL_EXPORTER_OTLP_ENDPOINT: otel.endpoint }),
      ...(given['OTEL_TRACES_SAMPLER'] === undefined && {
        OTEL_TRACES_SAMPLER: 'parentbased_traceidratio',
        OTEL_TRACES_SAMPLER_ARG: String(otel.sample_ratio),
      }),
      OTEL_EXPORTER_OTLP_TIMEOUT: String(otel.timeout_ms),
      OTEL_BSP_EXPORT_TIMEOUT: String(otel.timeout_ms),
      OTEL_BSP_MAX_QUEUE_SIZE: String(otel.max_queue_spans),
      OTEL_METRIC_EXPORT_INTERVAL: String(otel.metrics_every_s * 1_000),
      OTEL_METRIC_EXPORT_TIMEOUT: String(otel.timeout_ms),
      ...given,
      OTEL_TRACES_EXPORTER: traces,
      OTEL_METRICS_EXPORTER: metrics,
      OTEL_LOGS_EXPORTER: 'none',
    },
    attributes: { 'service.version': version, 'service.instance.id': `${hostname()}:${process.pid}` },
    shutdownMs: otel.shutdown_ms,
  };
}
