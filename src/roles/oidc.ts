import { randomBytes } from 'node:crypto';
import type { OidcDeps } from '../api/oidc.js';
import { createOidcProvider } from '../api/oidc-provider.js';
import type { Config } from '../config/schema.js';

/** The provider of the settings, asked when first needed; null: none. */
export function oidcOf({ oidc }: Config): OidcDeps | null {
  const { issuer, client_id: clientId, client_secret: clientSecret, redirect_url: redirectUrl } = oidc;
  if (issuer === undefined || clientId === undefined) return null;
  if (redirectUrl === undefined) return null;
  if (clientSecret === undefined && oidc.client_auth !== 'none') return null;
  return {
    provider: createOidcProvider({
      issuer,
      clientId,
      clientSecret: clientSecret ?? null,
      clientAuth: oidc.client_auth,
      redirectUrl,
      scopes: oidc.scopes,
      deadlineMs: oidc.deadline_ms,
      maxAtOnce: oidc.max_at_once,
    }),
    rules: {
      nameClaim: oidc.name_claim,
      roleClaim: oidc.role_claim,
      roles: oidc.roles.map(({ value, role, sites }) => ({ value, role, siteNames: sites ?? null })),
      defaultRole: oidc.default_role === 'none' ? null : oidc.default_role,
    },
    cookieSecret: oidc.cookie_secret ?? clientSecret ?? randomBytes(32).toString('base64url'),
    attemptMs: oidc.attempt_s * 1_000,
  };
}
