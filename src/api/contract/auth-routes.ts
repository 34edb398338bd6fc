import { z } from 'zod';
import { emptyBody } from './alert-schemas.js';
import { ok } from './answers.js';
import { loginBody, principal } from './auth-schemas.js';
import type { RouteDoc } from './route-doc.js';

const group = 'People';
const done = z.strictObject({ success: z.literal(true) });

/** Routes of signing in and out. */
export const authRoutes = {
  'post /api/auth/login': {
    access: 'open',
    group,
    summary: 'Sign in; the answer sets the cookie of a new session.',
    description:
      'Refused from pages of elsewhere, without TLS from other machines, and past some failures of one address or name.',
    body: loginBody,
    answer: ok(principal),
  },
  'post /api/auth/logout': {
    access: 'viewer',
    sites: ['none'],
    group,
    summary: 'End the session.',
    body: emptyBody,
    answer: done,
  },
  'get /api/auth/me': {
    access: 'viewer',
    sites: ['none'],
    group,
    summary: 'Who asks, and what they may.',
    answer: ok(principal),
  },
} as const satisfies Record<string, RouteDoc>;
