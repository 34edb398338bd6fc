import { z } from 'zod';
import { ok } from './answers.js';
import type { RouteDoc } from './route-doc.js';

const group = 'People';
const methods = z
  .strictObject({
    password: z.boolean(),
    oidc: z.boolean().meta({ description: 'Through an OpenID Connect provider.' }),
  })
  .meta({ id: 'SignInMethods' });
const answered = z.string().optional();

/** Routes of signing in through an OpenID Connect provider. */
export const oidcRoutes = {
  'get /api/auth/methods': {
    access: 'open',
    group,
    summary: 'How one may sign in.',
    answer: ok(methods),
  },
  'get /api/auth/oidc/start': {
    access: 'open',
    group,
    summary: 'Sign in through the OpenID Connect provider: 303 to it, with a cookie for the way back.',
    description: '404 where none is configured (`oidc.issuer`), 503 where it does not answer.',
    answer: null,
  },
  'get /api/auth/oidc/callback': {
    access: 'open',
    group,
    summary:
      'Where the provider sends the browser back: sets the cookie of a new session, and 303 to the page.',
    description:
      '401 for an answer that does not hold or a disabled user, 403 for someone without a role here, 503 where the provider does not answer. A browser is sent back to the page instead (`/#refused=` and the code), which says so in words.',
    query: z.object({
      code: answered.meta({ description: 'As the provider gives it.' }),
      state: answered.meta({ description: 'As it was sent there.' }),
      iss: answered.meta({ description: 'The provider.' }),
      error: answered.meta({ description: 'Why the provider refuses.' }),
    }),
    answer: null,
  },
} as const satisfies Record<string, RouteDoc>;
