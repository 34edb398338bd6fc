import type { Request, Response } from 'express';
import { AppError } from '../domain/errors.js';
import type { LivePage, LiveQuery, SiteSummary } from '../domain/ingest.js';
import { writeCursor } from '../domain/keyset.js';
import { isCountedByPage } from '../domain/live-filter.js';
import { sitesOf } from './access.js';
import { minerPath, siteQuery } from './contract/parameters.js';
import { withDatabaseDeadline } from './deadline.js';
import type { ApiDeps } from './deps.js';
import { createLiveCsv } from './live-csv.js';
import { orderName, readLiveQuery, readParameters, readSiteId } from './queries.js';
import { ReadCache, type Cached, type ReadPlan } from './read-cache.js';

export type Handler = (request: Request, response: Response) => Promise<void>;

/** Runs a read through the cache, within the deadline of reads. */
export type Load = <T>(plan: ReadPlan, query: () => Promise<T>) => Promise<Cached<T>>;

/** The handlers of what is now, and the shared summary that event streams use too. */
export interface Reads {
  readonly sites: Handler;
  readonly summary: Handler;
  readonly live: Handler;
  readonly miner: Handler;
  readonly top: Handler;
  readonly stats: Handler;
  readonly quirks: Handler;
  /** At most one query per site at a time and per `summaryTtlMs`; null for an unknown site. */
  loadSummary(siteId: number): Promise<Cached<SiteSummary | null>>;
}

/** Miners on a page that weigh as much as any small answer: as many as a page has when nothing is asked. */
const minersPerWeight = 50;
/** Of one miner with its raw replies, which may be up to a megabyte. */
const detailWeight = 10;

/** Reads go through one single-flight cache, so that a hundred open pages ask the database once. */
export function createLoad(deps: ApiDeps): Load {
  const { options, now, metrics, shared } = deps;
  const cache = new ReadCache({ maxWeight: options.maxCachedReads, now, metrics, shared });
  return (plan, query) => cache.get(plan, () => withDatabaseDeadline(query(), options.readDeadlineMs));
}

/** The reads of what is now. */
export function createReads(deps: ApiDeps, load: Load): Reads {
  const { options } = deps;
  const sendCsv = createLiveCsv(deps);
  const ofSite = (key: string): ReadPlan => ({
    key,
    freshMs: options.summaryTtlMs,
    keepMs: options.summaryKeepMs,
  });
  const loadSummary = (siteId: number): Promise<Cached<SiteSummary | null>> =>
    load({ ...ofSite(`telemetry:summary:${siteId}`), isShared: true }, () => deps.summary(siteId));

  const loadPage = async (siteId: number, query: LiveQuery): Promise<LivePage | null> => {
    const { page, perPage, sort, descending, after, ...filter } = query;
    // The total of a filter changes less than its pages: it is counted less often, where a page does not tell it.
    const count = async (): Promise<number | null> =>
      (await load(ofSite(`count ${siteId} ${JSON.stringify(filter)}`), () => deps.liveCount(siteId, filter)))
        .value;
    const [counted, rows] = await Promise.all([
      isCountedByPage(filter) ? null : count(),
      deps.livePage(siteId, query),
    ]);
    const { miners, next } = rows;
    const total = rows.total === undefined ? counted : rows.total;
    if (total === null) return null;
    return {
      miners,
      pagination: {
        page: after === null ? page : null,
        per_page: perPage,
        total,
        pages: Math.ceil(total / perPage),
        next_cursor: next === null ? null : writeCursor(orderName({ sort, descending }), next),
      },
    };
  };

  return {
    loadSummary,
    sites: async (_request, response) => {
      const siteIds = sitesOf(response);
      send(response, await load(ofSite(`sites ${JSON.stringify(siteIds)}`), () => deps.sites(siteIds)));
    },
    summary: async (request, response) => {
      send(response, await loadSummary(readSiteId(request.params['site'])));
    },
    live: async (request, response) => {
      const siteId = readSiteId(request.params['site']);
      const { query, isCsv } = readLiveQuery(request.query);
      if (isCsv) return await sendCsv(response, siteId, query);
      const plan = {
        key: `telemetry:live:${siteId}${suffix(query)}`,
        freshMs: options.liveTtlMs,
        keepMs: options.liveKeepMs,
        isShared: true,
        weight: Math.ceil(query.perPage / minersPerWeight),
      };
      send(response, await load(plan, () => loadPage(siteId, query)));
    },
    miner: async (request, response) => {
      const { site, minerId } = readParameters(minerPath, request.params);
      const plan = {
        ...ofSite(`miner ${site} ${minerId}`),
        freshMs: options.liveTtlMs,
        weight: detailWeight,
      };
      send(response, await load(plan, () => deps.minerDetail(site, minerId)));
    },
    top: async (request, response) => {
      const siteId = readSiteId(request.params['site']);
      send(response, await load(ofSite(`top ${siteId}`), () => deps.top(siteId)));
    },
    quirks: async (request, response) => {
      const { site_id, site } = readParameters(siteQuery, request.query);
      const siteId = site_id ?? site ?? null;
      const siteIds = siteId === null ? sitesOf(response) : [siteId];
      const loaded = await load(ofSite(`quirks ${JSON.stringify(siteIds)}`), () => deps.quirks(siteIds));
      const quirks = loaded.value;
      send(response, { ...loaded, value: { quirks, count: quirks.length } });
    },
    stats: async (_request, response) => {
      const siteIds = sitesOf(response);
      const stats = await load(ofSite(`stats ${JSON.stringify(siteIds)}`), () => deps.stats(siteIds));
      tellAge(response, stats);
      response.json({ ...stats.value, success: true, data: stats.value });
    },
  };
}

/** Answers `data`; null is 404. */
export function send(response: Response, cached: Cached<object | null>): void {
  if (cached.value === null) throw new AppError('NOT_FOUND', 'No such site or miner');
  tellAge(response, cached);
  response.json({ success: true, data: cached.value });
}

/** An answer that stands in for one the database did not give says how old it is, s. */
function tellAge(response: Response, { isStale, ageMs }: Cached<unknown>): void {
  if (isStale) response.set('Age', String(Math.ceil(ageMs / 1_000)));
}

const plainQuery = JSON.stringify(readLiveQuery({}).query);

/** The list as it is first seen has the key alone; every other view adds what it asks. */
function suffix(query: LiveQuery): string {
  const text = JSON.stringify(query);
  return text === plainQuery ? '' : `:${text}`;
}
