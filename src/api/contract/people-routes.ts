import { z } from 'zod';
import { idPath } from './alert-schemas.js';
import { count, ok } from './answers.js';
import {
  apiToken,
  auditPage,
  auditQuery,
  collectorKey,
  createdKey,
  createdToken,
  keyBody,
  ownPasswordBody,
  passwordBody,
  siteListQuery,
  tokenBody,
  user,
  userBody,
  userChange,
} from './people-schemas.js';
import type { RouteDoc } from './route-doc.js';

const group = 'People';
const done = z.strictObject({ success: z.literal(true) });
const list = <T extends z.ZodType>(name: string, item: T) =>
  ok(z.strictObject({ [name]: z.array(item), count }));

/** Routes of users, tokens, collector keys and the audit log. */
export const peopleRoutes = {
  'post /api/auth/password': {
    access: 'viewer',
    sites: ['none'],
    group,
    summary: 'Change one’s own password; every other session ends.',
    body: ownPasswordBody,
    answer: done,
  },
  'get /api/auth/tokens': {
    access: 'viewer',
    sites: ['none'],
    group,
    summary: 'One’s own API tokens.',
    answer: list('tokens', apiToken),
  },
  'post /api/auth/tokens': {
    access: 'viewer',
    sites: ['none'],
    group,
    summary: 'Make an API token that may do no more than oneself; by a session alone.',
    body: tokenBody,
    answer: ok(createdToken),
  },
  'delete /api/auth/tokens/:id': {
    access: 'viewer',
    sites: ['none'],
    group,
    summary: 'Revoke one’s own API token.',
    path: idPath,
    answer: done,
  },
  'get /api/users': {
    access: 'admin',
    sites: ['scope'],
    group,
    summary: 'Users; of an admin of some sites those of no other site.',
    answer: list('users', user),
  },
  'post /api/users': {
    access: 'admin',
    sites: ['body'],
    group,
    summary: 'Add a user.',
    body: userBody,
    answer: ok(user),
  },
  'put /api/users/:id': {
    access: 'admin',
    sites: ['user', 'body'],
    group,
    summary: 'Change what a user may, or disable them, which ends their sessions.',
    path: idPath,
    body: userChange,
    answer: ok(user),
  },
  'post /api/users/:id/password': {
    access: 'admin',
    sites: ['user'],
    group,
    summary: 'Set a user’s password; every session of theirs ends.',
    path: idPath,
    body: passwordBody,
    answer: done,
  },
  'get /api/tokens': {
    access: 'admin',
    sites: ['scope'],
    group,
    summary: 'API tokens of all users; of an admin of some sites those of no other site.',
    answer: list('tokens', apiToken),
  },
  'delete /api/tokens/:id': {
    access: 'admin',
    sites: ['api_token'],
    group,
    summary: 'Revoke an API token.',
    path: idPath,
    answer: done,
  },
  'get /api/collector/keys': {
    access: 'admin',
    sites: ['query'],
    group,
    summary: 'Collector keys; of a key itself only its beginning is known.',
    query: siteListQuery,
    answer: list('keys', collectorKey),
  },
  'post /api/collector/keys': {
    access: 'admin',
    sites: ['body'],
    group,
    summary: 'Make a collector key; a site has two active ones at most.',
    body: keyBody,
    answer: ok(createdKey),
  },
  'delete /api/collector/keys/:id': {
    access: 'admin',
    sites: ['collector_key'],
    group,
    summary: 'Revoke a collector key.',
    path: idPath,
    answer: done,
  },
  'get /api/audit': {
    access: 'admin',
    sites: ['query'],
    group,
    summary: 'The audit log, the newest first.',
    query: auditQuery,
    answer: ok(auditPage),
  },
} as const satisfies Record<string, RouteDoc>;
