import type { Finding } from './scan-identify.js';

export const scanFormats = ['table', 'json', 'csv'] as const;
export type ScanFormat = (typeof scanFormats)[number];

/** One miner found, as `--json` writes it: names and units of the upload contract. */
export interface ScanRow {
  readonly ip: string;
  readonly port: number;
  readonly family: string | null;
  readonly vendor: string | null;
  readonly model: string | null;
  readonly firmware: string | null;
  readonly firmware_version: string | null;
  readonly mac: string | null;
  readonly serial: string | null;
  readonly state: string;
  readonly health: string;
  readonly hashrate_ghs: number | null;
  readonly hashrate_expected_ghs: number | null;
  readonly temperature_max: number | null;
  readonly power_consumption: number | null;
  readonly boards_total: number | null;
  readonly uptime_seconds: number | null;
  readonly pool_url: string | null;
  readonly worker_name: string | null;
  readonly error_class: string | null;
  readonly error_message: string;
  readonly elapsed_ms: number;
}

/** A finding under the names of the output. */
export function toRow({ address, port, sample, errorClass, elapsedMs }: Finding): ScanRow {
  const { identity } = sample;
  return {
    ip: address,
    port,
    family: sample.family === 'unknown' ? null : sample.family,
    vendor: identity.vendor,
    model: identity.model,
    firmware: identity.firmware,
    firmware_version: identity.firmwareVersion,
    mac: identity.mac,
    serial: identity.serial,
    state: sample.state,
    health: sample.health,
    hashrate_ghs: sample.hashrateGhs,
    hashrate_expected_ghs: sample.hashrateExpectedGhs,
    temperature_max: sample.temperatureMaxC,
    power_consumption: sample.powerW,
    boards_total: sample.boardsTotal,
    uptime_seconds: sample.uptimeS,
    pool_url: sample.poolUrl,
    worker_name: sample.workerName,
    error_class: errorClass,
    error_message: sample.errorMessage ?? '',
    elapsed_ms: Math.round(elapsedMs),
  };
}

const csvColumns: readonly (keyof ScanRow)[] = [
  'ip',
  'port',
  'family',
  'vendor',
  'model',
  'firmware',
  'firmware_version',
  'mac',
  'serial',
  'state',
  'health',
  'hashrate_ghs',
  'hashrate_expected_ghs',
  'temperature_max',
  'power_consumption',
  'boards_total',
  'uptime_seconds',
  'pool_url',
  'worker_name',
  'error_class',
  'error_message',
  'elapsed_ms',
];

interface Column {
  readonly title: string;
  readonly width: number;
  readonly cell: (row: ScanRow) => string;
  readonly isNumber?: true;
}

const tableColumns: readonly Column[] = [
  { title: 'ADDRESS', width: 21, cell: (row) => `${row.ip}:${row.port}` },
  { title: 'MODEL', width: 28, cell: (row) => nameOf(row) },
  { title: 'FIRMWARE', width: 24, cell: (row) => words(row.firmware, row.firmware_version) },
  { title: 'STATE', width: 14, cell: (row) => row.state },
  {
    title: 'TH/S',
    width: 8,
    cell: (row) => terahashes(row.hashrate_ghs),
    isNumber: true,
  },
  { title: '°C', width: 5, cell: (row) => fixed(row.temperature_max, 0), isNumber: true },
  { title: 'W', width: 6, cell: (row) => fixed(row.power_consumption, 0), isNumber: true },
  { title: 'WORKER', width: 0, cell: (row) => row.worker_name ?? (row.error_message || '–') },
];

/** The line above the results; null where the format has none. */
export function heading(format: ScanFormat): string | null {
  if (format === 'csv') return csvColumns.join(',');
  return format === 'table' ? tableLine((column) => column.title) : null;
}

/** One finding as one line. */
export function formatFinding(finding: Finding, format: ScanFormat): string {
  const row = toRow(finding);
  if (format === 'json') return JSON.stringify(row);
  if (format === 'csv') return csvColumns.map((name) => csvField(row[name])).join(',');
  return tableLine((column) => column.cell(row));
}

function tableLine(cell: (column: Column) => string): string {
  const cells = tableColumns.map((column) => {
    const text = cell(column).replace(/\s+/g, ' ');
    if (column.width === 0) return text;
    const short = text.length > column.width ? `${text.slice(0, column.width - 1)}…` : text;
    return column.isNumber ? short.padStart(column.width) : short.padEnd(column.width);
  });
  return cells.join('  ').trimEnd();
}

/** Maker and model; many models begin with their maker. */
function nameOf({ vendor, model }: ScanRow): string {
  return model !== null && vendor !== null && model.startsWith(vendor) ? model : words(vendor, model);
}

/** TH/s with two decimals, small rates with two digits. */
function terahashes(ghs: number | null): string {
  const ths = ghs === null ? null : ghs / 1000;
  return ths !== null && ths > 0 && ths < 0.1 ? String(Number(ths.toPrecision(2))) : fixed(ths);
}

function words(...parts: readonly (string | null)[]): string {
  return parts.filter((part) => part !== null).join(' ') || '–';
}

function fixed(value: number | null, digits = 2): string {
  return value === null ? '–' : value.toFixed(digits);
}

/**
 * RFC 4180, line ends apart. Text that a spreadsheet would take for a formula gets an apostrophe in front:
 * miners and those who name their workers are not trusted.
 */
function csvField(value: string | number | null): string {
  if (value === null) return '';
  if (typeof value === 'number') return String(value);
  const text = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
