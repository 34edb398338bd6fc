import { chmod, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readDashboards, targetsOf } from '../support/grafana.js';
import { killPrograms, startProgram } from '../support/processes.js';
import { startPrometheus, type TestPrometheus } from '../support/prometheus.js';
import { prometheusDir } from '../support/promtool.js';
import { namesIn, readRules } from '../support/promql.js';
import { testPrometheusProgram } from '../support/services.js';
import { waitFor } from '../support/wait.js';

interface Answer {
  readonly result: readonly { readonly metric: Readonly<Record<string, string>> }[];
}

interface RuleGroups {
  readonly groups: readonly {
    readonly rules: readonly { readonly name: string; readonly health: string; readonly state?: string }[];
  }[];
}

const rules = readRules();
const asked = targetsOf(readDashboards()).flatMap(({ board, panel, target }) =>
  target.expr === undefined ? [] : [{ name: `${board}: ${panel.title} ${target.refId}`, expr: target.expr }],
);

describe.runIf(testPrometheusProgram('prometheus') !== null)('a Prometheus that watches a demo', () => {
  let dir: string;
  let url: string;
  let prometheus: TestPrometheus;

  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'headframe-watched-'));
    await chmod(dir, 0o711);
    await mkdir(join(dir, 'tmp'));
    await chmod(join(dir, 'tmp'), 0o711);
    const demo = await startProgram({
      name: 'demo',
      args: [
        'demo',
        '--miners',
        '40',
        '--port',
        '0',
        '--set',
        'poll.interval_s=1',
        '--set',
        'rollups.run_every_s=1',
      ],
      logDir: join(dir, 'logs'),
      env: { TMPDIR: join(dir, 'tmp') },
    });
    [, url = ''] = await demo.waitForOutput(/^(http:\/\/\S+)$/m);
    const { host } = new URL(url);
    // One process is all roles.
    const targets = { 'headframe-api': host, 'headframe-edge': host, 'headframe-coordinator': host };
    const files = [...new Set(rules.map(({ file }) => join(prometheusDir, 'rules', file)))];
    prometheus = await startPrometheus({ targets, rules: files });
    const stored = 'rate(headframe_ingest_rows_total{outcome="stored"}[10s]) > 0';
    await waitFor('stored rows', async () => (await query(stored)).length > 0, {
      timeoutMs: 60_000,
      everyMs: 500,
    });
    await waitFor('slots', async () => (await query('headframe:slots_missed:ratio10m')).length > 0, {
      timeoutMs: 30_000,
      everyMs: 500,
    });
  }, 120_000);
  afterAll(async () => {
    await prometheus.stop();
    await killPrograms();
    await rm(dir, { recursive: true, force: true });
  });

  const query = async (expr: string): Promise<Answer['result']> =>
    (await prometheus.ask<Answer>('/api/v1/query', { query: expr })).result;

  it('is given every metric that rules and dashboards name', async () => {
    const text = await (await fetch(`${url}/metrics`)).text();
    const exposed = new Set([...text.matchAll(/^# TYPE (\S+)/gm)].map(([, name = '']) => name));
    const recorded = new Set(rules.map(({ record }) => record));
    for (const { expr } of [...rules, ...asked])
      for (const metric of namesIn(expr).metrics) {
        if (metric === 'up' || recorded.has(metric)) continue;
        expect([...exposed], expr).toContain(
          exposed.has(metric) ? metric : metric.replace(/_(bucket|sum|count)$/, ''),
        );
      }
  });

  it('evaluates every rule, and none fires while all is well', async () => {
    const { groups } = await prometheus.ask<RuleGroups>('/api/v1/rules');
    const all = groups.flatMap((group) => group.rules);
    expect(all.map(({ name }) => name).sort()).toEqual(
      rules.map(({ alert, record }) => alert ?? record).sort(),
    );
    expect(all.filter(({ health }) => health !== 'ok')).toEqual([]);
    expect(all.filter(({ state }) => state === 'firing').map(({ name }) => name)).toEqual([]);
  });

  it('answers every query of a dashboard', async () => {
    const empty: string[] = [];
    for (const { name, expr } of asked) {
      const text = expr.replaceAll('$__rate_interval', '30s').replaceAll('$site', '1');
      if ((await query(text)).length === 0) empty.push(name);
    }
    // Nothing was told to anyone and no command was given; nothing was refused or lost.
    expect(empty.length, empty.join('\n')).toBeLessThan(asked.length / 3);
    expect(empty).not.toContain('cluster: Slots by outcome A');
  });
});
