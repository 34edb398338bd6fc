import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { metricTable } from '../../src/telemetry/metric-table.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { startFarm, type Farm } from '../support/farm.js';
import { startOtlpReceiver, type OtlpReceiver } from '../support/otlp-receiver.js';
import { killPrograms } from '../support/processes.js';
import { startPrometheus, type TestPrometheus } from '../support/prometheus.js';
import { testPrometheusProgram } from '../support/services.js';
import { waitFor } from '../support/wait.js';

interface Answer {
  readonly result: readonly {
    readonly metric: Readonly<Record<string, string>>;
    readonly value: [number, string];
  }[];
}

/** What a farm that runs cannot but say, by role. */
const said = {
  edge: [
    'headframe_slots_total{outcome="polled"}',
    'headframe_samples_total{state="mining"}',
    'headframe_samples_scheduled_total',
    'headframe_poll_cycle_seconds_count',
    'miner_poll_latency_ms_count',
    'headframe_known_miners',
    'headframe_queue_jobs',
    'headframe_thread_use_ratio{pool="poll"}',
    'headframe_spool_bytes',
    'headframe_spool_oldest_seconds',
    'headframe_uploads_total{outcome="acked"}',
    'headframe_upload_rows_total{outcome="stored"}',
    'headframe_conservation_error',
    'nodejs_eventloop_lag_p99_seconds',
  ],
  api: [
    'collector_upload_total{outcome="stored"}',
    'collector_upload_latency_ms_count',
    'headframe_ingest_rows_total{outcome="stored"}',
    'headframe_ingest_rows_total{outcome="duplicate"}',
    'headframe_ingest_rows_total{outcome="rejected"}',
    'headframe_fresh_data_ratio{site="1"}',
    'headframe_fresh_online_ratio{site="1"}',
    'headframe_upload_age_seconds{site="1"}',
    'headframe_poll_interval_seconds{site="1"}',
    'headframe_thread_use_ratio{pool="ingest"}',
    'headframe_db_call_ms_count{call="ingest_batch"}',
    'headframe_db_deadlines_total',
    'headframe_db_pool_replacements_total',
    'headframe_http_requests_total',
    'headframe_alerts{state="open"}',
    'headframe_commands_open',
    'nodejs_eventloop_lag_p99_seconds',
  ],
};

// Debian's Prometheus is built without its receiver of OTLP: for that the test has one of its own.
process.env.OTEL_EXPORTER_OTLP_PROTOCOL = 'http/json';

