import { z } from 'zod';
import { liveSorts } from '../../domain/ingest.js';
import { historyMetrics, type HistoryMetricName } from '../../domain/history.js';
import { parseCidr } from '../../domain/cidr.js';
import { minerStates } from '../../domain/telemetry.js';

/** A whole number written in a path or query. `initial` makes it optional. */
export const int = (min: number, max: number, what: string): z.ZodType<number, string> =>
  z
    .string()
    .regex(/^\d{1,10}$/, 'must be a whole number')
    .transform(Number)
    .pipe(z.number().min(min).max(max))
    .meta({ description: what, parameter: { type: 'integer', minimum: min, maximum: max } });

const flag = (what: string): z.ZodType<boolean, string> =>
  z
    .enum(['true', 'false', '1', '0', ''])
    .transform((text) => text === 'true' || text === '1')
    .meta({ description: what, parameter: { type: 'boolean' } });

/** Text to look for: control characters (PostgreSQL refuses NUL) and outer spaces go; null when nothing is left. */
const words = (what: string): z.ZodType<string | null, string> =>
  z
    .string()
    .max(128)
    .transform((text) => {
      const cleaned = text.replace(/\p{Cc}/gu, '').trim();
      return cleaned === '' ? null : cleaned;
    })
    .meta({ description: what, parameter: { type: 'string', maxLength: 128 } });

/** An instant: ISO 8601 with a zone, or seconds since the epoch. ms since the epoch. */
const instant = (what: string): z.ZodType<number, string> =>
  z
    .string()
    .max(40)
    .transform((text, context) => {
      const ms = /^\d{9,11}$/.test(text) ? Number(text) * 1_000 : Date.parse(text);
      const hasZone = /^\d{9,11}$|T.*(Z|[+-]\d{2}:?\d{2})$/.test(text);
      if (hasZone && ms >= 0 && ms < 4_102_444_800_000) return ms;
      context.addIssue('must be a time such as 2026-01-31T12:00:00Z');
      return z.NEVER;
    })
    .meta({ description: what, parameter: { type: 'string', format: 'date-time' } });

const subnet = (what: string): z.ZodType<string | null, string> =>
  z
    .string()
    .max(43)
    .transform((text, context) => {
      if (text === '') return null;
      const cidr = parseCidr(text);
      if (cidr !== null) return cidr;
      context.addIssue('must be a network such as 10.1.0.0/24');
      return z.NEVER;
    })
    .meta({ description: what, parameter: { type: 'string', examples: ['10.1.0.0/24'] } });

/** What a page was continued with; read by whoever made it. */
const cursor = z
  .string()
  .max(2_048)
  .regex(/^[A-Za-z0-9_-]*$/, 'must be a cursor that an answer gave')
  .meta({ description: 'Where the last page ended: `next_cursor` of its answer.' });

const siteId = int(1, 2_147_483_647, 'Number of the site.');
/** `?site_id=`, by itself. */
export const siteIdParameter = siteId;

const minerName = z
  .string()
  .min(1)
  .max(128)
  .refine((text) => !text.includes('\0'), 'must not hold NUL')
  .meta({ description: 'The miner’s name: its address, or what its collector calls it.' });

/** `:site` of a path. */
export const sitePath = z.object({ site: siteId });

/** `:site` and `:minerId` of a path. */
export const minerPath = z.object({
  site: siteId,
  minerId: minerName,
});

/** `?site=`. */
export const streamQuery = z.object({ site: siteId });

/** `?site_id=`, or `site` for short; without either all sites. */
export const siteQuery = z.object({ site_id: siteId.optional(), site: siteId.optional() });

export const liveQuery = z.object({
  page: int(
    1,
    1_000_000,
    'Page, from 1. Pages by number shift when miners come and go; `cursor` does not.',
  ).default(1),
  per_page: int(1, 500, 'Miners on a page.').default(50),
  cursor: cursor.optional(),
  online_only: flag('Only miners that answered when they were last asked.').default(false),
  state: z
    .enum([...minerStates, 'stale', ''])
    .default('')
    .meta({ description: 'State; `stale` for online miners without a fresh sample.' }),
  health: z
    .enum(['healthy', 'warning', 'critical', 'offline', 'unknown', ''])
    .default('')
    .meta({ description: 'Health as derived from the readings.' }),
  model: words('Model, whole, in any case.').default(null),
  firmware: words('Firmware, whole, in any case.').default(null),
  pool: words('Part of the pool’s URL, in any case.').default(null),
  subnet: subnet('Network that the miner’s address lies in.').default(null),
  search: words('Part of name, address, MAC, model, firmware, worker or pool, in any case.').default(null),
  sort: z
    .enum(liveSorts)
    .default('miner_id')
    .meta({ description: 'What to sort by; unknown values come last.' }),
  order: z
    .enum(['asc', 'desc'])
    .optional()
    .meta({ description: 'Direction; without it most first for numbers, else ascending.' }),
  format: z
    .enum(['json', 'csv'])
    .default('json')
    .meta({ description: '`csv`: every miner that matches, as one stream of text.' }),
});

const range = {
  hours: int(1, 87_600, 'So many hours until `to`.').optional(),
  from: instant('Begin, inclusive.').optional(),
  to: instant('End, exclusive; now when absent.').optional(),
};

/** A stretch of time: `hours`, or `from` and `to`. */
export const rangeQuery = z.object(range);

export const availabilityQuery = z.object({
  ...range,
  miner_id: minerName.optional(),
});

export const minerHistoryQuery = z.object({
  ...range,
  metric: z
    .enum(Object.keys(historyMetrics) as [HistoryMetricName, ...HistoryMetricName[]])
    .default('hashrate')
    .meta({ description: 'What to read. The answer tells its unit.' }),
});

export const eventsQuery = z.object({
  ...range,
  miner_id: minerName.optional(),
  kind: z
    .string()
    .regex(/^[a-z_]{1,32}(,[a-z_]{1,32}){0,31}$/, 'must be kinds with commas between')
    .optional()
    .meta({ description: 'Kinds of events with commas between; all when absent.' }),
  limit: int(1, 500, 'Events in one answer.').default(100),
  cursor: cursor.optional(),
});

export const fleetQuery = z.object({
  at: instant('The instant to look at.'),
  per_page: int(1, 500, 'Miners on a page.').default(100),
  cursor: cursor.optional(),
});

export const heatmapQuery = z.object({
  by: z
    .enum(['subnet', 'rack'])
    .default('subnet')
    .meta({ description: '`subnet`: one cell per /24. `rack`: cells of the site’s rack map.' }),
  group: words('Name of a group of the answer without it: its miners one by one.').default(null),
});
