import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { startFarm, type Farm } from '../support/farm.js';
import { killPrograms, scrape } from '../support/processes.js';
import { startVictoriaMetrics, type TestPrometheus } from '../support/prometheus.js';
import { testPrometheusProgram } from '../support/services.js';
import { waitFor } from '../support/wait.js';

interface Series {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: [number, string];
}

const miners = 20;

describe.runIf(testPrometheusProgram('victoria-metrics') !== null)(
  'a VictoriaMetrics that takes OTLP',
  () => {
    let database: TestDatabase;
    let farm: Farm;
    let store: TestPrometheus;

    beforeAll(async () => {
      database = await createTestDatabase({ edition: 'plain' });
      store = await startVictoriaMetrics();
      farm = await startFarm({
        databaseUrl: database.url,
        dir: await mkdtemp(join(tmpdir(), 'headframe-otlp-')),
        miners,
        intervalS: 1,
        base: '127.63.0.1',
        settings: {
          'otel.metrics': 'otlp',
          'otel.endpoint': `${store.url}/opentelemetry`,
          'otel.metrics_every_s': 1,
          'metrics.refresh_s': 1,
          'api.rate_limit_per_minute': 10_000,
        },
      });
      await farm.startApi();
      await farm.startEdge();
    }, 120_000);
    afterAll(async () => {
      await farm.close();
      await killPrograms();
      await store.stop();
      await database.drop();
    });

    /** What is kept of a role. */
    const kept = async (role: string, selector: string): Promise<Series[]> =>
      (
        await store.ask<{ result: Series[] }>('/api/v1/query', {
          query: `{"service.name"="headframe-${role}",${selector}}`,
        })
      ).result;
    const isKept = async (role: string, selector: string): Promise<boolean> =>
      (await kept(role, selector)).length > 0;

    it('keeps every name that /metrics says', async () => {
      for (const [role, { url }] of Object.entries({ edge: farm.edge(), api: farm.api() })) {
        const text = await (await fetch(new URL('/metrics', url))).text();
        const names = new Set(
          [...text.matchAll(/^((?:headframe|miner|collector|command)_\w+)/gm)].map(([, name]) => name ?? ''),
        );
        expect(names.size).toBeGreaterThan(20);
        for (const name of names)
          await waitFor(`${role}: ${name}`, () => isKept(role, `__name__="${name}"`), {
            timeoutMs: 40_000,
            everyMs: 200,
          });
      }
    }, 120_000);

    it('counts the rows that the api stored, and the miners that there are', async () => {
      const stored = async (): Promise<number> =>
        Number((await kept('api', '__name__="headframe_ingest_rows_total",outcome="stored"'))[0]?.value[1]);
      const before = (await scrape(farm.api().url)).sum('headframe_ingest_rows_total', 'outcome="stored"');
      await waitFor('rows stored since', async () => (await stored()) >= before, {
        timeoutMs: 20_000,
        everyMs: 200,
      });
      expect(await stored()).toBeLessThanOrEqual(
        (await scrape(farm.api().url)).sum('headframe_ingest_rows_total', 'outcome="stored"'),
      );
      const [known] = await kept('edge', '__name__="headframe_known_miners"');
      expect(Number(known?.value[1])).toBe(miners);
      // A histogram arrives as one: buckets that add up to the count.
      const count = Number((await kept('api', '__name__="collector_upload_latency_ms_count"'))[0]?.value[1]);
      const buckets = await kept('api', '__name__="collector_upload_latency_ms_bucket",le="+Inf"');
      expect(count).toBeGreaterThan(0);
      expect(Number(buckets[0]?.value[1])).toBeGreaterThanOrEqual(count);
    }, 60_000);
  },
);
