import type { Request, RequestHandler } from 'express';
import { AppError } from '../domain/errors.js';
import type { Principal, Role } from '../domain/principal.js';
import type { SessionOwner } from '../storage/sessions.repo.js';
import type { TokenRights } from '../storage/tokens.repo.js';
import { presentedBearer } from './collector-key.js';
import { createCredentialCheck } from './credential-check.js';
import type { ApiDeps } from './deps.js';
import { isFromOwnPage, isLocal, isLocalName } from './own-page.js';
import { presentedSession } from './session-cookie.js';

const tokenPattern = /^hst_[A-Za-z0-9_-]{43}$/;

/** Finds who asks. */
export interface Principals {
  /**
   * By API token, else session, else as a program on this machine, else as one who may read what is open to
   * all; null: nobody known. Throws `TOKEN_INVALID`, `RATE_LIMITED`, `DATABASE_UNAVAILABLE`.
   */
  find(request: Request): Promise<Principal | null>;
  /** Rights have changed: everybody is looked up anew. Other instances do so within `principalTtlMs`. */
  forget(): void;
}

export function createPrincipals(deps: ApiDeps): Principals {
  const { options, people } = deps;
  const ttl = { ttlMs: options.principalTtlMs, awayMs: options.principalAwayMs };
  const now = (): Date => new Date(deps.now());
  const sessions = createCredentialCheck<SessionOwner>(deps, {
    find: (sha256) => people.sessions.find(sha256, options.sessions, now()),
    touch: (_owner, sha256) => people.sessions.touch(sha256, now()),
    ...ttl,
  });
  const tokens = createCredentialCheck<TokenRights>(deps, {
    find: (sha256) => people.tokens.find(sha256, now()),
    touch: ({ tokenId }) => people.tokens.touch(tokenId, now()),
    ...ttl,
  });

  const byToken = async (text: string, address: string): Promise<Principal> => {
    const rights = tokenPattern.test(text) ? await tokens.find(text, address) : null;
    if (rights === null) throw new AppError('TOKEN_INVALID', 'Invalid API token');
    const { userId, label, role, siteIds } = rights;
    return { kind: 'token', name: `token:${label}`, userId, role, siteIds: setOf(siteIds) };
  };

  return {
    async find(request) {
      const address = request.ip ?? '';
      const bearer = presentedBearer(request);
      if (bearer !== null) return await byToken(bearer, address);
      const secret = presentedSession(request);
      const owner = secret === null ? null : await sessions.find(secret, address);
      if (owner !== null) {
        const { name, userId, role, siteIds } = owner;
        return { kind: 'user', name, userId, role, siteIds: setOf(siteIds) };
      }
      // Whoever shows the key of a collector is one.
      if (request.headers['x-collector-key'] !== undefined) return null;
      const { localAccess, hasOpenReads, trustProxy } = options;
      // Behind a trusted proxy every request comes from this machine or may.
      if (localAccess !== 'none' && trustProxy === false && isLocal(request) && isLocalName(request))
        return unnamed(localAccess);
      return hasOpenReads ? unnamed('viewer') : null;
    },
    forget: () => {
      sessions.forget();
      tokens.forget();
    },
  };
}

const unnamed = (role: Role): Principal => ({
  kind: 'local',
  name: 'local',
  userId: null,
  role,
  siteIds: null,
});

const setOf = (siteIds: readonly number[] | null): ReadonlySet<number> | null =>
  siteIds === null ? null : new Set(siteIds);

/** Refuses what changes something and comes from a page of elsewhere. */
export const guardOrigin: RequestHandler = (request, _response, next) => {
  const isRead = request.method === 'GET' || request.method === 'HEAD';
  if (isRead || isFromOwnPage(request)) return next();
  next(new AppError('FORBIDDEN', 'Changing is not allowed from another page, and takes JSON'));
};
