import { describe, expect, it } from 'vitest';
import { otelPlanOf } from '../../src/config/otel.js';
import { configSchema } from '../../src/config/schema.js';

const plan = (env: NodeJS.ProcessEnv, otel: object = {}) =>
  otelPlanOf(configSchema.parse({ otel }), 'edge', env);

describe('what is exported by OpenTelemetry', () => {
  it('is nothing by default', () => {
    expect(plan({})).toBeNull();
    expect(plan({ OTEL_SERVICE_NAME: 'x', OTEL_TRACES_EXPORTER: 'none' })).toBeNull();
    expect(plan({ OTEL_METRICS_EXPORTER: 'prometheus' })).toBeNull();
  });

  it('is what settings ask for', () => {
    const found = plan(
      {},
      { traces: 'otlp', endpoint: 'http://otel:4318', sample_ratio: 0.25, timeout_ms: 700 },
    );
    expect(found?.variables).toMatchObject({
      OTEL_TRACES_EXPORTER: 'otlp',
      OTEL_METRICS_EXPORTER: 'none',
      OTEL_LOGS_EXPORTER: 'none',
      OTEL_SERVICE_NAME: 'headframe-edge',
      OTEL_EXPORTER_OTLP_ENDPOINT: 'http://otel:4318',
      OTEL_TRACES_SAMPLER: 'parentbased_traceidratio',
      OTEL_TRACES_SAMPLER_ARG: '0.25',
      OTEL_EXPORTER_OTLP_TIMEOUT: '700',
      OTEL_BSP_MAX_QUEUE_SIZE: '2048',
    });
  });

  it('is what variables ask for, whatever settings say', () => {
    const found = plan(
      {
        OTEL_TRACES_EXPORTER: 'none',
        OTEL_METRICS_EXPORTER: 'console,otlp',
        OTEL_EXPORTER_OTLP_ENDPOINT: 'http://a',
        OTEL_METRIC_EXPORT_INTERVAL: '5000',
        OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment=test,service.name=mine',
        UNRELATED: 'x',
      },
      { traces: 'otlp', endpoint: 'http://b' },
    );
    expect(found?.variables).toMatchObject({
      OTEL_TRACES_EXPORTER: 'none',
      OTEL_METRICS_EXPORTER: 'otlp',
      OTEL_EXPORTER_OTLP_ENDPOINT: 'http://a',
      OTEL_METRIC_EXPORT_INTERVAL: '5000',
    });
    expect(found?.variables).not.toHaveProperty('OTEL_SERVICE_NAME');
    expect(found?.variables).not.toHaveProperty('UNRELATED');
  });

  it('is traces where only an endpoint is named, and the sampler that is named', () => {
    const found = plan({ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://a', OTEL_TRACES_SAMPLER: 'always_off' });
    expect(found?.variables).toMatchObject({
      OTEL_TRACES_EXPORTER: 'otlp',
      OTEL_METRICS_EXPORTER: 'none',
      OTEL_TRACES_SAMPLER: 'always_off',
    });
    expect(found?.variables).not.toHaveProperty('OTEL_TRACES_SAMPLER_ARG');
    expect(plan({ OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: 'http://a' })?.variables).toMatchObject({
      OTEL_TRACES_EXPORTER: 'none',
      OTEL_METRICS_EXPORTER: 'otlp',
    });
  });

  it('is nothing where the SDK is disabled', () => {
    expect(plan({ OTEL_SDK_DISABLED: 'true', OTEL_TRACES_EXPORTER: 'otlp' }, { metrics: 'otlp' })).toBeNull();
  });
});
