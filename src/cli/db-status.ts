import type { Config } from '../config/schema.js';
import type { DatabaseStatus } from '../storage/status.repo.js';
import { columns } from './columns.js';
import { refuseMissing, withStore } from './data.js';

/** `headframe db status`. */
export async function showDatabase(
  config: Config,
  options: { readonly isJson: boolean },
  print: (line: string) => void,
): Promise<number> {
  refuseMissing(config);
  return withStore(config, async ({ status }) => {
    const now = await status.read({ historyDays: config.retention.history_days });
    print(options.isJson ? JSON.stringify(now) : statusText(now));
    return 0;
  });
}

function statusText(status: DatabaseStatus): string {
  const edition =
    status.edition === 'plain'
      ? `PostgreSQL ${status.server_version}`
      : `TimescaleDB ${status.timescaledb_version ?? ''} (${status.edition}) on PostgreSQL ${status.server_version}`;
  const { rollups } = status;
  return [
    `${edition}, schema version ${status.schema_version}, ${bytesText(status.bytes)}`,
    '',
    ...columns([
      ['table', 'chunks', 'size', 'rows (about)', 'bytes/row', 'oldest', 'newest'],
      ...status.tables.map((table) => [
        table.table,
        String(table.chunks),
        bytesText(table.bytes),
        String(table.rows),
        String(table.bytes_per_row ?? '-'),
        timeText(table.oldest),
        timeText(table.newest),
      ]),
    ]),
    '',
    `history chunks of ${status.history_chunk_s} s; retention ${lagText(status.retention_lag_s)}`,
    `rollups ${lagText(rollups.lag_s)}; ${rollups.due} buckets wait, ${rollups.marks} marks are new`,
    ...(status.maintenance.length === 0 ? ['maintenance has not run yet'] : []),
    ...status.maintenance.map(
      (run) =>
        `last ${run.name}: ${timeText(run.ran_at)}, ${Math.round(run.took_ms)} ms, ${JSON.stringify(run.outcome)}`,
    ),
  ].join('\n');
}

const lagText = (seconds: number): string => (seconds > 0 ? `${Math.round(seconds)} s behind` : 'in time');
const timeText = (time: string | null): string => time?.replace(/\.\d+Z$/, 'Z') ?? '-';

function bytesText(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  const power = Math.min(units.length - 1, Math.floor(Math.log2(Math.max(1, bytes)) / 10));
  const value = bytes / 1024 ** power;
  return `${value < 10 && power > 0 ? value.toFixed(1) : Math.round(value)} ${units[power] ?? ''}`;
}
