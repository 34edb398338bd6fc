import type { Credentials } from '../../domain/credentials.js';
import type { JsonObject } from '../reply.js';
import type { AuthScheme } from './digest.js';

/** What the web server at an address shows of itself at `/`. */
export interface WebPage {
  readonly status: number;
  /** Realm of its first challenge, `''` without one. */
  readonly realm: string;
  /** Where it redirects to, `''` when it does not. */
  readonly location: string;
  /** The page's text, at most 64 KiB. */
  readonly text: string;
}

/** A header that a login earned: its name and value. Secret. */
export type WebToken = readonly [name: string, value: string];

/** How a web interface without HTTP authentication is logged into. */
export interface WebLogin {
  /** The request that logs in, as {@link Family.request} writes one. Holds the password. */
  request(credentials: Credentials): string;
  /** The header that later requests carry, from the answer; `null` when it was a refusal. */
  token(body: JsonObject, cookies: readonly string[]): WebToken | null;
  /** True for an answer with status 200 that asks for a login nevertheless. */
  isRefusal?(body: JsonObject): boolean;
}

/** How a family's web interface is recognised and logged into. */
export interface WebAccess {
  /** True when the page may be this family's; its first command decides. */
  recognises(page: WebPage): boolean;
  /** The password schemes this firmware is known to use: a device that asks for another gets nothing. */
  readonly schemes: readonly AuthScheme[];
  readonly login?: WebLogin;
}

/** Longest token believed, characters. */
const maxToken = 8192;

/** The token under the first of `names` that has one fit for a header; `null` when none has. */
export function tokenText(body: JsonObject, ...names: readonly string[]): string | null {
  const found = names.map((name) => body[name]).find((value) => typeof value === 'string' && value !== '');
  if (typeof found !== 'string' || found.length > maxToken) return null;
  return /^[\x21-\x7e]+$/.test(found) ? found : null;
}

/** A `Cookie` header from what a login set, those whose name `named` matches; `null` when there is none. */
export function cookieToken(cookies: readonly string[], named = /^/): WebToken | null {
  const told = cookies
    .map((cookie) => (cookie.split(';')[0] ?? '').trim())
    .filter((it) => it.includes('=') && named.test(it) && it.length <= maxToken && /^[\x21-\x7e]+$/.test(it));
  return told.length === 0 ? null : ['cookie', told.join('; ')];
}
