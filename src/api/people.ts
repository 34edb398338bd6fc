import type { Request, Response } from 'express';
import { AppError } from '../domain/errors.js';
import type { ApiToken, User } from '../domain/people.js';
import { includesRole, maySee, type Principal } from '../domain/principal.js';
import type { ListedKey } from '../storage/keys.repo.js';
import { askedSites, principalOf, sitesOf } from './access.js';
import { noteOf, type NotedChange } from './audit.js';
import type { PeopleParts } from './auth.js';
import type { peopleRoutes } from './contract/people-routes.js';
import { idPath } from './contract/alert-schemas.js';
import {
  auditQuery,
  keyBody,
  ownPasswordBody,
  passwordBody,
  siteListQuery,
  tokenBody,
  userBody,
  userChange,
} from './contract/people-schemas.js';
import type { ApiDeps } from './deps.js';
import { readJsonBody } from './json-body.js';
import { readParameters } from './queries.js';
import { thingOf } from './site-guard.js';

type Handle = (request: Request, response: Response) => Promise<void>;
const dayMs = 86_400_000;

/** The handlers of `peopleRoutes`. */
export function createPeopleHandlers(
  deps: ApiDeps,
  parts: PeopleParts,
): Record<keyof typeof peopleRoutes, Handle> {
  return {
    ...createOwnHandlers(deps, parts),
    ...createUserHandlers(deps, parts),
    ...createRest(deps, parts),
  };
}

type OwnRoutes = Extract<keyof typeof peopleRoutes, `${string} /api/auth/${string}`>;
type UserRoutes = Extract<keyof typeof peopleRoutes, `${string} /api/users${string}`>;

/** One's own password and tokens. */
function createOwnHandlers(
  deps: ApiDeps,
  { principals, audit, beginSession, logins }: PeopleParts,
): Record<OwnRoutes, Handle> {
  const { people, options } = deps;
  return {
    'post /api/auth/password': async (request, response) => {
      const { password, new_password } = await readJsonBody(request, ownPasswordBody);
      const { name, userId } = requireSession(response);
      await logins.begin(request.ip ?? '', name);
      const user = await people.users.findByName(name);
      if (!(await people.passwords.verify(password, user?.passwordHash ?? null))) {
        const change = { action: 'user.password_refuse', target: `user ${userId}`, siteId: null };
        await audit(request, response, change);
        throw new AppError('FORBIDDEN', 'The present password is another one');
      }
      await logins.succeed(request.ip ?? '', name);
      const note = noteOf(request, response, userChanged('password', null, null));
      await people.users.setPassword(userId, await people.passwords.hash(new_password), note);
      principals.forget();
      await beginSession(request, response, userId);
      response.json({ success: true });
    },
    'get /api/auth/tokens': async (_request, response) => {
      const { userId } = principalOf(response);
      sendList(response, 'tokens', userId === null ? [] : await people.tokens.list(userId));
    },
    'post /api/auth/tokens': async (request, response) => {
      const { label, days, ...asked } = await readJsonBody(request, tokenBody);
      const principal = requireSession(response);
      if (!includesRole(principal.role, asked.role))
        throw new AppError('FORBIDDEN', `A token of yours has the role ${principal.role} at most`);
      if (asked.site_ids?.some((siteId) => !maySee(principal, siteId)) === true)
        throw new AppError('NOT_FOUND', 'No such site');
      if (days > options.tokenMaxDays)
        throw new AppError('REQUEST_INVALID', `Invalid days: at most ${options.tokenMaxDays}`);
      const rights = { ...asked, site_ids: asked.site_ids ?? sitesOf(response) };
      const expiresAt = new Date(deps.now() + days * dayMs);
      const note = noteOf(request, response, tokenChanged('create', null, {}));
      const { token, made } = await people.tokens.create(principal.userId, label, rights, expiresAt, note);
      send(response, { ...made, token });
    },
    'delete /api/auth/tokens/:id': async (request, response) => {
      const tokenId = idOf(request);
      const token = await people.tokens.findById(tokenId);
      const isOwn = token !== null && token.user_id === principalOf(response).userId;
      const note = noteOf(request, response, tokenChanged('revoke', token, null));
      if (!isOwn || !(await people.tokens.revoke(tokenId, note))) throw none();
      principals.forget();
      response.json({ success: true });
    },
  };
}

