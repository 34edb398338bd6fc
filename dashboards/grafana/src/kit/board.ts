import type * as cog from '@grafana/grafana-foundation-sdk/cog';
import {
  DashboardBuilder,
  DashboardCursorSync,
  DashboardLinkBuilder,
  DashboardLinkType,
  DatasourceVariableBuilder,
  QueryVariableBuilder,
  RowBuilder,
  VariableRefresh,
  VariableSort,
  type Dashboard,
  type Panel,
  type VariableModel,
} from '@grafana/grafana-foundation-sdk/dashboard';
import { database } from './queries.js';

/** A heading and the panels under it, from left to right. */
export interface Row {
  readonly title: string;
  readonly panels: readonly cog.Builder<Panel>[];
}

export interface Board {
  /** Of the file, the address in Grafana and links: `headframe-<name>`. */
  readonly name: string;
  readonly title: string;
  readonly description: string;
  readonly variables: readonly cog.Builder<VariableModel>[];
  /** Span shown first. */
  readonly from: string;
  readonly refresh: string;
  readonly rows: readonly Row[];
}

const tag = 'headframe';

/** Address of a dashboard in Grafana. */
export const uidOf = (name: string): string => `headframe-${name}`;

/** A path to another dashboard with the sources, the time and what else is given. */
export function pathTo(name: string, parameters: string): string {
  const kept = '${database:queryparam}&${prometheus:queryparam}&${__url_time_range}';
  return `/d/${uidOf(name)}?${parameters}&${kept}`;
}

/** The dashboard that a board says. */
export function build(board: Board): Dashboard {
  const builder = new DashboardBuilder(board.title)
    .uid(uidOf(board.name))
    .description(board.description)
    .tags([tag])
    .timezone('browser')
    .refresh(board.refresh)
    .time({ from: board.from, to: 'now' })
    .tooltip(DashboardCursorSync.Crosshair)
    .readonly()
    .variables([...sources, ...board.variables])
    .link(
      new DashboardLinkBuilder('Headframe')
        .type(DashboardLinkType.Dashboards)
        .tags([tag])
        .asDropdown(false)
        .includeVars(true)
        .keepTime(true),
    );
  for (const { title, panels } of board.rows) {
    builder.withRow(new RowBuilder(title));
    for (const panel of panels) builder.withPanel(panel);
  }
  const dashboard = builder.build();
  dashboard.panels?.forEach((panel, index) => (panel.id = index + 1));
  // In sight, and not in a menu.
  for (const link of dashboard.links ?? []) delete link.placement;
  return dashboard;
}

const sources = [
  new DatasourceVariableBuilder('database').label('Database').type('grafana-postgresql-datasource'),
  new DatasourceVariableBuilder('prometheus').label('Prometheus').type('prometheus'),
];

const siteQuery = 'select name as __text, site_id::text as __value from sites order by name';

/** Any of the sites; all at first. */
export const sitesVariable = siteVariable()
  .label('Sites')
  .multi(true)
  .includeAll(true)
  .current({ selected: true, text: ['All'], value: ['$__all'] });

/** One site. */
export const siteOnlyVariable = siteVariable().label('Site').multi(false).includeAll(false);

function siteVariable(): QueryVariableBuilder {
  return new QueryVariableBuilder('site')
    .datasource(database)
    .query(siteQuery)
    .definition(siteQuery)
    .refresh(VariableRefresh.OnDashboardLoad)
    .sort(VariableSort.Disabled);
}

// A site may have 100,000 miners: what is typed is looked for in the database.
const minerQuery = `select m.key || coalesce(' · ' || m.model, '') as __text, m.key as __value from miners m
where m.site_id = (select site_id from sites where site_id::text = \${site:sqlstring})
  and m.search_text like lower('%$__searchFilter')
order by m.address, m.key limit 200`;

/** One miner of the site. */
export const minerVariable = new QueryVariableBuilder('miner')
  .label('Miner')
  .datasource(database)
  .query(minerQuery)
  .definition(minerQuery)
  .refresh(VariableRefresh.OnTimeRangeChanged)
  .sort(VariableSort.Disabled)
  .multi(false)
  .includeAll(false);
