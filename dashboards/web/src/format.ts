/** A number as it is shown, with its unit apart so that it can be set smaller. */
export interface Quantity {
  readonly value: string;
  readonly unit: string;
}

/** What stands for a value nobody reported. */
export const UNKNOWN = '–';

type Scale = readonly (readonly [factor: number, unit: string])[];

const hashrateScale: Scale = [
  [1, 'TH/s'],
  [1e3, 'PH/s'],
  [1e6, 'EH/s'],
];
const powerScale: Scale = [
  [1, 'W'],
  [1e3, 'kW'],
  [1e6, 'MW'],
];

const formatters = [0, 1, 2].map(
  (digits) => new Intl.NumberFormat('en', { minimumFractionDigits: digits, maximumFractionDigits: digits }),
);

/** A plain number with grouped thousands. */
export function number(value: number | null, digits = 0): string {
  return value === null ? UNKNOWN : (formatters[digits] ?? formatters[0])!.format(value);
}

function scaled(value: number | null, scale: Scale): Quantity {
  if (value === null) return { value: UNKNOWN, unit: '' };
  const [factor, unit] = scale.findLast(([least]) => Math.abs(value) >= least) ?? scale[0]!;
  const shown = value / factor;
  const fine = factor === 1 ? 10 : 100;
  const digits = unit === 'W' || shown === 0 ? 0 : shown < fine ? 2 : shown < 1000 ? 1 : 0;
  return { value: number(shown, digits), unit };
}

/** Hashrate from TH/s. */
export const hashrate = (ths: number | null): Quantity => scaled(ths, hashrateScale);

/** Power from W. */
export const power = (watts: number | null): Quantity => scaled(watts, powerScale);

/** A value in the one unit it is always shown in. */
export function quantity(value: number | null, unit: string, digits = 0): Quantity {
  return value === null ? { value: UNKNOWN, unit: '' } : { value: number(value, digits), unit };
}

/** °C. */
export const temperature = (celsius: number | null): Quantity => quantity(celsius, '°C', 0);

/** Percent from a share of 1, `null` when the whole is unknown or 0. */
export function percent(part: number | null, whole: number | null, digits = 1): Quantity {
  return part === null || whole === null || whole <= 0
    ? { value: UNKNOWN, unit: '' }
    : { value: number((part / whole) * 100, digits), unit: '%' };
}

/** A quantity as one string. */
export const text = ({ value, unit }: Quantity): string => (unit === '' ? value : `${value} ${unit}`);

/** A span of time in its largest one or two units, from seconds. */
export function duration(seconds: number | null): string {
  if (seconds === null) return UNKNOWN;
  const s = Math.max(0, Math.round(seconds));
  if (s < 120) return `${s} s`;
  if (s < 7200) return `${Math.floor(s / 60)} min`;
  if (s < 172_800) return `${Math.floor(s / 3600)} h ${Math.floor((s % 3600) / 60)} min`;
  return `${number(Math.floor(s / 86_400))} d ${Math.floor((s % 86_400) / 3600)} h`;
}

/** An instant in the reader's own time zone, year first (as Swedish writes it). */
export function instant(iso: string | null): string {
  const at = iso === null ? NaN : Date.parse(iso);
  return Number.isNaN(at) ? UNKNOWN : new Date(at).toLocaleString('sv', { timeZoneName: 'short' });
}

/** `parse_error` → `parse error`. */
export const words = (name: string): string => name.replaceAll('_', ' ');

/** The lowest and highest known value, or `null` when none is known. */
export function rangeOf(values: readonly (number | null)[]): readonly [number, number] | null {
  const known = values.filter((value) => value !== null);
  return known.length === 0 ? null : [Math.min(...known), Math.max(...known)];
}
