import type { Config } from '../config/schema.js';
import { readLogin, type Login } from '../config/login-file.js';
import { AppError } from '../domain/errors.js';

/** A JSON answer of the api. */
export type Answer = Readonly<Record<string, unknown>>;

/** The api as the command line asks it. */
export interface ApiClient {
  readonly url: string;
  /** Throws `API_UNAVAILABLE` without an answer, `API_REFUSED` with the api's own words. */
  ask(method: 'GET' | 'POST' | 'PUT' | 'DELETE', path: string, body?: object): Promise<Answer>;
}

const timeoutMs = 30_000;

/**
 * The api that `--url` names, else the one that is signed in to, else that of the settings. The proof of a login is
 * sent to its own api alone.
 */
export function openClient(config: Config, url: string | null): ApiClient {
  const login = readLogin();
  const target = trimmed(url ?? login?.url ?? `http://${config.api.host}:${config.api.port}`);
  const own = login !== null && trimmed(login.url) === target ? login : null;
  return { url: target, ask: (method, path, body) => ask(target, own, method, path, body) };
}

/** One request; see {@link ApiClient}. */
async function ask(
  url: string,
  login: Login | null,
  method: string,
  path: string,
  body: object | undefined,
): Promise<Answer> {
  const { answer, status } = await send(url, path, {
    method,
    headers: {
      'content-type': 'application/json',
      ...(login === null ? {} : { [login.header.name]: login.header.value }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  if (status >= 200 && status < 300) return answer;
  const hint = status === 401 ? '; run `headframe login`' : '';
  throw new AppError('API_REFUSED', `${textOf(answer['error'], `the api answered ${status}`)}${hint}`);
}

/** An answer of the api with its status and headers. Throws `API_UNAVAILABLE`. */
export async function send(
  url: string,
  path: string,
  init: RequestInit,
): Promise<{ readonly status: number; readonly answer: Answer; readonly headers: Headers }> {
  try {
    const signal = AbortSignal.timeout(timeoutMs);
    const response = await fetch(`${url}${path}`, { redirect: 'error', signal, ...init });
    const answer = (await response.json()) as Answer;
    if (response.status !== 503) return { status: response.status, answer, headers: response.headers };
    throw new AppError('API_UNAVAILABLE', `${url}: ${textOf(answer['error'], 'unavailable')}`);
  } catch (cause) {
    if (cause instanceof AppError) throw cause;
    const reason =
      cause instanceof Error && cause.cause instanceof Error ? cause.cause.message : String(cause);
    throw new AppError('API_UNAVAILABLE', `${url}: ${reason}`, { cause });
  }
}

const textOf = (value: unknown, fallback: string): string => (typeof value === 'string' ? value : fallback);
const trimmed = (url: string): string => url.replace(/\/+$/, '');
