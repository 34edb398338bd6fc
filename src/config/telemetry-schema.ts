import { z } from 'zod';
import { group, int, ratio } from './fields.js';

const exporter = (what: string) => z.enum(['none', 'otlp']).default('none').describe(what);

/** Where a process is watched, and how. */
export const metrics = group(
  {
    host: z
      .string()
      .default('127.0.0.1')
      .describe('Address of `/metrics`, `/healthz`, `/readyz` of edge, poller and coordinator.'),
    port: int(0, 65535, 9464, 'Their port; 0: any.'),
    refresh_s: int(1, 3600, 15, 'How often the api asks the database for what only that can tell, s.'),
  },
  'Watching a process.',
);

/** What is exported by OpenTelemetry. Each has an `OTEL_*` variable of the standard, which goes before it. */
export const otel = group(
  {
    traces: exporter('Whether traces are exported (`OTEL_TRACES_EXPORTER`).'),
    metrics: exporter('Whether metrics are exported, besides `/metrics` (`OTEL_METRICS_EXPORTER`).'),
    endpoint: z
      .url({ protocol: /^https?$/ })
      .optional()
      .describe(
        'Base URL of the OTLP receiver (`OTEL_EXPORTER_OTLP_ENDPOINT`); absent: `http://localhost:4318`.',
      ),
    sample_ratio: ratio(1, 'Share of the slots that are traced (`OTEL_TRACES_SAMPLER`).'),
    timeout_ms: int(100, 60_000, 5_000, 'Deadline of one export, ms (`OTEL_EXPORTER_OTLP_TIMEOUT`).'),
    max_queue_spans: int(
      64,
      100_000,
      2_048,
      'Spans that may wait; those past it are dropped (`OTEL_BSP_MAX_QUEUE_SIZE`).',
    ),
    metrics_every_s: int(1, 3_600, 15, 'How often metrics are exported, s (`OTEL_METRIC_EXPORT_INTERVAL`).'),
    shutdown_ms: int(
      0,
      60_000,
      1_000,
      'How long the end of a process waits for what is not exported yet, ms.',
    ),
  },
  'OpenTelemetry: off by default, and then not loaded.',
);
