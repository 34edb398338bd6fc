import { z } from 'zod';
import { AppError } from '../domain/errors.js';
import { roles } from '../domain/principal.js';
import { group, int, text } from './fields.js';

/** Where the provider sends people back to. */
export const oidcCallbackPath = '/api/auth/oidc/callback';

const mapping = z.strictObject({
  value: z.string().min(1).max(256).describe('Value of `oidc.role_claim`, such as the name of a group.'),
  role: z.enum(roles).describe('Role it gives.'),
  sites: z
    .array(z.string().min(1))
    .max(1_000)
    .optional()
    .describe('Names of the sites it is for; all when absent.'),
});

/** Settings of signing in through an OpenID Connect provider. */
export const oidc = group(
  {
    issuer: text(
      'Issuer of the OpenID Connect provider, an `https://` URL as its discovery document has it; absent: people sign in with passwords alone.',
    ),
    client_id: text('Name of this client at the provider.'),
    client_secret: text('Its secret (secret; prefer `client_secret_file`).'),
    client_secret_file: text('File holding the secret.'),
    client_auth: z
      .enum(['client_secret_post', 'client_secret_basic', 'none'])
      .default('client_secret_post')
      .describe(
        'How this client shows the provider who it is: its secret in the form or in the `Authorization` header; `none`: a public client, which has no secret and relies on PKCE.',
      ),
    cookie_secret: text(
      'Signs what a browser keeps while at the provider (secret; prefer `cookie_secret_file`); the same for all instances. Absent: the client secret; of a public client one made at start, which does for one instance.',
    ),
    cookie_secret_file: text('File holding that.'),
    redirect_url: text(
      `Where the provider sends people back to: the address of the api as browsers know it and \`${oidcCallbackPath}\`.`,
    ),
    scopes: z.string().min(1).default('openid profile').describe('What is asked for, with spaces between.'),
    name_claim: z
      .string()
      .min(1)
      .default('preferred_username')
      .describe('Claim that names a new user; `sub` where it is missing.'),
    role_claim: z
      .string()
      .min(1)
      .default('groups')
      .describe('Claim of the ID token that decides the role: a text or a list; dots lead into objects.'),
    roles: z
      .array(mapping)
      .max(1_000)
      .default([])
      .describe('Which value gives which role; the first that someone has decides.'),
    default_role: z
      .enum(['none', ...roles])
      .default('none')
      .describe('Role on all sites of who has none of these values; `none`: may not sign in.'),
    deadline_ms: int(
      100,
      60_000,
      5_000,
      'Bound of all questions to the provider for one step of signing in, ms.',
    ),
    attempt_s: int(30, 3_600, 600, 'How long one may take at the provider, s.'),
    max_at_once: int(1, 1_000, 20, 'Questions to the provider at once; one more is 503.'),
  },
  'Signing in through OpenID Connect.',
);

type Oidc = z.infer<typeof oidc>;

/** Throws `CONFIG_INVALID` for an issuer without what it takes, or in clear text to elsewhere. */
export function checkOidc(settings: Oidc): void {
  const { issuer, client_id, client_secret, client_auth, redirect_url, scopes } = settings;
  if (issuer === undefined) return;
  const fail = (what: string): never => {
    throw new AppError('CONFIG_INVALID', what);
  };
  const needed =
    client_auth === 'none' ? { client_id, redirect_url } : { client_id, client_secret, redirect_url };
  for (const [name, value] of Object.entries(needed))
    if (value === undefined || value === '') fail(`oidc.${name}: needed with oidc.issuer`);
  if (client_auth === 'none' && client_secret !== undefined)
    fail('oidc.client_secret: a public client (oidc.client_auth: none) has none');
  if (!isSafeUrl(issuer)) fail('oidc.issuer: not a URL that begins with https://');
  const back = redirect_url ?? '';
  if (!/^https?:/.test(back) || !URL.canParse(back) || !new URL(back).pathname.endsWith(oidcCallbackPath))
    fail(`oidc.redirect_url: not a URL that ends with ${oidcCallbackPath}`);
  if (!scopes.split(' ').includes('openid')) fail('oidc.scopes: openid is missing');
}

/** HTTPS, or a provider on this machine. */
function isSafeUrl(url: string): boolean {
  if (!URL.canParse(url)) return false;
  const { protocol, hostname } = new URL(url);
  return (
    protocol === 'https:' || (protocol === 'http:' && /^(localhost|127(\.\d+){3}|\[::1\])$/.test(hostname))
  );
}
