import type { Request, RequestHandler, Response } from 'express';
import { AppError } from '../domain/errors.js';
import type { Principal } from '../domain/principal.js';
import { principalOf } from './access.js';
import type { ApiDeps } from './deps.js';
import { readRawJson } from './json-body.js';
import { readParameters } from './queries.js';
import type { RouteDoc } from './contract/route-doc.js';

/** Things that `:id` of a path may name, each of some sites. */
export type ThingKind =
  | 'alert'
  | 'command'
  | 'command_batch'
  | 'alert_rule'
  | 'maintenance_window'
  | 'notifier'
  | 'notification'
  | 'collector_key'
  | 'user'
  | 'api_token';

/**
 * Where the site of a request stands. `path`: `:site`; `query`: `site_id` or `site`, without which the handler
 * keeps to `sitesOf`; `body`: `site_id` or `site_ids`, null for all; `scope`: nowhere, the handler keeps to
 * `sitesOf`; a thing: the sites of what `:id` names; `none`: nothing of a site is read or changed.
 */
export type SiteSource = 'path' | 'query' | 'body' | 'scope' | 'none' | ThingKind;

/** Something with a number of its own. */
export interface Thing {
  /** Null: of all sites. */
  readonly siteIds: readonly number[] | null;
  /** As it is now, for the audit log. */
  readonly value: object;
}

/** Finds a thing by the text of its number; null when there is none. */
export type FindThing = (id: string) => Promise<Thing | null>;

/**
 * The one place where sites are held against who asks: 404 for one that may not be seen, as if it were not
 * there. What concerns all sites may be looked at by all, and changed by those alone who have all.
 */
export function createSiteGuard(doc: RouteDoc, deps: ApiDeps): RequestHandler[] {
  const sources = 'sites' in doc ? doc.sites.filter((source) => source !== 'none' && source !== 'scope') : [];
  if (sources.length === 0) return [];
  return [
    async (request, response, next) => {
      const principal = principalOf(response);
      for (const source of sources) await guard(source, principal, request, response);
      next();
    },
  ];

  async function guard(
    source: Exclude<SiteSource, 'none' | 'scope'>,
    principal: Principal,
    request: Request,
    response: Response,
  ): Promise<void> {
    if (source === 'path' || source === 'query') {
      if (principal.siteIds === null) return;
      const schema = source === 'path' ? doc.path : doc.query;
      const named =
        schema === undefined
          ? {}
          : (readParameters(schema, source === 'path' ? request.params : request.query) as Named);
      const siteId = named.site_id ?? named.site;
      if (siteId !== undefined) requireSites(principal, [siteId], 'No such site or miner');
    } else if (source === 'body') {
      if (principal.siteIds === null) return;
      const { site_id: one, site_ids: several } = ((await readRawJson(request, doc.maxBodyBytes)) ??
        {}) as Body;
      // What is no number of a site is for the handler to refuse; here it is not among those of who asks.
      const asked = one ?? several ?? null;
      if (asked === null) throw allSites();
      requireSites(principal, Array.isArray(asked) ? asked : [asked], 'No such site');
    } else {
      if (doc.path !== undefined) readParameters(doc.path, request.params);
      const thing = await deps.things[source](String(request.params['id']));
      if (thing === null) throw noSuchThing(source);
      response.locals['thing'] = thing.value;
      if (principal.siteIds === null) return;
      if (thing.siteIds !== null) requireSites(principal, thing.siteIds, noSuchThing(source).message);
      else if (request.method !== 'GET') throw allSites();
    }
  }
}

interface Named {
  readonly site?: number;
  readonly site_id?: number;
}

interface Body {
  readonly site_id?: unknown;
  readonly site_ids?: unknown;
}

/** What `:id` of the path named when the request came: the `before` of its change. */
export function thingOf<T extends object>(response: Response): T {
  return response.locals['thing'] as T;
}

function requireSites({ siteIds }: Principal, asked: readonly unknown[], refusal: string): void {
  if (siteIds === null || asked.every((siteId) => siteIds.has(siteId as number))) return;
  throw new AppError('NOT_FOUND', refusal);
}

/** Of commands in the words of their contract. */
const noSuchThing = (kind: ThingKind): AppError =>
  new AppError(
    'NOT_FOUND',
    kind === 'command'
      ? 'Command not found'
      : kind === 'command_batch'
        ? 'Batch not found'
        : 'There is none of this number',
  );
const allSites = (): AppError =>
  new AppError('FORBIDDEN', 'This concerns all sites, and you have some of them: name one of yours');
