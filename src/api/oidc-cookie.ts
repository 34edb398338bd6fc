import { createHmac, scrypt, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';
import type { Request, Response } from 'express';
import type { Attempt } from './oidc-provider.js';
import { cookieOptions, presentedCookie } from './session-cookie.js';

const nameOf = (request: Request): string => (request.secure ? '__Host-headframe-oidc' : 'headframe-oidc');
const part = '[A-Za-z0-9_-]{16,128}';
const pattern = new RegExp(`^(\\d{10,15})\\.(${part})\\.(${part})\\.(${part})\\.([A-Za-z0-9_-]{43})$`);

/** Keeps an attempt to sign in with the browser that began it, so that nobody can make the api keep it. */
export interface AttemptCookie {
  give(request: Request, response: Response, attempt: Attempt): Promise<void>;
  /** Takes it away, for it is good once; null without a genuine one that still lasts. */
  take(request: Request, response: Response): Promise<Attempt | null>;
}

/** Instances of one secret take each other's. `lastsMs`: how long it is good. */
export function createAttemptCookie(secret: string, lastsMs: number, now: () => number): AttemptCookie {
  let made: Promise<Buffer> | null = null;
  // Slow, so that a cookie is no way to try out secrets.
  const key = (): Promise<Buffer> =>
    (made ??= promisify(scrypt)(secret, 'headframe oidc attempt', 32) as Promise<Buffer>);
  const sign = async (text: string): Promise<string> =>
    createHmac('sha256', await key())
      .update(text)
      .digest('base64url');

  return {
    async give(request, response, { state, nonce, verifier }) {
      const text = [now() + lastsMs, state, nonce, verifier].join('.');
      const value = `${text}.${await sign(text)}`;
      response.cookie(nameOf(request), value, { ...cookieOptions(request), maxAge: lastsMs });
    },
    async take(request, response) {
      response.clearCookie(nameOf(request), cookieOptions(request));
      const value = presentedCookie(request, nameOf(request), pattern);
      if (value === null) return null;
      const [, until = '', state = '', nonce = '', verifier = '', signature = ''] = pattern.exec(value) ?? [];
      const wanted = await sign(value.slice(0, value.lastIndexOf('.')));
      if (!timingSafeEqual(Buffer.from(wanted), Buffer.from(signature)) || Number(until) <= now())
        return null;
      return { state, nonce, verifier };
    },
  };
}
