import type { Request } from 'express';

/** What a proxy says of whom it speaks for. */
const forwardingHeaders = [
  'forwarded',
  'via',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-proto',
  'x-real-ip',
];

/** True for a program on this machine. A proxy on it speaks for others: what it forwards is not local. */
export function isLocal(request: Request): boolean {
  const address = request.socket.remoteAddress ?? '';
  const isLoopback = address === '::1' || /^(::ffff:)?127\./.test(address);
  return isLoopback && forwardingHeaders.every((name) => request.headers[name] === undefined);
}

/** False for a name that a page of elsewhere may have made to point here. */
export function isLocalName(request: Request): boolean {
  return /^(localhost|127(\.\d{1,3}){3}|\[::1\])(:\d+)?$/i.test(request.headers.host ?? '');
}

/**
 * True unless a page of another origin sends the request. Browsers say so themselves (`Sec-Fetch-Site`), and
 * send `Origin` with all but a plain read; programs send neither. JSON is asked for, since no form can send it.
 */
export function isFromOwnPage(request: Request): boolean {
  const { origin, 'content-type': type, 'sec-fetch-site': site } = request.headers;
  const isJson = request.method === 'DELETE' || /^application\/json\b/i.test(type ?? '');
  const isSameSite = site === undefined || site === 'same-origin' || site === 'none';
  // As the proxy was asked for, where one is trusted.
  const isSameOrigin = origin === undefined || origin.replace(/^https?:\/\//, '') === hostOf(request);
  return isJson && isSameSite && isSameOrigin;
}

/** The name this was asked for under, with its port: as a trusted proxy says, or the request itself. */
function hostOf(request: Request): string {
  return request.host ?? '';
}
