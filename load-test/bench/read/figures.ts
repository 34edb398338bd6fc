import { quantile, type Figure } from '../report.js';
import type { Taken } from './measure.js';
import type { Seeded } from './seed.js';
import type { Size } from './sizes.js';

/** What was measured on one api. */
export interface Measured {
  readonly uncached: readonly Taken[];
  readonly cached: readonly Taken[];
  readonly csv: { readonly rows: number; readonly bytes: number; readonly ms: number };
  readonly apiPeakMb: number | null;
}

export function figuresOf(
  { uncached, cached, csv, apiPeakMb }: Measured,
  seeded: Seeded,
  disk: { readonly rows: number; readonly bytes: number; readonly seedS: number },
): Figure[] {
  const { computed } = seeded;
  return [
    ...[...uncached, ...cached].map(figureOf),
    {
      name: 'live list as CSV',
      value: csv.rows / (csv.ms / 1_000),
      unit: 'rows/s',
      note: `${count(csv.rows)} rows, ${(csv.bytes / 1e6).toFixed(0)} MB, ${(csv.ms / 1_000).toFixed(1)} s`,
    },
    { name: 'api, greatest memory', value: apiPeakMb, unit: 'MB' },
    {
      name: 'one bucket of the rollups',
      value: (1_000 * computed.tookS) / computed.buckets,
      unit: 'ms',
      note: `five minutes or an hour of ${count(seeded.farm.count)} miners; mean of ${computed.buckets}`,
    },
    {
      name: 'history on disk',
      value: disk.bytes / disk.rows,
      unit: 'bytes/row',
      note: `${count(disk.rows)} rows, ${(disk.bytes / 1e9).toFixed(1)} GB`,
    },
    {
      name: 'seeding',
      value: disk.seedS,
      unit: 's',
      note: `history at ${count(Math.round(seeded.historyRows / seeded.historyS))} rows/s`,
    },
  ];
}

function figureOf({ name, targetMs, latenciesMs, bytes }: Taken): Figure {
  const size = bytes < 1_000 ? `${bytes} B` : `${(bytes / 1_000).toFixed(0)} kB`;
  return {
    name,
    value: quantile(latenciesMs, 0.95),
    unit: 'ms',
    ...(targetMs === null ? {} : { target: { atMost: targetMs } }),
    note: `median ${quantile(latenciesMs, 0.5).toFixed(1)}, greatest ${Math.max(...latenciesMs).toFixed(0)}; ${latenciesMs.length} asks, ${size}`,
  };
}

export function remarksOf(
  { size, ingestRowsPerS }: { readonly size: Size; readonly ingestRowsPerS: number },
  { farm, fleet }: Seeded,
): string[] {
  return [
    'Times are 95th percentiles of whole answers over one kept-alive connection, with parameters that vary and',
    'no answer out of a cache but where it says so; the asker, the api and the database share the cores.',
    `Live lists, summary, heatmap: ${count(fleet.count)} miners. Charts, events, fleet: a site of ${count(farm.count)}`,
    `miners with ${size.hours} h of samples every ${size.intervalS} s and ${size.rollupDays} days of rollups and events.`,
    ingestRowsPerS === 0
      ? 'Nothing was uploaded meanwhile.'
      : `${ingestRowsPerS} rows/s were uploaded meanwhile.`,
  ];
}

function count(value: number): string {
  return value.toLocaleString('en-US');
}
