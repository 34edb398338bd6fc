import { diag, DiagLogLevel } from '@opentelemetry/api';
import { metrics as sdkMetrics, NodeSDK, resources } from '@opentelemetry/sdk-node';
import { within } from '../actor/within.js';
import type { Logger } from './logger.js';
import type { Metrics } from './metrics.js';
import { toOtelMetrics } from './otel-metrics.js';

export interface OtelOptions {
  /** Every `OTEL_*` variable that holds: the SDK reads nothing else. */
  readonly variables: Readonly<Record<string, string>>;
  readonly attributes: Readonly<Record<string, string>>;
  /** Bound of the last flush, ms. */
  readonly shutdownMs: number;
  readonly metrics: Metrics;
  readonly log: Logger;
}

/** Faults of the same level are said once in so long, ms; all are counted. */
const saidEveryMs = 60_000;

/**
 * Starts OpenTelemetry for this process. What it exports waits in bounded queues; a receiver that is away, slow or
 * silent costs its queue's worth of memory, never time of anything else.
 */
export async function startSdk(options: OtelOptions): Promise<{ stop(): Promise<void> }> {
  const { variables, attributes, shutdownMs, log } = options;
  Object.assign(process.env, variables);
  const detectors = variables['OTEL_NODE_RESOURCE_DETECTORS'] === undefined;
  const sdk = new NodeSDK({
    resource: resources.defaultResource().merge(resources.resourceFromAttributes({ ...attributes })),
    // Not the process's: its command line may hold secrets.
    ...(detectors && { resourceDetectors: [resources.envDetector, resources.hostDetector] }),
    metricReaders: await metricReaders(options),
    ...(variables['OTEL_TRACES_EXPORTER'] === 'none' && { spanProcessors: [] }),
  });
  diag.setLogger(faultsTo(options), { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true });
  sdk.start();
  log.info({ otel: variables['OTEL_EXPORTER_OTLP_ENDPOINT'] ?? 'as OTEL_* says' }, 'telemetry is exported');
  return {
    async stop() {
      const late = (): Error => new Error('the receiver did not take the rest in time');
      await within(sdk.shutdown(), shutdownMs, late).catch((err: unknown) =>
        log.warn({ err }, 'telemetry left behind'),
      );
    },
  };
}

const metricExporters = {
  'http/protobuf': () => import('@opentelemetry/exporter-metrics-otlp-proto'),
  'http/json': () => import('@opentelemetry/exporter-metrics-otlp-http'),
  grpc: () => import('@opentelemetry/exporter-metrics-otlp-grpc'),
};

/** The registry behind `/metrics`, pushed: its series and no others. */
async function metricReaders({ variables, metrics }: OtelOptions): Promise<sdkMetrics.IMetricReader[]> {
  if (variables['OTEL_METRICS_EXPORTER'] !== 'otlp') return [];
  const protocol =
    variables['OTEL_EXPORTER_OTLP_METRICS_PROTOCOL'] ?? variables['OTEL_EXPORTER_OTLP_PROTOCOL'] ?? '';
  const load = metricExporters[protocol as keyof typeof metricExporters] ?? metricExporters['http/protobuf'];
  const { OTLPMetricExporter } = await load();
  const startMs = Date.now();
  const intervalMs = Number(variables['OTEL_METRIC_EXPORT_INTERVAL']);
  const timeoutMs = Number(variables['OTEL_METRIC_EXPORT_TIMEOUT']);
  return [
    new sdkMetrics.PeriodicExportingMetricReader({
      exporter: new OTLPMetricExporter(),
      exportIntervalMillis: intervalMs,
      exportTimeoutMillis: Math.min(timeoutMs, intervalMs),
      metricProducers: [
        {
          async collect() {
            const read = toOtelMetrics(await metrics.read(), startMs, Date.now());
            const scopeMetrics = [{ scope: { name: 'headframe' }, metrics: read }];
            return { resourceMetrics: { resource: resources.emptyResource(), scopeMetrics }, errors: [] };
          },
        },
      ],
    }),
  ];
}

/** What OpenTelemetry complains of: counted, and said now and then. */
function faultsTo({ log, metrics }: OtelOptions): Parameters<typeof diag.setLogger>[0] {
  const saidAt = { warn: -Infinity, error: -Infinity };
  const note = (level: 'warn' | 'error', detail: string): void => {
    metrics.add('headframe_otel_faults_total', 1, { level });
    if (performance.now() - saidAt[level] < saidEveryMs) return;
    saidAt[level] = performance.now();
    log.warn({ detail: detail.slice(0, 500) }, 'telemetry is not exported as it should; said once a minute');
  };
  return {
    error: (message) => note('error', message),
    warn: (message) => note('warn', message),
    info: () => undefined,
    debug: () => undefined,
    verbose: () => undefined,
  };
}
