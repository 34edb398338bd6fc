import type { NextFunction, Request, RequestHandler, Response } from 'express';
import { AppError } from '../domain/errors.js';
import type { CollectorKey } from '../domain/ingest.js';
import { presentedKey, type KeyCheck } from './collector-key.js';
import type { ApiDeps } from './deps.js';
import { createCollectorLimit } from './collector-limit.js';

/**
 * Who may call a route. `collector`: a collector's key, rate-limited; `viewer`: a person who may look
 * (this machine, until there are users); `operator`: a person who may change things (the same); `open`: anyone.
 */
export type Access = 'collector' | 'viewer' | 'operator' | 'open';

/** The guard in front of each kind of route. */
export function createGuards(checkKey: KeyCheck, deps: ApiDeps): Record<Access, RequestHandler> {
  const { options } = deps;
  const limit = createCollectorLimit(deps);

  async function guardCollector(request: Request, response: Response, next: NextFunction): Promise<void> {
    const key = await checkKey(request);
    response.locals['key'] = key;
    const isCommand = String(response.locals['route']).startsWith('/api/collector/commands');
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

  function guardViewer(request: Request, _response: Response, next: NextFunction): void {
    if (!options.hasOpenReads && !isLocal(request)) {
      throw new AppError('FORBIDDEN', 'Reading is allowed from this machine only');
    }
    if (!options.hasOpenReads && !isLocalName(request)) {
      throw new AppError('FORBIDDEN', 'Reading is allowed under localhost or a loopback address only');
    }
    next();
  }

  /** Changing is for this machine alone, whoever may read; and not for pages of elsewhere in its browser. */
  function guardOperator(request: Request, _response: Response, next: NextFunction): void {
    if (!isLocal(request)) throw new AppError('FORBIDDEN', 'Changing is allowed from this machine only');
    if (!isOwnPage(request)) throw new AppError('FORBIDDEN', 'Changing is not allowed from another page');
    next();
  }

  return {
    collector: guardCollector,
    viewer: guardViewer,
    operator: guardOperator,
    open: (_request, _response, next) => next(),
  };
}

/** The key the guard of a `collector` route found. */
export function collectorOf(response: Response): CollectorKey {
  return response.locals['key'] as CollectorKey;
}

/** The collector that presents a key on an `open` route; null when none is presented. */
export async function optionalCollector(request: Request, checkKey: KeyCheck): Promise<CollectorKey | null> {
  return presentedKey(request) === null ? null : checkKey(request);
}

/** A proxy on this machine speaks for others: what it forwards is not local. */
function isLocal(request: Request): boolean {
  const address = request.socket.remoteAddress ?? '';
  const isLoopback = address === '::1' || /^(::ffff:)?127\./.test(address);
  return (
    isLoopback &&
    request.headers['x-forwarded-for'] === undefined &&
    request.headers['forwarded'] === undefined
  );
}

/**
 * True unless a page of another origin, or of a name that was made to point here, sends the request. Programs
 * send no `Origin`; browsers do with all but a plain read. JSON is asked for, since no form can send it.
 */
function isOwnPage(request: Request): boolean {
  const { host = '', origin, 'content-type': type } = request.headers;
  const isJson = request.method === 'DELETE' || /^application\/json\b/i.test(type ?? '');
  return (
    isJson && isLocalName(request) && (origin === undefined || origin.replace(/^https?:\/\//, '') === host)
  );
}

/** False for a name that a page of elsewhere may have made to point here. */
function isLocalName(request: Request): boolean {
  return /^(localhost|127(\.\d{1,3}){3}|\[::1\])(:\d+)?$/i.test(request.headers.host ?? '');
}
