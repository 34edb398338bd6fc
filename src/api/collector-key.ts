import type { IncomingMessage } from 'node:http';
import type { Request } from 'express';
import { AppError } from '../domain/errors.js';
import type { CollectorKey } from '../domain/ingest.js';
import { createCredentialCheck } from './credential-check.js';
import type { ApiDeps } from './deps.js';

const keyPattern = /^hsc_[A-Za-z0-9_-]{32,64}$/;

/** Answers whose key a request carries. Throws `KEY_MISSING`, `KEY_INVALID`, `RATE_LIMITED`, `DATABASE_UNAVAILABLE`. */
export type KeyCheck = (request: Request) => Promise<CollectorKey>;

/** Checks collector keys: format, then what is known of them. */
export function createKeyCheck(deps: ApiDeps): KeyCheck {
  const keys = createCredentialCheck<CollectorKey>(deps, {
    find: (sha256) => deps.findKey(sha256),
    touch: ({ keyId }) => deps.touchKey(keyId),
    ttlMs: deps.options.keyTtlMs,
    awayMs: 0,
  });
  return async function checkKey(request) {
    const text = presentedKey(request);
    if (text === null) throw new AppError('KEY_MISSING', 'Missing collector API key');
    if (!keyPattern.test(text)) throw invalidKey();
    const key = await keys.find(text, request.ip ?? '');
    if (key === null) throw invalidKey();
    return key;
  };
}

/** The text of the key a request carries, in either header; null when it carries none. */
export function presentedKey(request: IncomingMessage): string | null {
  const own = request.headers['x-collector-key'];
  if (typeof own === 'string' && own.trim() !== '') return own.trim();
  return presentedBearer(request);
}

/** What `Authorization: Bearer` carries; null without it. */
export function presentedBearer(request: IncomingMessage): string | null {
  return /^Bearer\s+(\S+)\s*$/i.exec(request.headers.authorization ?? '')?.[1] ?? null;
}

function invalidKey(): AppError {
  return new AppError('KEY_INVALID', 'Invalid API key');
}
