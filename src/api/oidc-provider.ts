import type * as Lib from 'openid-client';
import type { ClientAuth, Configuration } from 'openid-client';
import { within } from '../actor/within.js';
import { AppError } from '../domain/errors.js';
import type { Claims } from '../domain/claims.js';
import { createBoundedFetch, providerAway } from './oidc-fetch.js';

/** What the provider is asked with. */
export interface OidcClient {
  readonly issuer: string;
  readonly clientId: string;
  /** Null: a public client. */
  readonly clientSecret: string | null;
  /** How it shows who it is. */
  readonly clientAuth: 'client_secret_post' | 'client_secret_basic' | 'none';
  readonly redirectUrl: string;
  readonly scopes: string;
  /** Of all questions of one step, ms. */
  readonly deadlineMs: number;
  /** Questions at once; one more is refused. */
  readonly maxAtOnce: number;
}

/** What one attempt to sign in must come back with. */
export interface Attempt {
  readonly state: string;
  readonly nonce: string;
  /** PKCE's. */
  readonly verifier: string;
}

/** An OpenID Connect provider. All throw `PROVIDER_UNAVAILABLE` in time. */
export interface OidcProvider {
  /** Where to send the browser. */
  begin(): Promise<{ readonly url: string; readonly attempt: Attempt }>;
  /** The claims of a valid ID token. Throws `LOGIN_FAILED` for an answer that does not hold. */
  finish(query: string, attempt: Attempt): Promise<Claims>;
  /** Asks for the discovery document. */
  check(): Promise<void>;
}

/** Endpoints move seldom; keys, which change more often, are looked up anew whenever one is unknown. */
const discoveryTtlMs = 3_600_000;

/** Loads openid-client when first used: who has no provider has no use for it. */
export function createOidcProvider(client: OidcClient): OidcProvider {
  let known: { readonly config: Promise<Configuration>; readonly untilMs: number } | null = null;
  let running = 0;

  async function discover(): Promise<Configuration> {
    const lib = await import('openid-client');
    const issuer = new URL(client.issuer);
    const isClear = issuer.protocol === 'http:';
    try {
      return await lib.discovery(issuer, client.clientId, undefined, clientAuth(lib, client), {
        [lib.customFetch]: createBoundedFetch(client.deadlineMs) as never,
        timeout: Math.ceil(client.deadlineMs / 1_000),
        execute: [
          // The ID token's signature counts, also where TLS vouches for who sent it.
          lib.enableNonRepudiationChecks,
          // Known by identity.
          ...(isClear ? [lib.allowInsecureRequests] : []),
        ],
      });
    } catch (cause) {
      throw providerAway(cause);
    }
  }

  /** Many at once wait for one question. */
  function configuration(): Promise<Configuration> {
    if (known !== null && performance.now() < known.untilMs) return known.config;
    const config = discover();
    known = { config, untilMs: performance.now() + discoveryTtlMs };
    config.catch(() => (known = null));
    return config;
  }

  async function bounded<T>(run: () => Promise<T>): Promise<T> {
    if (running >= client.maxAtOnce)
      throw new AppError('PROVIDER_UNAVAILABLE', 'Too many people sign in at once');
    running++;
    const done = run().finally(() => running--);
    return within(done, client.deadlineMs, () =>
      providerAway(new Error(`no answer within ${client.deadlineMs} ms`)),
    );
  }

  return {
    begin: () =>
      bounded(async () => {
        const config = await configuration();
        const lib = await import('openid-client');
        const attempt = {
          state: lib.randomState(),
          nonce: lib.randomNonce(),
          verifier: lib.randomPKCECodeVerifier(),
        };
        const url = lib.buildAuthorizationUrl(config, {
          redirect_uri: client.redirectUrl,
          scope: client.scopes,
          state: attempt.state,
          nonce: attempt.nonce,
          code_challenge: await lib.calculatePKCECodeChallenge(attempt.verifier),
          code_challenge_method: 'S256',
        });
        return { url: url.href, attempt };
      }),
    finish: (query, { state, nonce, verifier }) =>
      bounded(async () => {
        const config = await configuration();
        const lib = await import('openid-client');
        const url = new URL(client.redirectUrl);
        url.search = query;
        const checks = { expectedState: state, expectedNonce: nonce, pkceCodeVerifier: verifier };
        try {
          const tokens = await lib.authorizationCodeGrant(config, url, { ...checks, idTokenExpected: true });
          return tokens.claims() ?? {};
        } catch (error) {
          throw refusal(error);
        }
      }),
    check: () => bounded(async () => void (await configuration())),
  };
}

function clientAuth(lib: typeof Lib, { clientSecret, clientAuth: how }: OidcClient): ClientAuth {
  if (clientSecret === null || how === 'none') return lib.None();
  return how === 'client_secret_basic'
    ? lib.ClientSecretBasic(clientSecret)
    : lib.ClientSecretPost(clientSecret);
}

/** `PROVIDER_UNAVAILABLE` where the provider or the settings are at fault, else `LOGIN_FAILED`. */
function refusal(error: unknown): AppError {
  for (let cause = error; cause instanceof Error; cause = cause.cause)
    if (cause instanceof AppError) return cause;
  const { code, error: answer } = error as { code?: string; error?: string };
  if (answer === 'invalid_client' || answer === 'unauthorized_client')
    return new AppError('PROVIDER_UNAVAILABLE', 'The OpenID Connect provider refuses this client', {
      cause: error,
    });
  // Who sends the answer may write anything into it.
  const reason = /^\w{1,64}$/.exec(String(answer ?? code))?.[0] ?? 'malformed';
  return new AppError('LOGIN_FAILED', `The answer of the OpenID Connect provider does not hold: ${reason}`, {
    cause: error,
  });
}