describe.runIf(testPrometheusProgram('prometheus') !== null)('a Prometheus', () => {
  let database: TestDatabase;
  let farm: Farm;
  let receiver: OtlpReceiver;
  let scraped: TestPrometheus;

  beforeAll(async () => {
    database = await createTestDatabase({ edition: 'plain' });
    receiver = await startOtlpReceiver();
    farm = await startFarm({
      databaseUrl: database.url,
      dir: await mkdtemp(join(tmpdir(), 'headframe-metrics-')),
      miners: 20,
      intervalS: 1,
      base: '127.63.0.1',
      settings: {
        'otel.metrics': 'otlp',
        'otel.endpoint': receiver.url,
        'otel.metrics_every_s': 1,
        'metrics.refresh_s': 1,
        'api.rate_limit_per_minute': 10_000,
      },
    });
    const { host: api } = new URL((await farm.startApi()).url);
    const { host: edge } = new URL((await farm.startEdge()).url);
    scraped = await startPrometheus({ targets: { 'headframe-api': api, 'headframe-edge': edge } });
  }, 120_000);
  afterAll(async () => {
    await farm.close();
    await killPrograms();
    await receiver.close();
    await scraped.stop();
    await database.drop();
  });

  /** The selector with the job's label among its own. */
  const of = (job: string, selector: string): string =>
    selector.includes('{') ? selector.replace('{', `{job="${job}",`) : `${selector}{job="${job}"}`;
  const ask = async (prometheus: TestPrometheus, expr: string): Promise<Answer['result']> =>
    (await prometheus.ask<Answer>('/api/v1/query', { query: expr })).result;
  const waitForAll = async (prometheus: TestPrometheus): Promise<void> => {
    for (const [role, selectors] of Object.entries(said))
      for (const selector of selectors)
        await waitFor(
          `${role}: ${selector}`,
          async () => (await ask(prometheus, of(`headframe-${role}`, selector))).length > 0,
          { timeoutMs: 40_000, everyMs: 200 },
        );
  };

  it('that scrapes finds every role up and all that it should say', async () => {
    await waitForAll(scraped);
    const { activeTargets } = await scraped.ask<{ activeTargets: { health: string; lastError: string }[] }>(
      '/api/v1/targets',
    );
    expect(activeTargets.map(({ health, lastError }) => [health, lastError])).toEqual([
      ['up', ''],
      ['up', ''],
    ]);
    const fresh = 'headframe_fresh_data_ratio{job="headframe-api"} > 0.9';
    await waitFor('fresh data', async () => (await ask(scraped, fresh)).length > 0, { timeoutMs: 20_000 });
    expect((await ask(scraped, 'headframe_conservation_error != 0')).length).toBe(0);
    for (const { url } of [farm.api(), farm.edge()]) {
      const text = await (await fetch(new URL('/metrics', url))).text();
      for (const name of Object.keys(metricTable)) expect(text).toContain(`# TYPE ${name} `);
      expect(text.split('\n').filter((line) => line !== '' && !line.startsWith('#')).length).toBeLessThan(
        1_000,
      );
      // A member may be of a role that this release does not know; of anything else it says that there was no room.
      expect(text).not.toMatch(/^(?!headframe_cluster_members).*="other"/m);
    }
  }, 120_000);

  it('and a receiver of OTLP are told the same, under the same names', async () => {
    for (const [role, { url }] of Object.entries({ edge: farm.edge(), api: farm.api() })) {
      const told = await waitFor(`metrics of ${role}`, () => receiver.metrics.get(`headframe-${role}`));
      const text = await (await fetch(new URL('/metrics', url))).text();
      const kinds = new Map(
        [...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name, kind]) => [name, kind]),
      );
      for (const { name, sum, gauge, histogram } of told) {
        expect(kinds.get(name), name).toBe(sum ? 'counter' : gauge ? 'gauge' : histogram && 'histogram');
        if (sum) expect(sum).toMatchObject({ isMonotonic: true, aggregationTemporality: 2 });
        for (const point of histogram?.dataPoints ?? []) {
          expect(point.bucketCounts).toHaveLength((point.explicitBounds?.length ?? 0) + 1);
          expect(point.bucketCounts?.reduce((a, b) => a + b, 0)).toBe(point.count);
        }
      }
      const scrapedNames = [...text.matchAll(/^(?:headframe|miner|collector|command)_\w+/gm)].map(([name]) =>
        name.replace(/_(bucket|sum|count)$/, ''),
      );
      await waitFor(`all metrics of ${role}`, () => {
        const names = new Set(receiver.metrics.get(`headframe-${role}`)?.map(({ name }) => name));
        return scrapedNames.length > 20 && scrapedNames.every((name) => names.has(name));
      });
      expect(told.find(({ name }) => name === 'headframe_thread_use_ratio')?.unit).toBe('1');
    }
    const polled = (): number =>
      receiver.metrics
        .get('headframe-edge')
        ?.find(({ name }) => name === 'headframe_slots_total')
        ?.sum?.dataPoints.find(({ attributes }) => attributes['outcome'] === 'polled')?.asDouble ?? 0;
    const before = polled();
    await waitFor('further slots', () => polled() > before, { everyMs: 200, timeoutMs: 20_000 });
  }, 60_000);
});