/** Users, by admins. */
function createUserHandlers(deps: ApiDeps, { principals }: PeopleParts): Record<UserRoutes, Handle> {
  const { users, passwords } = deps.people;
  return {
    'get /api/users': async (_request, response) => {
      sendList(response, 'users', ownOnes(principalOf(response), await users.list()));
    },
    'post /api/users': async (request, response) => {
      const { name, password, ...rights } = await readJsonBody(request, userBody);
      const hash = password === null ? null : await passwords.hash(password);
      const note = noteOf(request, response, userChanged('create', null, {}));
      send(response, await users.create(name, rights, hash, note));
    },
    'put /api/users/:id': async (request, response) => {
      const { disabled, ...rights } = await readJsonBody(request, userChange);
      const note = noteOf(request, response, userChanged('update', thingOf<User>(response), {}));
      const made = await users.update(idOf(request), rights, disabled, note);
      if (made === null) throw none();
      principals.forget();
      send(response, made);
    },
    'post /api/users/:id/password': async (request, response) => {
      const { password } = await readJsonBody(request, passwordBody);
      const note = noteOf(request, response, userChanged('password', null, null));
      if (!(await users.setPassword(idOf(request), await passwords.hash(password), note))) throw none();
      principals.forget();
      response.json({ success: true });
    },
  };
}

/** Tokens of all, collector keys, and the audit log, for admins. */
function createRest(
  deps: ApiDeps,
  { principals }: PeopleParts,
): Record<Exclude<keyof typeof peopleRoutes, OwnRoutes | UserRoutes>, Handle> {
  const { people } = deps;
  return {
    'get /api/tokens': async (_request, response) => {
      sendList(response, 'tokens', ownOnes(principalOf(response), await people.tokens.list(null)));
    },
    'delete /api/tokens/:id': async (request, response) => {
      const note = noteOf(request, response, tokenChanged('revoke', thingOf<ApiToken>(response), null));
      if (!(await people.tokens.revoke(idOf(request), note))) throw none();
      principals.forget();
      response.json({ success: true });
    },
    'get /api/collector/keys': async (request, response) => {
      const { site_id } = readParameters(siteListQuery, request.query);
      const keys = await people.keys.list(askedSites(response, site_id));
      sendList(response, 'keys', keys.map(keyJson));
    },
    'post /api/collector/keys': async (request, response) => {
      const { site_id, label } = await readJsonBody(request, keyBody);
      const change = { what: 'create', thing: 'collector_key', siteId: site_id, after: {} };
      const made = await people.keys.create(site_id, label, noteOf(request, response, change));
      send(response, { key_id: made.keyId, site_id, prefix: made.prefix, label, key: made.key });
    },
    'delete /api/collector/keys/:id': async (request, response) => {
      const before = keyJson(thingOf<ListedKey>(response));
      const change = { what: 'revoke', thing: 'collector_key', siteId: before.site_id, before };
      if (!(await people.keys.revoke(idOf(request), noteOf(request, response, change)))) throw none();
      response.json({ success: true });
    },
    'get /api/audit': async (request, response) => {
      const asked = readParameters(auditQuery, request.query);
      const ms = (text: string | undefined): number | null => (text === undefined ? null : Date.parse(text));
      const lines = await people.audit.page({
        siteIds: askedSites(response, asked.site_id),
        actor: asked.actor ?? null,
        action: asked.action ?? null,
        fromMs: ms(asked.from),
        toMs: ms(asked.to),
        before: asked.cursor ?? null,
        limit: asked.limit,
      });
      const next_cursor = lines.length < asked.limit ? null : (lines.at(-1)?.audit_id ?? null);
      send(response, { lines, count: lines.length, next_cursor });
    },
  };
}

/** Who has a session; neither a token nor a program of this machine makes tokens or passwords for itself. */
function requireSession(response: Response): Principal & { readonly userId: number } {
  const principal = principalOf(response);
  const { kind, userId } = principal;
  if (kind === 'user' && userId !== null) return { ...principal, userId };
  throw new AppError('FORBIDDEN', 'This takes a session of a user: sign in');
}

/** Of an admin of some sites: what is of these alone. */
function ownOnes<T extends { readonly site_ids: readonly number[] | null }>(
  principal: Principal,
  list: readonly T[],
): readonly T[] {
  if (principal.siteIds === null) return list;
  return list.filter(({ site_ids }) => site_ids?.every((siteId) => maySee(principal, siteId)) === true);
}

const changed =
  (thing: string) =>
  (what: string, before: object | null, after: object | null): NotedChange => ({
    what,
    thing,
    siteId: null,
    before,
    after,
  });
const userChanged = changed('user');
const tokenChanged = changed('api_token');

const keyJson = (key: ListedKey) => ({
  key_id: key.keyId,
  site_id: key.siteId,
  site_name: key.siteName,
  prefix: key.prefix,
  label: key.label,
  created_at: key.createdAt.toISOString(),
  last_used_at: key.lastUsedAt?.toISOString() ?? null,
  revoked_at: key.revokedAt?.toISOString() ?? null,
});

const idOf = (request: Request): number => readParameters(idPath, request.params).id;
const none = (): AppError => new AppError('NOT_FOUND', 'There is none of this number');

function send(response: Response, data: object): void {
  response.json({ success: true, data });
}

function sendList(response: Response, name: string, items: readonly object[]): void {
  send(response, { [name]: items, count: items.length });
}
