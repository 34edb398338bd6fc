import type { NextFunction, Request, RequestHandler, Response } from 'express';
import { AppError } from '../domain/errors.js';
import type { CollectorKey } from '../domain/ingest.js';
import { includesRole, type Principal, type Role } from '../domain/principal.js';
import { presentedKey, type KeyCheck } from './collector-key.js';
import type { ApiDeps } from './deps.js';
import { createCollectorLimit } from './collector-limit.js';
import { guardOrigin, type Principals } from './principals.js';

/**
 * Who may call a route. `collector`: a collector's key, rate-limited; `viewer`, `operator`, `admin`: a person or
 * script of that role or a higher one; `open`: anyone.
 */
export type Access = 'collector' | Role | 'open';

/** The guards in front of each kind of route. */
export function createGuards(
  checkKey: KeyCheck,
  principals: Principals,
  deps: ApiDeps,
): Record<Access, readonly RequestHandler[]> {
  const { options } = deps;
  const limit = createCollectorLimit(deps);

  async function guardCollector(request: Request, response: Response, next: NextFunction): Promise<void> {
    const key = await checkKey(request);
    response.locals['key'] = key;
    // What collectors ask all the time counts for itself: it takes nothing from uploads.
    const isCommand = /^\/api\/collector\/(commands|(heartbeat|plan)$)/.test(
      String(response.locals['route']),
    );
    const most = isCommand ? options.commandRequestsPerMinute : options.requestsPerMinute;
    const state = await limit(presentedKey(request) ?? '', isCommand ? 'commands' : 'collector');
    response.set('X-RateLimit-Limit', String(most));
    response.set('X-RateLimit-Remaining', String(Math.max(0, most - state.count)));
    response.set('X-RateLimit-Reset', String(state.resetS));
    if (state.count > most) {
      throw new AppError('RATE_LIMITED', 'Rate limit exceeded', { retryAfterS: state.resetS });
    }
    next();
  }

  const guardPerson =
    (needed: Role): RequestHandler =>
    async (request, response, next) => {
      const principal = await principals.find(request);
      if (principal === null) throw loginRequired();
      if (!includesRole(principal.role, needed)) {
        if (principal.kind === 'local') throw loginRequired();
        throw new AppError('FORBIDDEN', `This takes the role ${needed}; you are ${principal.role}`);
      }
      response.locals['principal'] = principal;
      if (isStream(response)) watchStream(request, response);
      next();
    };

  /** What goes on for hours ends soon after its session, token or rights do. */
  const watchStream = (request: Request, response: Response): void => {
    const timer = setInterval(() => {
      const check = principals.find(request).then((now) => isSame(now, principalOf(response)));
      // While the database is away nobody's rights change.
      void check
        .catch((error: unknown) => (error as Partial<AppError>).code === 'DATABASE_UNAVAILABLE')
        .then((mayGoOn) => {
          if (!mayGoOn) response.end();
        });
    }, options.principalCheckMs);
    response.on('close', () => clearInterval(timer));
  };

  return {
    collector: [guardCollector],
    viewer: [guardOrigin, guardPerson('viewer')],
    operator: [guardOrigin, guardPerson('operator')],
    admin: [guardOrigin, guardPerson('admin')],
    open: [],
  };
}

const isStream = (response: Response): boolean => response.locals['route'] === '/api/collector/stream';

function isSame(a: Principal | null, b: Principal): boolean {
  if (a === null) return false;
  const sites = (of: Principal): string =>
    JSON.stringify(of.siteIds === null ? null : [...of.siteIds].sort());
  return a.role === b.role && sites(a) === sites(b);
}

function loginRequired(): AppError {
  return new AppError('LOGIN_REQUIRED', 'Sign in, or send an API token');
}

/** The key the guard of a `collector` route found. */
export function collectorOf(response: Response): CollectorKey {
  return response.locals['key'] as CollectorKey;
}

/** Who asks, as the guard of a person's route found. */
export function principalOf(response: Response): Principal {
  return response.locals['principal'] as Principal;
}

/** The sites a list may hold: those of who asks; null: all. */
export function sitesOf(response: Response): readonly number[] | null {
  const { siteIds } = principalOf(response);
  return siteIds === null ? null : [...siteIds].sort((a, b) => a - b);
}

/** The site that was asked for, which the guard of sites has let pass; else those of who asks. */
export function askedSites(response: Response, siteId: number | undefined): readonly number[] | null {
  return siteId === undefined ? sitesOf(response) : [siteId];
}

/** The collector that presents a key on an `open` route; null when none is presented. */
export async function optionalCollector(request: Request, checkKey: KeyCheck): Promise<CollectorKey | null> {
  return presentedKey(request) === null ? null : checkKey(request);
}
