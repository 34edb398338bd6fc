import { AppError } from '../domain/errors.js';
import {
  historyMetrics,
  resolutions,
  type Availability,
  type EventsQuery,
  type HistoryMetricName,
  type HistoryPoint,
  type MinerEvent,
  type Resolution,
  type SitePoint,
  type TimeRange,
} from '../domain/history.js';
import { classifyFailure } from './database-error.js';
import type { Database } from './database.js';
import { readQuery } from './sql-files.js';

const names = [
  'site_history',
  'miner_samples',
  'miner_buckets',
  'miner_hours',
  'miner_late_hours',
  'site_events',
  'site_availability',
  'miner_availability',
] as const;
type QueryName = (typeof names)[number];

interface AvailabilityRow {
  readonly samples: number;
  readonly expected: number | null;
  readonly due: number | null;
  readonly online: number | null;
  readonly hashing: number | null;
}

const iso = (ms: number): string => new Date(ms).toISOString();
const hourMs = 3_600_000;

/** Reads what was: points, events, availability. Each query reads one site or miner, by key and time. */
export class HistoryRepo {
  readonly #db: Database;
  readonly #texts: Readonly<Record<QueryName, string>>;

  constructor(db: Database, options: { sqlDir?: string } = {}) {
    this.#db = db;
    this.#texts = Object.fromEntries(names.map((name) => [name, readQuery(name, options.sqlDir)])) as Record<
      QueryName,
      string
    >;
  }

  /** The surrogate id of a miner; null when the site has none of this name. */
  async minerId(siteId: number, key: string): Promise<number | null> {
    const [row] = await this.#db.run(
      'miner_id',
      (sql) => sql<{ miner_id: number }[]>`
      select miner_id from miners where site_id = ${siteId}::int and key = ${key}::text`,
    );
    return row?.miner_id ?? null;
  }

  /** Whether there is such a site. */
  async hasSite(siteId: number): Promise<boolean> {
    const rows = await this.#db.run('site', (sql) => sql`select from sites where site_id = ${siteId}::int`);
    return rows.length > 0;
  }

  /** Points of one miner, the oldest first; null when there are more than `maxPoints`. */
  async minerPoints(
    minerId: number,
    name: HistoryMetricName,
    resolution: Resolution,
    range: TimeRange,
    maxPoints: number,
  ): Promise<HistoryPoint[] | null> {
    const text = minerPointsText(this.#texts, name, resolution);
    const parameters = [minerId, iso(range.fromMs), iso(range.toMs), maxPoints + 1];
    const rows = await this.#rows<{ time: Date; value: number | null }>('miner_history', text, parameters);
    if (rows.length > maxPoints) return null;
    return rows.map(({ time, value }) => ({ timestamp: time.toISOString(), value }));
  }

  /** Points of a site, the oldest first. */
  async sitePoints(siteId: number, resolution: Resolution, range: TimeRange): Promise<SitePoint[]> {
    const parameters = [siteId, iso(range.fromMs), iso(range.toMs), resolutions[resolution]];
    const rows = await this.#rows<Omit<SitePoint, 'timestamp'> & { time: Date }>(
      'site_history',
      this.#texts.site_history,
      parameters,
    );
    return rows.map(({ time, ...point }) => ({ timestamp: time.toISOString(), ...point }));
  }

  /** Events, the newest first, and where the next page begins. Throws `REQUEST_INVALID` for a position that is none. */
  async events(
    siteId: number,
    minerId: number | null,
    query: EventsQuery,
  ): Promise<{ events: MinerEvent[]; next: (string | null)[] | null }> {
    const [time, miner, kind] = query.after ?? [null, null, null];
    const parameters = [
      siteId,
      iso(query.fromMs),
      iso(query.toMs),
      minerId,
      query.kinds === null ? null : `{${query.kinds.join(',')}}`,
      query.limit + 1,
      time ?? null,
      miner ?? null,
      kind ?? null,
    ];
    const rows = await this.#rows<
      Omit<MinerEvent, 'miner_id' | 'valid_from' | 'valid_to'> & {
        key: string;
        miner_id: number;
        valid_from: Date;
        valid_to: Date | null;
        at: string;
      }
    >('events', this.#texts.site_events, parameters).catch((error: unknown) => {
      if (query.after === null || classifyFailure(error) !== 'data') throw error;
      throw new AppError('REQUEST_INVALID', 'Invalid cursor: it is not of this order', { cause: error });
    });
    const shown = rows.slice(0, query.limit);
    const last = shown.at(-1);
    return {
      events: shown.map((row) => ({
        miner_id: row.key,
        kind: row.kind,
        from_value: row.from_value,
        to_value: row.to_value,
        valid_from: row.valid_from.toISOString(),
        valid_to: row.valid_to?.toISOString() ?? null,
      })),
      next:
        rows.length > query.limit && last !== undefined ? [last.at, String(last.miner_id), last.kind] : null,
    };
  }

  /** A site's availability; the range is rounded outwards to five minutes. */
  async siteAvailability(siteId: number, { fromMs, toMs }: TimeRange): Promise<Availability> {
    const range = {
      fromMs: Math.floor(fromMs / 300_000) * 300_000,
      toMs: Math.ceil(toMs / 300_000) * 300_000,
    };
    const parameters = [siteId, iso(range.fromMs), iso(range.toMs)];
    const text = this.#texts.site_availability;
    const [row] = await this.#rows<AvailabilityRow>('availability', text, parameters);
    return toAvailability(range, row);
  }

  /** A miner's availability. Where samples may be gone (before `samplesFromMs`) the range is rounded outwards to hours. */
  async minerAvailability(minerId: number, range: TimeRange, samplesFromMs: number): Promise<Availability> {
    const fromMs = range.fromMs < samplesFromMs ? floorHour(range.fromMs) : range.fromMs;
    const toMs = range.toMs < samplesFromMs ? floorHour(range.toMs + hourMs - 1) : range.toMs;
    const firstMs = floorHour(fromMs + hourMs - 1);
    const lastMs = floorHour(toMs);
    const hasHours = firstMs < lastMs;
    const parameters = [minerId, fromMs, hasHours ? firstMs : toMs, hasHours ? lastMs : toMs, toMs].map(
      (value, index) => (index === 0 ? value : iso(value)),
    );
    const text = this.#texts.miner_availability;
    const [row] = await this.#rows<AvailabilityRow>('availability', text, parameters);
    return toAvailability({ fromMs, toMs }, row);
  }

  async #rows<T extends object>(
    call: string,
    text: string,
    parameters: readonly (string | number | null)[],
  ): Promise<T[]> {
    const rows = await this.#db.run(call, (sql) => sql.unsafe<T[]>(text, [...parameters], { prepare: true }));
    return rows.map((row) => ({ ...row }));
  }
}

