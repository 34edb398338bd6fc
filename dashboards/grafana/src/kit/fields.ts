import { ThresholdsMode, type DynamicConfigValue } from '@grafana/grafana-foundation-sdk/dashboard';

/** Grafana's names of units; a suffix where it has none. Values are in the unit named and scaled by Grafana. */
export const units = {
  count: 'short',
  hashrate: 'THs',
  power: 'watt',
  energy: 'kwatth',
  efficiency: 'suffix: J/TH',
  temperature: 'celsius',
  share: 'percentunit',
  seconds: 's',
  ms: 'ms',
  bytes: 'bytes',
  frequency: 'suffix: MHz',
  fan: 'rotrpm',
  perSecond: 'suffix: /s',
  time: 'dateTimeFromNow',
} as const;

/** Colours from values on: the first from below. */
export type Steps = readonly [first: string, ...rest: readonly (readonly [from: number, colour: string])[]];

/** What values mean, where they mean something. */
export const limits = {
  /** °C; the alert rules shipped begin at 75 and 85. */
  temperature: ['green', [75, 'orange'], [85, 'red']],
  /** Share of miners that answer, or of slots stored. */
  online: ['red', [0.9, 'orange'], [0.97, 'green']],
  /** Share of the nominal hashrate. */
  nominal: ['red', [0.8, 'orange'], [0.92, 'green']],
  /** Share of shares that pools reject. */
  rejected: ['green', [0.01, 'orange'], [0.03, 'red']],
  /** Any is one too many. */
  none: ['green', [1, 'red']],
  /** Some are in order. */
  some: ['green', [1, 'orange']],
  /** Age of what comes every minute, s. */
  age: ['green', [300, 'orange'], [900, 'red']],
  latencyMs: ['green', [200, 'orange'], [500, 'red']],
  lagS: ['green', [600, 'orange'], [1_800, 'red']],
} as const satisfies Record<string, Steps>;

/** One column of a table, or one value of several. */
export interface Field {
  readonly unit?: string;
  readonly decimals?: number;
  readonly steps?: Steps;
  /** Where a click leads: a path with variables. */
  readonly link?: { readonly title: string; readonly url: string };
  readonly colour?: string;
  readonly width?: number;
  /** Drawn against the right axis. */
  readonly isRight?: boolean;
  /** There for links alone. */
  readonly isHidden?: boolean;
}

/** Those of a set that a panel has. */
export function only(
  fields: Readonly<Record<string, Field>>,
  ...names: readonly string[]
): Record<string, Field> {
  return Object.fromEntries(Object.entries(fields).filter(([name]) => names.includes(name)));
}

/** The same as Grafana's overrides say it. */
export function propertiesOf(field: Field): DynamicConfigValue[] {
  const { unit, decimals, steps, link, colour, width, isRight, isHidden } = field;
  const properties: (DynamicConfigValue | false)[] = [
    unit !== undefined && { id: 'unit', value: unit },
    decimals !== undefined && { id: 'decimals', value: decimals },
    steps !== undefined && { id: 'thresholds', value: thresholdsOf(steps) },
    steps !== undefined && { id: 'color', value: { mode: 'thresholds' } },
    steps !== undefined && { id: 'custom.cellOptions', value: { type: 'color-text' } },
    link !== undefined && { id: 'links', value: [{ ...link, targetBlank: false }] },
    colour !== undefined && { id: 'color', value: { mode: 'fixed', fixedColor: colour } },
    width !== undefined && { id: 'custom.width', value: width },
    isHidden === true && { id: 'custom.hidden', value: true },
    isRight === true && { id: 'custom.axisPlacement', value: 'right' },
  ];
  return properties.filter((property) => property !== false);
}

/** Steps as Grafana's thresholds. */
export function thresholdsOf([first, ...rest]: Steps) {
  const steps = [{ value: null, color: first }, ...rest.map(([value, color]) => ({ value, color }))];
  return { mode: ThresholdsMode.Absolute, steps };
}
