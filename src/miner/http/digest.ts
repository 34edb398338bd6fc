import { createHash } from 'node:crypto';
import type { Credentials } from '../../domain/credentials.js';

/** A password scheme a server asks for. */
export type AuthScheme = 'digest' | 'basic';

/** One challenge of a `WWW-Authenticate` header that can be answered. */
export interface Challenge {
  readonly scheme: AuthScheme;
  readonly realm: string;
  readonly nonce: string;
  readonly opaque: string | null;
  readonly algorithm: 'MD5' | 'MD5-sess' | 'SHA-256' | 'SHA-256-sess';
  /** `auth`, or `null` as in RFC 2069. */
  readonly qop: 'auth' | null;
  /** The nonce has only aged: the password was right. */
  readonly isStale: boolean;
  readonly isUserHashed: boolean;
}

/** What one answer to a challenge is made of. */
export interface DigestRequest {
  readonly method: string;
  /** Path and query, as in the request line. */
  readonly uri: string;
  readonly credentials: Credentials;
  /** How often this nonce has been used, this time included. */
  readonly count: number;
  /** Fresh random text of the client's own. */
  readonly clientNonce: string;
}

/** Longest header looked at, characters, and challenges in it. */
const maxHeader = 4096;
const maxChallenges = 8;

/**
 * The strongest challenge a server offers among `allowed`: digest with SHA-256, with MD5, then basic;
 * `null` when there is none that can be answered. Several headers and several challenges in one header
 * are alike (RFC 9110 §11.6.1).
 */
export function pickChallenge(
  header: string | readonly string[] | undefined,
  allowed: readonly AuthScheme[],
): Challenge | null {
  const text = (typeof header === 'string' ? header : (header ?? []).join(', ')).slice(0, maxHeader);
  const offered = parseChallenges(text).filter((it) => allowed.includes(it.scheme));
  return offered.sort((a, b) => strength(b) - strength(a))[0] ?? null;
}

const strength = (challenge: Challenge): number =>
  challenge.scheme === 'basic' ? 0 : challenge.algorithm.startsWith('SHA') ? 2 : 1;

/** The `realm` of the first challenge that has one; `''` when none has. It names the device. */
export function realmOf(header: string | readonly string[] | undefined): string {
  const text = (typeof header === 'string' ? header : (header ?? []).join(', ')).slice(0, maxHeader);
  const found = /\brealm\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,]+))/i.exec(text);
  return unquoted(found?.[1] ?? found?.[2] ?? '');
}

const schemeStart = /(?:^|,)\s*([A-Za-z][\w-]*)(?=\s+[\w-]+\s*=|\s*$)/g;
const parameter = /([\w-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]*))/g;

function parseChallenges(text: string): Challenge[] {
  // Quoted text may hold anything, commas and scheme names too: it is blanked while schemes are looked for.
  const bare = text.replace(/"(?:[^"\\]|\\.)*"/g, (quoted) => '"'.repeat(quoted.length));
  const starts = [...bare.matchAll(schemeStart)].slice(0, maxChallenges);
  return starts.flatMap((start, at) => {
    const from = (start.index ?? 0) + start[0].length;
    const challenge = toChallenge(start[1] ?? '', text.slice(from, starts[at + 1]?.index));
    return challenge === null ? [] : [challenge];
  });
}

function toChallenge(scheme: string, text: string): Challenge | null {
  const values = new Map<string, string>();
  for (const [, name, quoted, plain] of text.matchAll(parameter))
    values.set((name ?? '').toLowerCase(), unquoted(quoted ?? plain ?? ''));
  const common = { realm: values.get('realm') ?? '', nonce: '', opaque: null, qop: null } as const;
  const rest = { algorithm: 'MD5', isStale: false, isUserHashed: false } as const;
  if (/^basic$/i.test(scheme)) return { scheme: 'basic', ...common, ...rest };
  const nonce = values.get('nonce');
  const algorithm = algorithms.get((values.get('algorithm') ?? 'MD5').toUpperCase());
  if (!/^digest$/i.test(scheme) || nonce === undefined || algorithm === undefined) return null;
  const offered = values
    .get('qop')
    ?.toLowerCase()
    .split(/[\s,]+/);
  // `auth-int` alone would need the body's hash; no miner asks for it.
  if (offered !== undefined && !offered.includes('auth')) return null;
  return {
    scheme: 'digest',
    ...common,
    nonce,
    opaque: values.get('opaque') ?? null,
    algorithm,
    qop: offered === undefined ? null : 'auth',
    isStale: values.get('stale')?.toLowerCase() === 'true',
    isUserHashed: values.get('userhash')?.toLowerCase() === 'true',
  };
}

const algorithms = new Map<string, Challenge['algorithm']>([
  ['MD5', 'MD5'],
  ['MD5-SESS', 'MD5-sess'],
  ['SHA-256', 'SHA-256'],
  ['SHA-256-SESS', 'SHA-256-sess'],
]);

const unquoted = (text: string): string => text.replace(/\\(.)/g, '$1');
const quoted = (text: string): string => `"${text.replace(/["\\]/g, '\\$&')}"`;

/** The value of an `Authorization` header that answers a challenge (RFC 7616, RFC 7617). */
export function authorizationOf(challenge: Challenge, request: DigestRequest): string {
  const { username, password } = request.credentials;
  if (challenge.scheme === 'basic')
    return `Basic ${Buffer.from(`${username}:${password}`, 'utf8').toString('base64')}`;
  const { algorithm, realm, nonce, qop } = challenge;
  const hash = (text: string): string =>
    createHash(algorithm.startsWith('SHA') ? 'sha256' : 'md5')
      .update(text, 'utf8')
      .digest('hex');
  const count = request.count.toString(16).padStart(8, '0');
  const secret = hash(`${username}:${realm}:${password}`);
  const key = algorithm.endsWith('-sess') ? hash(`${secret}:${nonce}:${request.clientNonce}`) : secret;
  const target = hash(`${request.method}:${request.uri}`);
  const middle = qop === null ? nonce : `${nonce}:${count}:${request.clientNonce}:${qop}`;
  const name = challenge.isUserHashed ? hash(`${username}:${realm}`) : username;
  const parts = [
    `username=${quoted(name)}`,
    `realm=${quoted(realm)}`,
    `nonce=${quoted(nonce)}`,
    `uri=${quoted(request.uri)}`,
    `algorithm=${algorithm}`,
    `response="${hash(`${key}:${middle}:${target}`)}"`,
  ];
  if (challenge.opaque !== null) parts.push(`opaque=${quoted(challenge.opaque)}`);
  if (qop !== null) parts.push(`qop=${qop}`, `nc=${count}`);
  if (qop !== null || algorithm.endsWith('-sess')) parts.push(`cnonce=${quoted(request.clientNonce)}`);
  if (challenge.isUserHashed) parts.push('userhash=true');
  return `Digest ${parts.join(', ')}`;
}
