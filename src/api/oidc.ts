import type { Request, Response } from 'express';
import { rightsOfClaims, subjectOfClaims, type ClaimRules } from '../domain/claims.js';
import { AppError, errorTable } from '../domain/errors.js';
import type { Principal } from '../domain/principal.js';
import type { SubjectUser } from '../storage/subjects.repo.js';
import { requestIdOf } from './audit.js';
import { stranger, type PeopleParts } from './auth.js';
import type { oidcRoutes } from './contract/oidc-routes.js';
import type { ApiDeps } from './deps.js';
import { createAttemptCookie } from './oidc-cookie.js';
import type { OidcProvider } from './oidc-provider.js';
import { refuseClearText } from './session-cookie.js';

type Handle = (request: Request, response: Response) => Promise<void> | void;

/** A provider and what its word is worth. */
export interface OidcDeps {
  readonly provider: OidcProvider;
  readonly rules: ClaimRules;
  /** Signs what a browser keeps while at the provider. */
  readonly cookieSecret: string;
  /** How long one may be there, ms. */
  readonly attemptMs: number;
}

/** The handlers of signing in through an OpenID Connect provider: Authorization Code with PKCE. */
export function createOidcHandlers(
  deps: ApiDeps,
  parts: PeopleParts,
): Record<keyof typeof oidcRoutes, Handle> {
  const { oidc, options } = deps;
  const { logins } = parts;
  const methods: Handle = (_request, response) =>
    void response.json({ success: true, data: { password: true, oidc: oidc !== null } });
  if (oidc === null) {
    const refuse: Handle = () => {
      throw new AppError('NOT_FOUND', 'No OpenID Connect provider is configured');
    };
    return {
      'get /api/auth/methods': methods,
      'get /api/auth/oidc/start': refuse,
      'get /api/auth/oidc/callback': refuse,
    };
  }
  const cookie = createAttemptCookie(oidc.cookieSecret, oidc.attemptMs, deps.now);
  const enter = createEnter(deps, oidc, parts);

  return {
    'get /api/auth/methods': methods,
    'get /api/auth/oidc/start': toPage(deps, async (request, response) => {
      refuseClearText(request, options.isInsecureAllowed);
      const { url, attempt } = await oidc.provider.begin();
      await cookie.give(request, response, attempt);
      response.redirect(303, url);
    }),
    'get /api/auth/oidc/callback': toPage(deps, async (request, response) => {
      refuseClearText(request, options.isInsecureAllowed);
      const address = request.ip ?? '';
      await logins.begin(address, null);
      try {
        const attempt = await cookie.take(request, response);
        if (attempt === null)
          throw new AppError('LOGIN_FAILED', 'Signing in was not begun in this browser, or took too long');
        const at = request.originalUrl.indexOf('?');
        const query = at < 0 ? '' : request.originalUrl.slice(at);
        await enter(request, response, await oidc.provider.finish(query, attempt));
      } catch (error) {
        // Nobody guesses while the provider is away.
        if (error instanceof AppError && error.isRetryable) await logins.succeed(address, null);
        await parts.audit(request, response, refused(error), stranger);
        throw error;
      }
      await logins.succeed(address, null);
      response.redirect(303, '/');
    }),
  };
}

/**
 * Sends a browser back to the page with the code of what went wrong, for the page to say in words; programs get the
 * error itself. Never its text: whoever makes a link could write into the page.
 */
function toPage({ log }: Pick<ApiDeps, 'log'>, handle: Handle): Handle {
  return async (request, response) => {
    try {
      await handle(request, response);
    } catch (err) {
      if (response.headersSent || request.accepts(['json', 'html']) !== 'html') throw err;
      const code = err instanceof AppError ? err.code : 'INTERNAL';
      if (errorTable[code].status === null || errorTable[code].status >= 500)
        log.warn({ err, code, path: request.path, requestId: requestIdOf(response) }, 'signing in failed');
      response.redirect(303, `/#refused=${code}`);
    }
  };
}

type Enter = (request: Request, response: Response, claims: Record<string, unknown>) => Promise<void>;

/** Begins a session for whom the claims name, with the rights they give. */
function createEnter(
  deps: ApiDeps,
  { rules }: OidcDeps,
  { principals, audit, beginSession }: PeopleParts,
): Enter {
  return async (request, response, claims) => {
    const person = subjectOfClaims(claims, rules);
    if (person === null) throw new AppError('LOGIN_FAILED', 'The provider does not say who this is');
    const rights = rightsOfClaims(claims, rules);
    if (rights === null)
      throw new AppError('FORBIDDEN', `The provider gives ${person.name} no role here: ask who manages it`);
    const from = { address: request.ip ?? null, request_id: requestIdOf(response) };
    const outcome = await deps.people.subjects.signIn(person, rights.role, rights.siteNames, from);
    if (outcome.kind === 'disabled') throw new AppError('LOGIN_FAILED', `User ${outcome.userId} is disabled`);
    if (outcome.kind === 'full') throw new AppError('CONFLICT', 'There are too many users');
    const { user } = outcome;
    await beginSession(request, response, user.user_id);
    principals.forget();
    const target = `user ${user.user_id}`;
    const change = { action: 'session.begin', target, siteId: null, after: { by: 'oidc' } };
    await audit(request, response, change, principalOfUser(user));
  };
}

const principalOfUser = ({ user_id, name, role, site_ids }: SubjectUser): Principal => ({
  kind: 'user',
  name,
  userId: user_id,
  role,
  siteIds: site_ids === null ? null : new Set(site_ids),
});

function refused(error: unknown) {
  const reason = error instanceof AppError ? error.message : 'fault';
  return { action: 'session.refuse', target: 'user unknown', siteId: null, after: { by: 'oidc', reason } };
}
