import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { grafanaDir, readDashboards, renderSql, targetsOf, type Panel } from '../support/grafana.js';

const dashboards = readDashboards();
const sources = new Map([
  ['grafana-postgresql-datasource', '${database}'],
  ['prometheus', '${prometheus}'],
]);

describe.each([...dashboards])('the dashboard %s', (name, board) => {
  it('has an address of its own, a description, and a schema that Grafana knows', () => {
    expect(board.uid).toBe(`headframe-${name}`);
    expect(board.uid.length).toBeLessThanOrEqual(40);
    expect(board.description).toMatch(/\.$/);
    expect(board.schemaVersion).toBeGreaterThanOrEqual(39);
    expect(new Set([...dashboards.values()].map(({ uid }) => uid)).size).toBe(dashboards.size);
    expect(new Set([...dashboards.values()].map(({ title }) => title)).size).toBe(dashboards.size);
  });

  it('leads to the others with its variables and time', () => {
    expect(board.tags).toContain('headframe');
    expect(board.links).toMatchObject([{ type: 'dashboards', includeVars: true, keepTime: true }]);
    const uids = new Set([...dashboards.values()].map(({ uid }) => uid));
    const paths = [...JSON.stringify(board).matchAll(/"url":"([^"]+)"/g)].map(([, url = '']) => url);
    for (const path of paths) expect(uids, path).toContain(/^\/d\/([\w-]+)\?/.exec(path)?.[1]);
  });

  it('asks the sources that its variables choose, and uses no variable it has not', () => {
    const names = new Set(board.templating.list.map((variable) => variable.name));
    const kinds = board.templating.list.filter(({ type }) => type === 'datasource');
    expect(kinds.map(({ name: source, query }) => [query, `\${${source}}`])).toEqual([...sources]);
    for (const { panel, target } of targetsOf(new Map([[name, board]]))) {
      expect(target.datasource?.uid, panel.title).toBe(sources.get(target.datasource?.type ?? ''));
      expect(panel.datasource, panel.title).toEqual(target.datasource);
    }
    for (const variable of board.templating.list.filter(({ type }) => type === 'query'))
      expect(variable.datasource?.uid).toBe(sources.get(variable.datasource?.type ?? ''));
    const text = JSON.stringify(board);
    const used = [...text.matchAll(/\$\{(\w+)(?::\w+)?\}|\$(?!__)(\w+)/g)].map(([, a, b]) => a ?? b ?? '');
    for (const variable of used.filter((each) => !each.startsWith('__'))) expect(names).toContain(variable);
  });

  it('places its panels without overlap, each with an id', () => {
    expect(new Set(board.panels.map(({ id }) => id)).size).toBe(board.panels.length);
    for (const [index, panel] of board.panels.entries()) {
      expect(panel.gridPos.x + panel.gridPos.w, panel.title).toBeLessThanOrEqual(24);
      for (const other of board.panels.slice(index + 1))
        expect(overlap(panel, other), `${panel.title} and ${other.title}`).toBe(false);
    }
  });

  it('says of each panel what it shows, in which unit, and shows what is missing as a gap', () => {
    for (const panel of board.panels.filter(({ type }) => type !== 'row')) {
      expect(panel.description, panel.title).toMatch(/\.$/);
      expect(panel.targets?.length, panel.title).toBeGreaterThan(0);
      expect(new Set(panel.targets?.map(({ refId }) => refId)).size).toBe(panel.targets?.length);
      if (panel.type !== 'timeseries') continue;
      expect(panel.fieldConfig?.defaults.unit, panel.title).toBeDefined();
      expect(panel.fieldConfig?.defaults.custom?.spanNulls, panel.title).toBe(false);
    }
  });

  it('gives units to columns that are there', () => {
    for (const panel of board.panels) {
      const text = (panel.targets ?? []).map((t) => t.rawSql ?? t.expr ?? '').join('\n');
      if (panel.targets?.some((t) => t.rawSql === undefined)) continue;
      for (const { matcher } of panel.fieldConfig?.overrides ?? [])
        expect(text, `${board.title}: ${panel.title}`).toContain(`"${String(matcher.options)}"`);
    }
  });
});

it('asks five-minute rollups in steps of five minutes or more', () => {
  for (const { board, panel, target } of targetsOf(dashboards))
    if (target.format === 'time_series' && target.rawSql?.includes('from site_telemetry_5m'))
      expect(panel.interval, `${board}: ${panel.title}`).toMatch(/^5m|1h|1d$/);
});

it('selects nothing that may hold a password', () => {
  for (const { board, panel, target } of targetsOf(dashboards))
    expect(target.rawSql ?? '', `${board}: ${panel.title}`).not.toMatch(
      /\bparams\b|password|secret|\bpayload\b|\btarget\b|select \*|_hash|users|sessions|api_tokens|collector_keys/,
    );
});

it('is provisioned from the folder it lies in', () => {
  const text = readFileSync(join(grafanaDir, 'provisioning', 'dashboards', 'headframe.yml'), 'utf8');
  expect(text).toContain('path: /etc/grafana/headframe');
});

it('replaces variables and macros as Grafana does', () => {
  const view = {
    from: new Date(0),
    to: new Date(3_600_000),
    variables: { site: ['1', "o'2"] },
    minInterval: '5m',
  };
  expect(renderSql('x in (${site:sqlstring}) and $__timeFilter(r.time)', view)).toBe(
    "x in ('1','o''2') and r.time BETWEEN '1970-01-01T00:00:00.000Z' AND '1970-01-01T01:00:00.000Z'",
  );
  expect(renderSql('$__timeGroupAlias(r.time, $__interval, NULL)', view)).toBe(
    'floor(extract(epoch from r.time)/300)*300 AS "time"',
  );
});

function overlap({ gridPos: a }: Panel, { gridPos: b }: Panel): boolean {
  return a.x < b.x + b.w && b.x < a.x + a.w && a.y < b.y + b.h && b.y < a.y + a.h;
}
