import { z } from 'zod';
import { AppError } from '../domain/errors.js';
import { liveSorts, type LiveQuery, type LiveSort } from '../domain/ingest.js';
import { minerStates } from '../domain/telemetry.js';

const int = (min: number, max: number): z.ZodType<number> =>
  z
    .string()
    .regex(/^\d{1,10}$/, 'must be a whole number')
    .transform(Number)
    .pipe(z.number().min(min).max(max));

const siteId = int(1, 2_147_483_647);
const flag = z.enum(['true', 'false', '1', '0', '']).transform((text) => text === 'true' || text === '1');

const liveQuery = z.object({
  page: int(1, 1_000_000).default(1),
  per_page: int(1, 500).default(50),
  online_only: flag.default(false),
  state: z.enum([...minerStates, 'stale', '']).default(''),
  search: z.string().max(128).default(''),
  sort: z.enum(liveSorts).default('miner_id'),
  order: z.enum(['asc', 'desc']).optional(),
});

/** Sorts that mean "most first" when no order is asked for. */
const descendingSorts: readonly LiveSort[] = ['hashrate', 'temperature', 'rejected', 'last_seen'];

/** The site a path or query names. Throws `REQUEST_INVALID`. */
export function readSiteId(value: unknown): number {
  return read('site', siteId, value);
}

/** The query of the live list. Throws `REQUEST_INVALID`, naming the parameter. */
export function readLiveQuery(value: unknown): LiveQuery {
  const query = read('query', liveQuery, value);
  return {
    page: query.page,
    perPage: query.per_page,
    onlineOnly: query.online_only,
    state: query.state === '' ? null : query.state,
    search: searchText(query.search),
    sort: query.sort,
    descending: query.order === undefined ? descendingSorts.includes(query.sort) : query.order === 'desc',
  };
}

/** PostgreSQL refuses NUL in a parameter. */
function searchText(text: string): string | null {
  const cleaned = text.replace(/\p{Cc}/gu, '').trim();
  return cleaned === '' ? null : cleaned;
}

function read<T>(name: string, schema: z.ZodType<T>, value: unknown): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  const parameter = issue?.path.join('.') || name;
  throw new AppError('REQUEST_INVALID', `Invalid ${parameter}: ${issue?.message ?? 'unreadable'}`);
}