function floorHour(ms: number): number {
  return Math.floor(ms / hourMs) * hourMs;
}

/** The statement of a metric at a resolution; `texts` as in `sql/queries`. */
export function minerPointsText(
  texts: Readonly<Record<'miner_samples' | 'miner_buckets' | 'miner_hours' | 'miner_late_hours', string>>,
  name: HistoryMetricName,
  resolution: Resolution,
): string {
  const { sample, hour, combine } = historyMetrics[name];
  const fill = (text: string): string =>
    text
      .replace('{{combine}}', combine)
      .replace('{{sample}}', sample ?? 'null')
      .replace('{{hour}}', hour ?? 'null');
  if (resolution === 'raw') return fill(texts.miner_samples);
  if (resolution === '5m') return fill(texts.miner_buckets);
  return fill(sample === null ? texts.miner_hours : texts.miner_late_hours);
}

function toAvailability(range: TimeRange, row: AvailabilityRow | undefined): Availability {
  const percent = (part: number | null | undefined, of: number | null | undefined): number | null =>
    part == null || of == null || of <= 0 ? null : (100 * part) / of;
  const coverage = percent(row?.samples, row?.expected);
  return {
    from: iso(range.fromMs),
    to: iso(range.toMs),
    samples: row?.samples ?? 0,
    // A pace that changed within the range makes more samples than were due.
    coverage_percent: coverage === null ? null : Math.min(100, coverage),
    reachable_percent: percent(row?.online, row?.due),
    hashing_percent: percent(row?.hashing, row?.due),
  };
}
