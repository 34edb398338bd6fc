import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../../src/config/paths.js';

export const grafanaDir = join(packageRoot, 'dashboards', 'grafana');

interface DataSource {
  readonly type: string;
  readonly uid: string;
}

export interface Target {
  readonly refId: string;
  readonly datasource?: DataSource;
  readonly rawSql?: string;
  readonly format?: 'time_series' | 'table';
  readonly expr?: string;
}

export interface Panel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly description?: string;
  readonly interval?: string;
  readonly datasource?: DataSource;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly targets?: readonly Target[];
  readonly fieldConfig?: {
    readonly defaults: { readonly unit?: string; readonly custom?: { readonly spanNulls?: unknown } };
    readonly overrides: readonly {
      readonly matcher: { readonly options?: unknown };
      readonly properties: readonly { readonly id: string; readonly value?: unknown }[];
    }[];
  };
}

export interface Variable {
  readonly type: string;
  readonly name: string;
  readonly query: string;
  readonly datasource?: DataSource;
}

export interface Dashboard {
  readonly uid: string;
  readonly title: string;
  readonly description?: string;
  readonly schemaVersion: number;
  readonly tags: readonly string[];
  readonly links: readonly {
    readonly type: string;
    readonly includeVars: boolean;
    readonly keepTime: boolean;
  }[];
  readonly templating: { readonly list: readonly Variable[] };
  readonly panels: readonly Panel[];
}

/** The committed dashboards by the name of their file. */
export function readDashboards(): ReadonlyMap<string, Dashboard> {
  const folder = join(grafanaDir, 'json');
  return new Map(
    readdirSync(folder).map((file) => [
      file.replace(/\.json$/, ''),
      JSON.parse(readFileSync(join(folder, file), 'utf8')) as Dashboard,
    ]),
  );
}

/** Every query of the dashboards with where it stands. */
export function targetsOf(
  dashboards: ReadonlyMap<string, Dashboard>,
): { readonly board: string; readonly panel: Panel; readonly target: Target }[] {
  return [...dashboards].flatMap(([board, { panels }]) =>
    panels.flatMap((panel) => (panel.targets ?? []).map((target) => ({ board, panel, target }))),
  );
}

export interface View {
  readonly from: Date;
  readonly to: Date;
  readonly variables: Readonly<Record<string, readonly string[]>>;
  /** Shortest step of the panel, as in its `interval`. */
  readonly minInterval?: string | undefined;
  /** What is typed into a variable's list. */
  readonly search?: string;
}

const stepsS = [1, 5, 10, 15, 30, 60, 300, 600, 900, 1_800, 3_600, 7_200, 21_600, 43_200, 86_400, 604_800];

/** The step that a panel of 1,000 points gets, s. */
export function stepOf({ from, to, minInterval }: View): number {
  const wanted = Math.max((to.getTime() - from.getTime()) / 1_000 / 1_000, lengthS(minInterval ?? '1s'));
  return stepsS.find((step) => step >= wanted) ?? 604_800;
}

const lengthS = (text: string): number =>
  Number.parseInt(text, 10) * ({ s: 1, m: 60, h: 3_600, d: 86_400 }[text.at(-1) ?? ''] ?? Number.NaN);

/** SQL of a panel or variable as Grafana's PostgreSQL source sends it: variables first, then macros. */
export function renderSql(text: string, view: View): string {
  const stepS = stepOf(view);
  const [from, to] = [view.from.toISOString(), view.to.toISOString()];
  const group = (column: string, step: string): string => {
    const width = lengthS(step.trim().replaceAll("'", ''));
    return `floor(extract(epoch from ${column})/${width})*${width}`;
  };
  return text
    .replaceAll(/\$\{(\w+):sqlstring\}/g, (_, name: string) => {
      const values = view.variables[name];
      if (values === undefined) throw new Error(`no variable is named ${name}`);
      return values.map((value) => `'${value.replaceAll("'", "''")}'`).join(',');
    })
    .replaceAll('$__searchFilter', `${view.search ?? ''}%`)
    .replaceAll('$__interval_ms', String(stepS * 1_000))
    .replaceAll('$__interval', `${stepS}s`)
    .replaceAll(
      /\$__timeGroupAlias\(([^,]+),([^,)]+)(,[^)]*)?\)/g,
      (_, column: string, step: string) => `${group(column, step)} AS "time"`,
    )
    .replaceAll(/\$__timeGroup\(([^,]+),([^,)]+)(,[^)]*)?\)/g, (_, column: string, step: string) =>
      group(column, step),
    )
    .replaceAll(/\$__timeFilter\(([^)]+)\)/g, `$1 BETWEEN '${from}' AND '${to}'`)
    .replaceAll('$__timeFrom()', `'${from}'`)
    .replaceAll('$__timeTo()', `'${to}'`);
}
