import type * as cog from '@grafana/grafana-foundation-sdk/cog';
import type { DataSourceRef } from '@grafana/grafana-foundation-sdk/dashboard';
import { DataqueryBuilder } from '@grafana/grafana-foundation-sdk/prometheus';

/** The variable that chooses the database. */
export const database: DataSourceRef = { type: 'grafana-postgresql-datasource', uid: '${database}' };
/** The variable that chooses the Prometheus. */
export const prometheus: DataSourceRef = { type: 'prometheus', uid: '${prometheus}' };

/** A query of one panel, not yet named. */
export type Query = (refId: string) => cog.Builder<cog.Dataquery>;

interface SqlQuery extends cog.Dataquery {
  readonly refId: string;
  readonly datasource: DataSourceRef;
  readonly editorMode: 'code';
  readonly rawQuery: true;
  /** `time_series`: a column `time`, then numbers; a text column `metric` names the series. */
  readonly format: 'time_series' | 'table';
  readonly rawSql: string;
}

const sqlOf =
  (format: SqlQuery['format']) =>
  (rawSql: string): Query =>
  (refId) => ({
    build: (): SqlQuery => ({
      refId,
      datasource: database,
      editorMode: 'code',
      rawQuery: true,
      format,
      rawSql: rawSql.trim(),
      _implementsDataqueryVariant: () => undefined,
    }),
  });

/** SQL that answers `time` and values. */
export const sqlSeries = sqlOf('time_series');
/** SQL that answers rows. */
export const sqlRows = sqlOf('table');

/** PromQL over the time of the dashboard; `legend` as in `{{instance}}`. */
export function prom(expr: string, legend: string): Query {
  return (refId) =>
    new DataqueryBuilder().refId(refId).datasource(prometheus).expr(expr).legendFormat(legend).range();
}

/** PromQL at the end of the time of the dashboard. */
export function promNow(expr: string, legend: string): Query {
  return (refId) =>
    new DataqueryBuilder().refId(refId).datasource(prometheus).expr(expr).legendFormat(legend).instant();
}

/** Growth of a counter per second, over what Grafana takes for a step. */
export function rate(counter: string, by: string): string {
  return `sum by (${by}) (rate(${counter}[$__rate_interval]))`;
}

/** A quantile of a histogram over all processes, by labels if any are given. */
export function quantile(share: number, histogram: string, ...by: string[]): string {
  return `histogram_quantile(${share}, sum by (${['le', ...by].join(', ')}) (rate(${histogram}_bucket[$__rate_interval])))`;
}
