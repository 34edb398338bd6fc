import { readFileSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';

/** One line of a report. */
export interface Figure {
  readonly name: string;
  /** Null: it could not be measured here. */
  readonly value: number | null;
  readonly unit: string;
  /** What the figure must reach; absent for figures that only explain. */
  readonly target?: { readonly atLeast: number } | { readonly atMost: number };
  /** What a reader must know to judge it. */
  readonly note?: string;
}

/** What a benchmark hands back. */
export interface Report {
  readonly title: string;
  /** Where it was measured. */
  readonly machine: string;
  readonly figures: readonly Figure[];
  /** Whole sentences below the table. */
  readonly remarks: readonly string[];
}

/** The machine in one line: processor, cores, memory, Node.js. */
export function describeMachine(): string {
  const cores = cpus();
  const model = cores[0]?.model.replace(/\s+/g, ' ').trim() || 'unknown processor';
  const gib = (totalmem() / 1024 ** 3).toFixed(0);
  return `${model}, ${cores.length} cores, ${gib} GiB, ${process.platform}, Node.js ${process.versions.node}`;
}

/** Processes that want a core, averaged over the last minute, by the share of the cores they leave; null off Linux. */
export function loadOfMachine(): number | null {
  try {
    return Number(readFileSync('/proc/loadavg', 'utf8').split(' ')[0]);
  } catch {
    return null;
  }
}

/** False only when the figure has a target and misses it or could not be measured. */
export function isMet(figure: Figure): boolean {
  if (figure.target === undefined) return true;
  if (figure.value === null) return false;
  return 'atLeast' in figure.target
    ? figure.value >= figure.target.atLeast
    : figure.value <= figure.target.atMost;
}

/** The report as text for people: one aligned table, remarks below. */
export function formatReport(report: Report): string {
  const rows = report.figures.map((figure) => [
    figure.name,
    `${formatNumber(figure.value)} ${figure.unit}`.trimEnd(),
    formatTarget(figure),
    figure.target === undefined ? '' : isMet(figure) ? 'pass' : 'FAIL',
    figure.note ?? '',
  ]);
  const head = ['', 'measured', 'required', '', ''];
  const widths = head.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)),
  );
  const isNumber = (column: number): boolean => column === 1 || column === 2;
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, column) => {
        const width = widths[column] ?? 0;
        return isNumber(column) ? cell.padStart(width) : cell.padEnd(width);
      })
      .join('  ')
      .trimEnd();
  return [
    report.title,
    report.machine,
    '',
    line(head),
    ...rows.map(line),
    ...(report.remarks.length > 0 ? ['', ...report.remarks] : []),
  ].join('\n');
}

function formatTarget({ target }: Figure): string {
  if (target === undefined) return '';
  return 'atLeast' in target ? `>= ${formatNumber(target.atLeast)}` : `<= ${formatNumber(target.atMost)}`;
}

function formatNumber(value: number | null): string {
  if (value === null) return '–';
  if (Math.abs(value) >= 100) return Math.round(value).toLocaleString('en-US');
  if (Number.isInteger(value)) return String(value);
  return value.toFixed(Math.abs(value) >= 10 ? 1 : 2);
}

/** The middle value; the mean of the two middle ones of an even number. NaN of none. */
export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

/** By linear interpolation, `q` 0–1. NaN of none. */
export function quantile(values: readonly number[], q: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (sorted.length - 1) * q;
  const low = sorted[Math.floor(at)] ?? NaN;
  const high = sorted[Math.ceil(at)] ?? NaN;
  return low + (high - low) * (at - Math.floor(at));
}

/** Prints the report, as JSON with `isJson`, and sets exit code 1 when a target is missed. */
export function finish(report: Report, isJson: boolean): void {
  process.stdout.write(`${isJson ? JSON.stringify(report) : formatReport(report)}\n`);
  process.exitCode = report.figures.every(isMet) ? 0 : 1;
}

/** Progress for a person who waits. */
export function progress(text: string): void {
  process.stderr.write(`bench: ${text}\n`);
}
