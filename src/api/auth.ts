import type { Request, Response } from 'express';
import { AppError } from '../domain/errors.js';
import type { User } from '../domain/people.js';
import type { Principal } from '../domain/principal.js';
import { hashSecret, randomSecret } from '../storage/secrets.js';
import { principalOf } from './access.js';
import type { Audit } from './audit.js';
import { emptyBody } from './contract/alert-schemas.js';
import type { authRoutes } from './contract/auth-routes.js';
import { loginBody } from './contract/auth-schemas.js';
import type { ApiDeps } from './deps.js';
import { readJsonBody } from './json-body.js';
import type { LoginLimit } from './login-limit.js';
import { isFromOwnPage } from './own-page.js';
import type { Principals } from './principals.js';
import { clearSession, presentedSession, refuseClearText, setSession } from './session-cookie.js';

type Handle = (request: Request, response: Response) => Promise<void> | void;

/** What signing in, passwords and tokens share. */
export interface PeopleParts {
  readonly principals: Principals;
  readonly audit: Audit;
  readonly beginSession: BeginSession;
  /** Wrong passwords, wherever they are tried. */
  readonly logins: LoginLimit;
}

/** Begins a session for a user and gives it to the browser; the one it had ends. */
export type BeginSession = (request: Request, response: Response, userId: number) => Promise<void>;

export function createBeginSession(deps: ApiDeps): BeginSession {
  const { options, people } = deps;
  return async (request, response, userId) => {
    const old = presentedSession(request);
    const secret = randomSecret();
    await people.sessions.begin(
      hashSecret(secret),
      { userId, address: request.ip ?? null, replaced: old === null ? null : hashSecret(old) },
      options.sessions,
      new Date(deps.now()),
    );
    setSession(request, response, secret, options.sessions.maxMs);
  };
}

/** The handlers of signing in and out. */
export function createAuthHandlers(
  deps: ApiDeps,
  { principals, audit, beginSession, logins: limit }: PeopleParts,
): Record<keyof typeof authRoutes, Handle> {
  const { people, options } = deps;

  return {
    'post /api/auth/login': async (request, response) => {
      if (!isFromOwnPage(request))
        throw new AppError('FORBIDDEN', 'Signing in is not allowed from another page, and takes JSON');
      refuseClearText(request, options.isInsecureAllowed);
      const { name, password } = await readJsonBody(request, loginBody);
      const address = request.ip ?? '';
      await limit.begin(address, name);
      const user = await people.users.findByName(name);
      // Names that are none take as long.
      const isRight = await people.passwords.verify(password, user?.passwordHash ?? null);
      if (user === null || !isRight || user.disabled_at !== null) {
        await audit(request, response, failedLogin(name, user), stranger);
        throw new AppError('LOGIN_FAILED', 'Wrong name or password');
      }
      await limit.succeed(address, name);
      await beginSession(request, response, user.user_id);
      principals.forget();
      const principal: Principal = {
        kind: 'user',
        name: user.name,
        userId: user.user_id,
        role: user.role,
        siteIds: user.site_ids === null ? null : new Set(user.site_ids),
      };
      const change = { action: 'session.begin', target: `user ${user.user_id}`, siteId: null };
      await audit(request, response, change, principal);
      response.json({ success: true, data: shown(principal) });
    },
    'post /api/auth/logout': async (request, response) => {
      await readJsonBody(request, emptyBody);
      const secret = presentedSession(request);
      if (secret !== null && (await people.sessions.end(hashSecret(secret)))) {
        principals.forget();
        const { userId } = principalOf(response);
        const change = { action: 'session.end', target: `user ${userId ?? ''}`, siteId: null };
        await audit(request, response, change);
      }
      clearSession(request, response);
      response.json({ success: true });
    },
    'get /api/auth/me': (_request, response) => {
      response.json({ success: true, data: shown(principalOf(response)) });
    },
  };
}

/** Nobody yet. */
export const stranger: Principal = {
  kind: 'user',
  name: '',
  userId: null,
  role: 'viewer',
  siteIds: new Set(),
};

function failedLogin(name: string, user: User | null) {
  // A name that is none may be a password in the wrong field.
  const target = user === null ? 'user unknown' : `user ${user.user_id}`;
  return {
    action: 'session.refuse',
    target,
    siteId: null,
    after: { name: user === null ? `${name.slice(0, 2)}…` : user.name },
  };
}

function shown({ kind, name, role, siteIds }: Principal) {
  return { kind, name, role, site_ids: siteIds === null ? null : [...siteIds].sort((a, b) => a - b) };
}
