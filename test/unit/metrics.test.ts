import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { commandKinds } from '../../src/domain/commands.js';
import { errorTable } from '../../src/domain/errors.js';
import { rejectReasons } from '../../src/domain/ingest.js';
import { minerStates, pollErrorClasses } from '../../src/domain/telemetry.js';
import { webFamilies } from '../../src/miner/http/families.js';
import { families } from '../../src/miner/registry.js';
import { maxSites, metricTable, type MetricName, type MetricSpec } from '../../src/telemetry/metric-table.js';
import { createMetrics, type Metrics } from '../../src/telemetry/metrics.js';

const table = Object.entries(metricTable) as [MetricName, MetricSpec][];

/** Everything that is compiled into the program but the table itself. */
function sources(folder = 'src'): string {
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && entry.name !== 'metric-table.ts')
    .map((entry) => readFileSync(join(entry.parentPath, entry.name), 'utf8'))
    .join('\n');
}

function write(metrics: Metrics, name: MetricName, kind: MetricSpec['kind'], labels: Record<string, string>) {
  if (kind === 'counter') metrics.add(name, 1, labels);
  else if (kind === 'gauge') metrics.set(name, 1, labels);
  else metrics.observe(name, 1, labels);
}

async function seriesOf(metrics: Metrics): Promise<string[]> {
  return (await metrics.text()).split('\n').filter((line) => line !== '' && !line.startsWith('#'));
}

describe('the table of metrics', () => {
  it('holds no metric that nothing writes', () => {
    const text = sources();
    expect(table.map(([name]) => name).filter((name) => !text.includes(`'${name}'`))).toEqual([]);
  });

  it('names units and endings alike', () => {
    const endings: Record<string, RegExp> = {
      s: /_seconds$/,
      ms: /_ms$/,
      bytes: /_bytes$/,
      ratio: /_ratio$/,
    };
    for (const [name, { kind, unit, help }] of table) {
      expect(name.endsWith('_total'), name).toBe(kind === 'counter');
      if (endings[unit]) expect(name).toMatch(endings[unit]);
      expect(help, name).toMatch(/\.$/);
    }
  });

  it('has no label that names a miner, an address or a shard', () => {
    const labels = new Set(table.flatMap(([, spec]) => spec.labels));
    for (const label of ['miner', 'miner_id', 'ip', 'address', 'host', 'shard', 'batch', 'worker'])
      expect(labels).not.toContain(label);
  });
});

describe('the series of one process', () => {
  it('stay under 5,000 whatever 100,000 miners on 2,000 sites put into labels', async () => {
    const metrics = createMetrics();
    for (const [name, { kind, labels }] of table) {
      for (let i = 0; i < (labels.length === 0 ? 1 : 2_000); i++) {
        write(
          metrics,
          name,
          kind,
          Object.fromEntries(labels.map((label, at) => [label, `${i % (2_000 >> at)}`])),
        );
      }
    }
    const series = await seriesOf(metrics);
    expect(series.length).toBeLessThan(5_000);
    expect(series.length).toBeGreaterThan(2_000);
  });

  it('have room for every value that can occur', async () => {
    const metrics = createMetrics({ withProcess: false });
    for (const { name: family } of [...families, ...webFamilies]) {
      metrics.observe('miner_poll_latency_ms', 20, { family });
      for (const damage of ['cut', 'comma', 'plain_text', 'control', 'several'])
        metrics.add('headframe_damaged_replies_total', 1, { family, damage });
    }
    for (const type of pollErrorClasses) metrics.add('miner_poll_errors_total', 1, { type });
    for (const state of minerStates) metrics.add('headframe_samples_total', 1, { state });
    for (const reason of rejectReasons) metrics.add('headframe_ingest_rejected_total', 1, { reason });
    const errors = Object.keys(errorTable).filter(
      (code) => !/^(ALERT|COMMAND|CONFIG|RANGE|EMBEDDED)/.test(code),
    );
    for (const outcome of ['stored', 'duplicate', ...errors.slice(0, 5)])
      for (let site = 0; site < maxSites; site++)
        metrics.add('collector_upload_total', 1, { site: String(site), outcome });
    for (const type of commandKinds)
      for (const status of ['completed', 'failed', 'rejected', 'skipped', 'unknown', 'expired', 'cancelled'])
        metrics.add('command_execution_total', 1, { type, status });
    expect(await metrics.text()).not.toContain('"other"');
  });

  it('tell the first sites apart, and add up the others by outcome', async () => {
    const metrics = createMetrics({ withProcess: false });
    for (let site = 0; site < maxSites + 10; site++) {
      metrics.add('collector_upload_total', 1, { site: String(site), outcome: 'stored' });
      metrics.add('collector_upload_total', 2, { site: String(site), outcome: 'duplicate' });
    }
    const text = await metrics.text();
    expect(text).toContain('collector_upload_total{site="0",outcome="stored"} 1\n');
    expect(text).toContain('collector_upload_total{site="other",outcome="stored"} 10\n');
    expect(text).toContain('collector_upload_total{site="other",outcome="duplicate"} 20\n');
  });

  it('leave out a gauge that nobody has set, and one that was taken away', async () => {
    const metrics = createMetrics({ withProcess: false });
    const told = async (): Promise<boolean> =>
      (await seriesOf(metrics)).some((line) => /^headframe_(rollup_lag_seconds|fresh_data_ratio)/.test(line));
    expect(await told()).toBe(false);
    metrics.set('headframe_rollup_lag_seconds', 3);
    metrics.set('headframe_fresh_data_ratio', 0.5, { site: '1' });
    expect(await told()).toBe(true);
    metrics.clear('headframe_rollup_lag_seconds');
    metrics.clear('headframe_fresh_data_ratio');
    expect(await told()).toBe(false);
  });
});
