import { randomBytes } from 'node:crypto';
import type { Credentials } from '../src/domain/credentials.js';
import { decodeReply } from '../src/miner/decode-reply.js';
import type { Family } from '../src/miner/family.js';
import { authorizationOf, pickChallenge, realmOf } from '../src/miner/http/digest.js';
import type { WebAccess, WebPage, WebToken } from '../src/miner/http/web-access.js';
import type { JsonObject } from '../src/miner/reply.js';
import { httpExchange, type HttpResult } from './http-exchange.js';
import type { ExchangeResult } from './tcp-exchange.js';
import type { WebMemory, WebSession } from './web-memory.js';

export interface WebRequestOptions {
  readonly host: string;
  readonly port: number;
  /** Request line, and below it a body if there is one: `Family.request`. */
  readonly request: string;
  readonly connectTimeoutMs: number;
  /** Milliseconds left now. */
  readonly remainingMs: () => number;
  readonly maxReplyBytes: number;
  /** Called before every connection. */
  readonly onConnection: () => void;
}

export interface WebAskOptions extends WebRequestOptions {
  readonly family: Family;
  readonly credentials: Credentials | null;
  readonly memory: WebMemory;
}

type Answer = Extract<HttpResult, { kind: 'answer' }>;
/** Redirects followed to the miner itself. */
const maxRedirects = 1;
/** What is kept of a page that is looked at to tell whose it is, bytes. */
const maxPageBytes = 65_536;
/** Longest answer in which a refusal with status 200 is looked for, bytes. */
const maxRefusalBytes = 4096;

/**
 * One command over HTTP: answers the miner's challenge or logs in when it asks and there are credentials
 * for it, at most once each. A refusal after that is `wrong_password`, any other status than 2xx
 * `http_error`. Credentials go nowhere but to the miner's own address. Never rejects.
 */
export async function askWeb(options: WebAskOptions): Promise<ExchangeResult> {
  const { family, memory, credentials } = options;
  const key = `${options.host}:${options.port} ${family.name}`;
  let isFresh = false;
  for (;;) {
    const session = memory.get(key);
    const answer = await requestOnce(options, session);
    if (answer.kind === 'failed') return answer;
    if (!isRefusal(answer, family.web)) return toResult(answer);
    memory.delete(key);
    if (credentials === null) return refused(answer, 'asks for a password; none is configured');
    const challenge = pickChallenge(answer.headers['www-authenticate'], family.web?.schemes ?? []);
    if (isFresh && challenge?.isStale !== true) return refused(answer, 'wrong password');
    const next = challenge === null ? await logIn(options, credentials) : { challenge, uses: 0 };
    if (next === null) return refused(answer, 'refuses the password, or asks for it in an unknown way');
    if ('kind' in next) return next;
    // A second stale nonce in a row would go on for ever.
    if (isFresh) return refused(answer, 'its nonces age at once');
    isFresh = true;
    memory.set(key, next);
  }
}

/** The page at `/`, to tell whose it is; no credentials are sent. `failed` when nothing came. */
export async function lookAtPage(
  options: Omit<WebRequestOptions, 'request'>,
): Promise<WebPage | Extract<HttpResult, { kind: 'failed' }>> {
  const answer = await requestOnce(
    { ...options, request: 'GET /', maxReplyBytes: Math.min(options.maxReplyBytes, maxPageBytes) },
    null,
  );
  if (answer.kind === 'failed') return answer;
  return {
    status: answer.status,
    realm: realmOf(answer.headers['www-authenticate']),
    location: textOf(answer.headers.location),
    text: answer.bytes.toString('utf8'),
  };
}

/** A request and, at most, one redirect to the same address over HTTP. */
async function requestOnce(
  options: WebRequestOptions & Partial<Pick<WebAskOptions, 'credentials' | 'family'>>,
  session: WebSession | null,
): Promise<HttpResult> {
  const { method, path, body } = parseRequest(options.request);
  const hasLogin = options.family?.web?.login !== undefined;
  let target = { port: options.port, path };
  for (let redirects = 0; ; redirects += 1) {
    options.onConnection();
    const answer = await httpExchange({
      host: options.host,
      ...target,
      method,
      headers: {
        accept: 'application/json, */*;q=0.5',
        ...(body === null ? {} : { 'content-type': contentType(body) }),
        ...sessionHeaders(session, method, target.path, options.credentials ?? null),
      },
      body,
      connectTimeoutMs: options.connectTimeoutMs,
      deadlineMs: Math.max(1, options.remainingMs()),
      maxReplyBytes: options.maxReplyBytes,
    });
    const onward =
      answer.kind === 'answer' && !(hasLogin && leadsToLogin(answer))
        ? ownRedirect(answer, options.host, target)
        : null;
    if (onward === null || method !== 'GET' || redirects === maxRedirects) return answer;
    target = onward;
  }
}

