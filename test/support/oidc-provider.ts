import { createHash, randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';

/** What the provider says of whoever signs in, and where it errs. Changed between requests. */
export interface ProviderState {
  claims: Record<string, unknown>;
  /** Put in the place of what was asked with. */
  nonce?: string;
  state?: string;
  /** Of the ID token, s from now. */
  expiresInS: number;
  /** How the client has to show who it is. */
  clientAuth: 'client_secret_post' | 'client_secret_basic' | 'none';
  /** Signs with a key that is not published. */
  isForged: boolean;
  /** Takes requests and answers none. */
  isSilent: boolean;
  /** Answers with more than anyone should read. */
  isEndless: boolean;
  error?: string;
}

/** An OpenID Connect provider on 127.0.0.1 where everyone is signed in already. */
export interface TestProvider {
  readonly issuer: string;
  readonly state: ProviderState;
  /** Requests by path. */
  readonly asked: Record<string, number>;
  stop(): Promise<void>;
}

export const testClient = { id: 'headframe', secret: 'a client secret of some length' };

const decodeForm = (text: string): string => decodeURIComponent(text.replaceAll('+', ' '));

const fresh = (): ProviderState => ({
  claims: { sub: 'u-1', preferred_username: 'ana', groups: ['miners-ops'] },
  expiresInS: 300,
  clientAuth: 'client_secret_post',
  isForged: false,
  isSilent: false,
  isEndless: false,
});

export async function startTestProvider(port = 0): Promise<TestProvider> {
  const [published, other] = await Promise.all([generateKeyPair('RS256'), generateKeyPair('RS256')]);
  const jwk = { ...(await exportJWK(published.publicKey)), kid: 'k1', alg: 'RS256', use: 'sig' };
  const state = fresh();
  const asked: Record<string, number> = {};
  const codes = new Map<string, { challenge: string; nonce: string; redirect: string }>();
  let issuer = '';

  const json = (response: ServerResponse, status: number, body: object): void => {
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  };

  function authorize(query: URLSearchParams, response: ServerResponse): void {
    const back = new URL(query.get('redirect_uri') ?? '');
    back.searchParams.set('state', state.state ?? query.get('state') ?? '');
    if (state.error === undefined) {
      const code = randomUUID();
      codes.set(code, {
        challenge: query.get('code_challenge') ?? '',
        nonce: query.get('nonce') ?? '',
        redirect: query.get('redirect_uri') ?? '',
      });
      back.searchParams.set('code', code);
    } else back.searchParams.set('error', state.error);
    response.writeHead(302, { location: back.href }).end();
  }

  function isClient(form: URLSearchParams, authorization: string | undefined): boolean {
    const posted = [form.get('client_id'), form.get('client_secret')];
    const wanted = [testClient.id, testClient.secret];
    if (state.clientAuth === 'client_secret_basic') {
      const [scheme = '', text = ''] = (authorization ?? '').split(' ');
      const [id, secret] = Buffer.from(text, 'base64').toString().split(':').map(decodeForm);
      return scheme === 'Basic' && posted[1] === null && id === wanted[0] && secret === wanted[1];
    }
    if (authorization !== undefined || posted[0] !== wanted[0]) return false;
    return posted[1] === (state.clientAuth === 'none' ? null : wanted[1]);
  }

  async function token(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let text = '';
    for await (const part of request) text += String(part);
    const form = new URLSearchParams(text);
    if (!isClient(form, request.headers.authorization))
      return json(response, 401, { error: 'invalid_client' });
    const code = form.get('code') ?? '';
    const grant = codes.get(code);
    codes.delete(code);
    const challenge = createHash('sha256')
      .update(form.get('code_verifier') ?? '')
      .digest('base64url');
    if (grant?.challenge !== challenge || grant.redirect !== form.get('redirect_uri'))
      return json(response, 400, { error: 'invalid_grant' });
    const now = Math.floor(Date.now() / 1_000);
    const idToken = await new SignJWT({ ...state.claims, nonce: state.nonce ?? grant.nonce })
      .setProtectedHeader({ alg: 'RS256', kid: 'k1' })
      .setIssuer(issuer)
      .setAudience(testClient.id)
      .setIssuedAt(now - 600)
      .setExpirationTime(now + state.expiresInS)
      .sign((state.isForged ? other : published).privateKey);
    json(response, 200, { access_token: randomUUID(), token_type: 'Bearer', id_token: idToken });
  }

  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '/', issuer);
    asked[url.pathname] = (asked[url.pathname] ?? 0) + 1;
    if (state.isSilent) return;
    if (state.isEndless) {
      response.writeHead(200, { 'content-type': 'application/json' });
      const pour = (): void => {
        while (!response.destroyed && response.write(' '.repeat(65_536)));
      };
      response.on('drain', pour);
      return pour();
    }
    if (url.pathname === '/.well-known/openid-configuration')
      return json(response, 200, {
        issuer,
        authorization_endpoint: `${issuer}/authorize`,
        token_endpoint: `${issuer}/token`,
        jwks_uri: `${issuer}/jwks`,
        response_types_supported: ['code'],
        subject_types_supported: ['public'],
        id_token_signing_alg_values_supported: ['RS256'],
        code_challenge_methods_supported: ['S256'],
      });
    if (url.pathname === '/authorize') return authorize(url.searchParams, response);
    if (url.pathname === '/token') return void token(request, response);
    if (url.pathname === '/jwks') return json(response, 200, { keys: [jwk] });
    response.writeHead(404).end();
  });
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    issuer,
    state,
    asked,
    stop: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** As a provider begins. */
export function resetProvider({ state }: TestProvider): void {
  for (const key of Object.keys(state)) delete (state as unknown as Record<string, unknown>)[key];
  Object.assign(state, fresh());
}
