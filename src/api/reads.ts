import type { Request, Response } from 'express';
import { AppError } from '../domain/errors.js';
import type { SiteSummary } from '../domain/ingest.js';
import { withDatabaseDeadline } from './deadline.js';
import type { ApiDeps } from './deps.js';
import { readLiveQuery, readSiteId } from './queries.js';
import { ReadCache } from './read-cache.js';

type Handler = (request: Request, response: Response) => Promise<void>;

/** The handlers of the reads, and the shared summary that event streams use too. */
export interface Reads {
  readonly sites: Handler;
  readonly summary: Handler;
  readonly live: Handler;
  readonly miner: Handler;
  readonly top: Handler;
  readonly stats: Handler;
  readonly quirks: Handler;
  /** At most one query per site at a time and per `summaryTtlMs`; null for an unknown site. */
  loadSummary(siteId: number): Promise<SiteSummary | null>;
}

/** Reads go through one single-flight cache, so that a hundred open pages ask the database once. */
export function createReads(deps: ApiDeps): Reads {
  const { options } = deps;
  const cache = new ReadCache(options.maxCachedReads, deps.now);
  const load = <T>(key: string, ttlMs: number, query: () => Promise<T>): Promise<T> =>
    cache.get(key, ttlMs, () => withDatabaseDeadline(query(), options.databaseDeadlineMs));
  const loadSummary = (siteId: number): Promise<SiteSummary | null> =>
    load(`summary ${siteId}`, options.summaryTtlMs, () => deps.summary(siteId));

  return {
    loadSummary,
    sites: async (_request, response) => {
      send(response, await load('sites', options.summaryTtlMs, () => deps.sites()));
    },
    summary: async (request, response) => {
      send(response, found(await loadSummary(readSiteId(request.params['site']))));
    },
    live: async (request, response) => {
      const siteId = readSiteId(request.params['site']);
      const query = readLiveQuery(request.query);
      const key = `live ${siteId} ${JSON.stringify(query)}`;
      send(response, found(await load(key, options.liveTtlMs, () => deps.livePage(siteId, query))));
    },
    miner: async (request, response) => {
      const siteId = readSiteId(request.params['site']);
      const minerId = String(request.params['minerId']);
      if (minerId.length > 128 || minerId.includes('\0')) throw notFound();
      const key = `miner ${siteId} ${minerId}`;
      send(response, found(await load(key, options.liveTtlMs, () => deps.minerDetail(siteId, minerId))));
    },
    top: async (request, response) => {
      const siteId = readSiteId(request.params['site']);
      send(response, found(await load(`top ${siteId}`, options.summaryTtlMs, () => deps.top(siteId))));
    },
    quirks: async (request, response) => {
      const asked = request.query['site_id'] ?? request.query['site'];
      const siteId = asked === undefined ? null : readSiteId(asked);
      const quirks = await load(`quirks ${siteId}`, options.summaryTtlMs, () => deps.quirks(siteId));
      send(response, { quirks, count: quirks.length });
    },
    stats: async (_request, response) => {
      const stats = await load('stats', options.summaryTtlMs, () => deps.stats());
      response.json({ ...stats, success: true, data: stats });
    },
  };
}

function send(response: Response, data: object): void {
  response.json({ success: true, data });
}

function found<T>(value: T | null): T {
  if (value === null) throw notFound();
  return value;
}

function notFound(): AppError {
  return new AppError('NOT_FOUND', 'No such site or miner');
}
