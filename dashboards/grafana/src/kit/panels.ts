import type * as cog from '@grafana/grafana-foundation-sdk/cog';
import {
  BigValueColorMode,
  BigValueGraphMode,
  GraphDrawStyle,
  GraphThresholdsStyleMode,
  LegendDisplayMode,
  LegendPlacement,
  ReduceDataOptionsBuilder,
  SortOrder,
  StackingConfigBuilder,
  StackingMode,
  GraphThresholdsStyleConfigBuilder,
  TooltipDisplayMode,
  VisibilityMode,
  VizLegendOptionsBuilder,
  VizTooltipOptionsBuilder,
} from '@grafana/grafana-foundation-sdk/common';
import {
  FieldColorBuilder,
  FieldColorModeId,
  ThresholdsConfigBuilder,
  type DataSourceRef,
  type DynamicConfigValue,
  type Panel,
  type ValueMapping,
} from '@grafana/grafana-foundation-sdk/dashboard';
import { PanelBuilder as StatPanel } from '@grafana/grafana-foundation-sdk/stat';
import { PanelBuilder as TimelinePanel } from '@grafana/grafana-foundation-sdk/statetimeline';
import { PanelBuilder as TablePanel } from '@grafana/grafana-foundation-sdk/table';
import { PanelBuilder as SeriesPanel } from '@grafana/grafana-foundation-sdk/timeseries';
import { propertiesOf, thresholdsOf, units, type Field, type Steps } from './fields.js';
import type { Query } from './queries.js';

interface Common {
  readonly title: string;
  /** What is shown, and from where on it is bad. */
  readonly description: string;
  readonly queries: readonly Query[];
  /** Columns of 24. */
  readonly span: number;
  /** Rows of 30 px. */
  readonly height?: number;
  readonly unit?: string;
  readonly decimals?: number;
  readonly steps?: Steps;
  readonly fields?: Readonly<Record<string, Field>>;
  readonly mappings?: readonly ValueMapping[];
  /** Shortest step between two points. */
  readonly interval?: string;
}

/** What the builders of all kinds of panels have. */
interface AnyPanel {
  title(text: string): this;
  datasource(source: DataSourceRef): this;
  description(text: string): this;
  span(columns: number): this;
  height(rows: number): this;
  unit(name: string): this;
  decimals(digits: number): this;
  interval(step: string): this;
  noValue(text: string): this;
  mappings(list: ValueMapping[]): this;
  thresholds(thresholds: ThresholdsConfigBuilder): this;
  withTarget(target: cog.Builder<cog.Dataquery>): this;
  overrideByName(name: string, properties: DynamicConfigValue[]): this;
}

function withCommon<P extends AnyPanel>(panel: P, options: Common, height: number): P {
  const { unit, decimals, steps, mappings, interval } = options;
  panel.title(options.title).description(options.description);
  panel.span(options.span).height(options.height ?? height);
  if (unit !== undefined) panel.unit(unit);
  if (decimals !== undefined) panel.decimals(decimals);
  if (interval !== undefined) panel.interval(interval);
  if (mappings !== undefined) panel.mappings([...mappings]);
  const thresholds = thresholdsOf(steps ?? ['green']);
  panel.thresholds(new ThresholdsConfigBuilder().mode(thresholds.mode).steps(thresholds.steps));
  for (const [index, query] of options.queries.entries()) {
    const target = query(String.fromCharCode(65 + index));
    panel.withTarget(target);
    // All queries of a panel ask the same source.
    const { datasource } = target.build() as { readonly datasource?: DataSourceRef };
    if (datasource !== undefined) panel.datasource(datasource);
  }
  for (const [name, field] of Object.entries(options.fields ?? {}))
    panel.overrideByName(name, propertiesOf(field));
  return panel;
}

export interface SeriesOptions extends Common {
  readonly min?: number;
  readonly max?: number;
  readonly isStacked?: boolean;
  readonly isBars?: boolean;
  /** Points further apart are not joined, ms: where the query itself does not answer null. */
  readonly gapMs?: number;
  /** Two or more lines that are told apart by their values too. */
  readonly hasTable?: boolean;
}

/** Lines over time. A missing value is a gap. */
export function series(options: SeriesOptions): cog.Builder<Panel> {
  const panel = withCommon(new SeriesPanel(), { unit: units.count, ...options }, 8)
    .lineWidth(1)
    .fillOpacity(options.isStacked === true ? 40 : options.isBars === true ? 80 : 8)
    .spanNulls(false)
    .showPoints(VisibilityMode.Auto)
    .drawStyle(options.isBars === true ? GraphDrawStyle.Bars : GraphDrawStyle.Line)
    .tooltip(new VizTooltipOptionsBuilder().mode(TooltipDisplayMode.Multi).sort(SortOrder.Descending))
    .legend(
      new VizLegendOptionsBuilder()
        .showLegend(true)
        .placement(LegendPlacement.Bottom)
        .displayMode(options.hasTable === true ? LegendDisplayMode.Table : LegendDisplayMode.List)
        .calcs(options.hasTable === true ? ['mean', 'max', 'lastNotNull'] : []),
    );
  if (options.min !== undefined) panel.min(options.min);
  if (options.max !== undefined) panel.max(options.max);
  if (options.gapMs !== undefined) panel.insertNulls(options.gapMs);
  if (options.isStacked === true)
    panel.stacking(new StackingConfigBuilder().mode(StackingMode.Normal).group('A'));
  if (options.steps !== undefined)
    panel.thresholdsStyle(new GraphThresholdsStyleConfigBuilder().mode(GraphThresholdsStyleMode.Dashed));
  return panel;
}

/** Values as they are now, one beside the other. */
export function values(options: Common): cog.Builder<Panel> {
  return withCommon(new StatPanel(), options, 4)
    .noValue('–')
    .colorMode(BigValueColorMode.Value)
    .graphMode(BigValueGraphMode.None)
    .reduceOptions(new ReduceDataOptionsBuilder().calcs(['lastNotNull']).fields('').values(false))
    .colorScheme(new FieldColorBuilder().mode(FieldColorModeId.Thresholds));
}

/** Rows. */
export function table(options: Common): cog.Builder<Panel> {
  return withCommon(new TablePanel(), options, 9).noValue('–').filterable(true);
}

/** States over time. */
export function timeline(options: Common): cog.Builder<Panel> {
  return withCommon(new TimelinePanel(), options, 5).showValue(VisibilityMode.Auto).mergeValues(true);
}
