import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { packageRoot } from '../../src/config/paths.js';
import { readDashboards, targetsOf } from '../support/grafana.js';
import { prometheusDir } from '../support/promtool.js';
import { knownSeries, namesIn, readRules } from '../support/promql.js';

const rules = readRules();
const alerts = rules.filter(({ alert }) => alert !== undefined);
const expressions: [string, string][] = [
  ...rules.map(({ alert, record, expr }) => [alert ?? record ?? '', expr] as [string, string]),
  ...targetsOf(readDashboards()).flatMap(({ board, panel, target }) =>
    target.expr === undefined
      ? []
      : [[`${board}: ${panel.title} ${target.refId}`, target.expr] as [string, string]],
  ),
];

it('reads which metrics and labels PromQL names', () => {
  expect(
    namesIn(
      'sum by (le, family) (rate(a_bucket{type=~"x{y}", q!="1"}[$__rate_interval])) > 0 and on (job) b:c offset 1h',
    ),
  ).toEqual({ metrics: ['a_bucket', 'b:c'], labels: ['type', 'q', 'le', 'family', 'job'] });
});

it.each(expressions)('%s names only metrics that are declared, and their labels', async (_name, expr) => {
  const known = await knownSeries(rules);
  const { metrics, labels } = namesIn(expr);
  expect(metrics.length).toBeGreaterThan(0);
  const allowed = metrics.map((metric) => {
    expect([...known.keys()]).toContain(metric);
    return known.get(metric) ?? null;
  });
  // Labels of a recording rule are those it was grouped by, which its own line shows.
  if (allowed.some((list) => list === null)) return;
  for (const label of labels) expect(allowed.flat()).toContain(label);
});

describe.each(alerts.map((rule) => [rule.alert ?? '', rule] as const))('%s', (name, rule) => {
  it('says how bad it is, what it is, and where it stands what to do', () => {
    expect(['warning', 'critical']).toContain(rule.labels?.['severity']);
    expect(rule.annotations?.['summary']).not.toMatch(/[.{]/);
    expect(rule.annotations?.['description']).toMatch(/\.$/);
    const [page, anchor] = (rule.annotations?.['runbook_url'] ?? '').split('#');
    expect(page).toBe('docs/operations.md');
    expect(anchorsOf(page ?? '')).toContain(anchor);
  });

  it('is tried: it is silent, and it fires', () => {
    const tried = tests.filter(({ expr }) => expr.includes(`"${name}"`));
    expect(tried.some(({ exp_samples }) => exp_samples.length === 0)).toBe(true);
    expect(tried.some(({ exp_samples }) => exp_samples.length > 0)).toBe(true);
  });
});

interface ExprTest {
  readonly expr: string;
  readonly exp_samples: readonly unknown[];
}

const tests = readdirSync(join(prometheusDir, 'tests')).flatMap((file) => {
  const text = readFileSync(join(prometheusDir, 'tests', file), 'utf8');
  const { tests: groups } = parse(text) as { tests: { promql_expr_test: ExprTest[] }[] };
  return groups.flatMap(({ promql_expr_test }) => promql_expr_test);
});

/** Headings of a page as links name them. */
function anchorsOf(page: string): string[] {
  const text = readFileSync(join(packageRoot, page), 'utf8');
  return [...text.matchAll(/^#+ (.+)$/gm)].map(([, title = '']) =>
    title
      .toLowerCase()
      .replaceAll(/[^\w\- ]/g, '')
      .replaceAll(' ', '-'),
  );
}
