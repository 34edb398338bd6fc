import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { createMetrics } from '../../src/telemetry/metrics.js';
import { metricTable, type MetricSpec } from '../../src/telemetry/metric-table.js';
import { prometheusDir } from './promtool.js';

export interface Rule {
  readonly file: string;
  readonly alert?: string;
  readonly record?: string;
  readonly expr: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** Every rule of `dashboards/prometheus/rules`. */
export function readRules(): Rule[] {
  const folder = join(prometheusDir, 'rules');
  return readdirSync(folder).flatMap((file) => {
    const text = readFileSync(join(folder, file), 'utf8');
    const { groups } = parse(text) as { groups: { rules: Omit<Rule, 'file'>[] }[] };
    return groups.flatMap(({ rules }) => rules.map((rule) => ({ file, ...rule })));
  });
}

/** What an expression names. */
export interface Names {
  readonly metrics: readonly string[];
  /** In matchers, groupings and what vectors are matched on. */
  readonly labels: readonly string[];
}

const keywords = new Set(
  ['and', 'or', 'unless', 'offset', 'bool', 'inf', 'nan'].concat([
    'by',
    'without',
    'on',
    'ignoring',
    'group_left',
    'group_right',
  ]),
);

/** Metrics and labels that PromQL names. Aggregations stand with their labels first, as everywhere here. */
export function namesIn(expr: string): Names {
  const labels: string[] = [];
  const noStrings = expr.replaceAll(/"(?:[^"\\]|\\.)*"/g, '""').replaceAll(/\[[^\]]*\]/g, '');
  const noMatchers = noStrings.replaceAll(/\{([^}]*)\}/g, (_, inside: string) => {
    for (const [, label = ''] of inside.matchAll(/(\w+)\s*(?:=~|!~|!=|=)/g)) labels.push(label);
    return ' ';
  });
  const noGroups = noMatchers.replaceAll(/\b(?:by|without|on|ignoring)\s*\(([^)]*)\)/g, (_, list: string) => {
    labels.push(
      ...list
        .split(',')
        .map((name) => name.trim())
        .filter((name) => name !== ''),
    );
    return ' ';
  });
  const words = [...noGroups.matchAll(/(?<![\w.:])([a-zA-Z_:][\w:]*)\b(?!\s*\()/g)].map(
    ([, word = '']) => word,
  );
  // `1h` of an offset begins with a digit and is no word.
  return { metrics: [...new Set(words.filter((word) => !keywords.has(word)))], labels: [...new Set(labels)] };
}

/** Prometheus adds these to what it scrapes. */
const scrapeLabels = ['job', 'instance'];

/** Every name of a series that a process exposes or Prometheus makes, with its labels; null: any. */
export async function knownSeries(
  rules: readonly Rule[],
): Promise<ReadonlyMap<string, readonly string[] | null>> {
  const known = new Map<string, readonly string[] | null>();
  known.set('up', scrapeLabels);
  for (const [name, spec] of Object.entries<MetricSpec>(metricTable)) {
    const labels = [...spec.labels, ...scrapeLabels];
    if (spec.kind !== 'histogram') known.set(name, labels);
    else {
      for (const part of ['sum', 'count']) known.set(`${name}_${part}`, labels);
      known.set(`${name}_bucket`, [...labels, 'le']);
    }
  }
  for (const [, name = ''] of (await createMetrics().text()).matchAll(/^# TYPE ((?:nodejs|process)_\w+)/gm))
    known.set(name, [...scrapeLabels, 'type', 'space', 'version', 'kind']);
  for (const { record } of rules) if (record !== undefined) known.set(record, null);
  return known;
}