/** Bodies are JSON, or a form. */
const contentType = (body: string): string =>
  /^[[{]/.test(body) ? 'application/json' : 'application/x-www-form-urlencoded';

function parseRequest(request: string): { method: string; path: string; body: string | null } {
  const at = request.indexOf('\n');
  const [method = 'GET', path = '/'] = (at === -1 ? request : request.slice(0, at)).split(' ');
  return { method, path, body: at === -1 ? null : request.slice(at + 1) };
}

/** A redirect to a page where one logs in: a refusal, however it is put. */
function leadsToLogin(answer: Answer): boolean {
  const isRedirect = answer.status >= 300 && answer.status <= 399;
  return isRedirect && /\b(?:login|signin|sign-in)\b/i.test(textOf(answer.headers.location));
}

/** Where a redirect leads when that is the miner itself over plain HTTP; `null` otherwise. */
export function ownRedirect(
  answer: Answer,
  host: string,
  from: { readonly port: number; readonly path: string },
): { port: number; path: string } | null {
  if (answer.status < 300 || answer.status > 399) return null;
  const location = textOf(answer.headers.location);
  if (location === '' || !URL.canParse(location, `http://${host}:${from.port}${from.path}`)) return null;
  const url = new URL(location, `http://${host}:${from.port}${from.path}`);
  if (url.protocol !== 'http:' || url.hostname !== host) return null;
  return { port: url.port === '' ? 80 : Number(url.port), path: `${url.pathname}${url.search}` };
}

function sessionHeaders(
  session: WebSession | null,
  method: string,
  path: string,
  credentials: Credentials | null,
): Record<string, string> {
  if (session?.token !== undefined) return { [session.token[0]]: session.token[1] };
  if (session?.challenge === undefined || credentials === null) return {};
  session.uses += 1;
  const authorization = authorizationOf(session.challenge, {
    method,
    uri: path,
    credentials,
    count: session.uses,
    clientNonce: randomBytes(8).toString('hex'),
  });
  return { authorization };
}

function isRefusal(answer: Answer, web: WebAccess | undefined): boolean {
  if (answer.status === 401 || answer.status === 403) return true;
  if (web?.login !== undefined && leadsToLogin(answer)) return true;
  const asks = web?.login?.isRefusal;
  if (asks === undefined || answer.status !== 200 || answer.bytes.length > maxRefusalBytes) return false;
  return asks(objectOf(answer.bytes));
}

/** The session a login earned; `null` when it was refused or there is no way to log in. */
async function logIn(
  options: WebAskOptions,
  credentials: Credentials,
): Promise<WebSession | Extract<HttpResult, { kind: 'failed' }> | null> {
  const login = options.family.web?.login;
  if (login === undefined) return null;
  const answer = await requestOnce({ ...options, request: login.request(credentials) }, null);
  if (answer.kind === 'failed') return answer;
  if (answer.status < 200 || answer.status > 299) return null;
  const cookies = answer.headers['set-cookie'] ?? [];
  const token: WebToken | null = login.token(
    objectOf(answer.bytes),
    typeof cookies === 'string' ? [cookies] : cookies,
  );
  return token === null ? null : { token, uses: 0 };
}

function objectOf(bytes: Buffer): JsonObject {
  const reply = decodeReply('login', bytes);
  return reply.kind === 'ok' || reply.kind === 'device_error' ? reply.value : {};
}

function toResult(answer: Answer): ExchangeResult {
  if (answer.status < 200 || answer.status > 299)
    return {
      kind: 'failed',
      errorClass: 'http_error',
      hasConnected: true,
      status: answer.status,
      detail: `HTTP ${answer.status}`,
    };
  if (answer.cut === null) return { kind: 'reply', bytes: answer.bytes };
  return answer.bytes.length === 0
    ? { kind: 'failed', errorClass: answer.cut, hasConnected: true }
    : { kind: 'partial', bytes: answer.bytes, errorClass: answer.cut };
}

const refused = (answer: Answer, detail: string): ExchangeResult => ({
  kind: 'failed',
  errorClass: 'wrong_password',
  hasConnected: true,
  status: answer.status,
  detail,
});

const textOf = (header: string | string[] | undefined): string =>
  (typeof header === 'string' ? header : header?.[0]) ?? '';
