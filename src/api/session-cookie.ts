import type { CookieOptions, Request, Response } from 'express';
import { AppError } from '../domain/errors.js';
import { isLocalName } from './own-page.js';

/** Browsers take this name only with `Secure`, without `Domain` and for `/`: no other host can set it. */
const secureName = '__Host-headframe';
/** Without TLS, where browsers refuse the name above. */
const plainName = 'headframe';
const secretPattern = /^[A-Za-z0-9_-]{43}$/;

/** The secret of the session a request carries; null without one. */
export function presentedSession(request: Request): string | null {
  return presentedCookie(request, cookieName(request), secretPattern);
}

/** The first cookie of a name that looks as it should; null without one. */
export function presentedCookie(request: Request, name: string, pattern: RegExp): string | null {
  for (const part of (request.headers.cookie ?? '').split(';')) {
    const at = part.indexOf('=');
    if (part.slice(0, at).trim() !== name) continue;
    const value = part.slice(at + 1).trim();
    if (pattern.test(value)) return value;
  }
  return null;
}

/**
 * Throws `FORBIDDEN` where a cookie would travel in clear text: without TLS only this machine may sign in, or
 * anyone where `isInsecureAllowed`.
 */
export function refuseClearText(request: Request, isInsecureAllowed: boolean): void {
  if (request.secure || isInsecureAllowed || isLocalName(request)) return;
  throw new AppError(
    'FORBIDDEN',
    'Sign in over HTTPS: set tls.cert and tls.key, or api.trust_proxy behind a proxy that ends TLS',
  );
}

/** Gives the browser a session. */
export function setSession(request: Request, response: Response, secret: string, maxAgeMs: number): void {
  response.cookie(cookieName(request), secret, { ...cookieOptions(request), maxAge: maxAgeMs });
}

/** Takes it away. */
export function clearSession(request: Request, response: Response): void {
  response.clearCookie(cookieName(request), cookieOptions(request));
}

const cookieName = (request: Request): string => (request.secure ? secureName : plainName);

/** Of every cookie: none is for scripts, other hosts or clear text where there is TLS. */
export const cookieOptions = (request: Request): CookieOptions => ({
  secure: request.secure,
  httpOnly: true,
  sameSite: 'lax',
  path: '/',
});
