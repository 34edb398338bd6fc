import type { z } from 'zod';
import { AppError } from '../domain/errors.js';
import type { LiveFilter, LiveQuery, LiveSort } from '../domain/ingest.js';
import { readCursor } from '../domain/keyset.js';
import { liveQuery, sitePath } from './contract/parameters.js';

/** Sorts that mean "most first" when no order is asked for. */
const descendingSorts: readonly LiveSort[] = ['hashrate', 'temperature', 'rejected', 'last_seen'];

/** Values a position in any order has: what it is sorted by, and what parts equals; or an address, and what parts those without. */
const positionLength = 2;

/** The site a path names. Throws `REQUEST_INVALID`. */
export function readSiteId(value: unknown): number {
  return readParameters(sitePath, { site: value }).site;
}

/** The query of the live list, and whether it is wanted as CSV. Throws `REQUEST_INVALID`, naming the parameter. */
export function readLiveQuery(value: unknown): { query: LiveQuery; isCsv: boolean } {
  const asked = readParameters(liveQuery, value);
  const filter: LiveFilter = {
    onlineOnly: asked.online_only,
    state: asked.state === '' ? null : asked.state,
    health: asked.health === '' ? null : asked.health,
    model: asked.model,
    firmware: asked.firmware,
    pool: asked.pool,
    subnet: asked.subnet,
    search: asked.search,
  };
  const { sort } = asked;
  const descending = asked.order === undefined ? descendingSorts.includes(sort) : asked.order === 'desc';
  const order = { sort, descending };
  return {
    isCsv: asked.format === 'csv',
    query: {
      ...filter,
      ...order,
      page: asked.page,
      perPage: asked.per_page,
      after:
        asked.cursor === undefined || asked.cursor === ''
          ? null
          : readCursor(asked.cursor, orderName(order), positionLength),
    },
  };
}

/** Names an order in its cursors. */
export function orderName({ sort, descending }: Pick<LiveQuery, 'sort' | 'descending'>): string {
  return `${sort} ${descending ? 'desc' : 'asc'}`;
}

/** Reads parameters by their schema. Throws `REQUEST_INVALID`, naming the first wrong one. */
export function readParameters<T>(schema: z.ZodType<T>, value: unknown): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  const parameter = issue?.path.join('.') || 'query';
  throw new AppError('REQUEST_INVALID', `Invalid ${parameter}: ${issue?.message ?? 'unreadable'}`);
}
