import { getSystemErrorName } from 'node:util';

/** Said of a receiver that did not answer within `alerts.delivery_timeout_ms`, whichever part of it waited. */
export const noAnswerInTime = 'no answer in time';

/**
 * What operators read, by the code of an error: of the system, of TLS, of the HTTP client, of the mail client.
 * Several codes of one fault have one text, for which of them comes is a matter of milliseconds.
 */
const texts: ReadonlyMap<string, string> = new Map(
  Object.entries({
    'connection refused': ['ECONNREFUSED'],
    'connection broken': ['ECONNRESET', 'EPIPE', 'ECONNABORTED', 'UND_ERR_SOCKET', 'UND_ERR_CLOSED'],
    [noAnswerInTime]: [
      'ETIMEDOUT',
      'UND_ERR_CONNECT_TIMEOUT',
      'UND_ERR_HEADERS_TIMEOUT',
      'UND_ERR_BODY_TIMEOUT',
      'UND_ERR_ABORTED',
    ],
    'no such host': ['ENOTFOUND', 'EDNS'],
    'the name of the host could not be looked up': ['EAI_AGAIN'],
    'no way to its network': ['EHOSTUNREACH', 'ENETUNREACH', 'EADDRNOTAVAIL'],
    'its certificate is not trusted': [
      'DEPTH_ZERO_SELF_SIGNED_CERT',
      'SELF_SIGNED_CERT_IN_CHAIN',
      'UNABLE_TO_GET_ISSUER_CERT',
      'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
      'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
      'CERT_UNTRUSTED',
      'ERR_TLS_CERT_ALTNAME_INVALID',
    ],
    'its certificate is out of date': ['CERT_HAS_EXPIRED', 'CERT_NOT_YET_VALID'],
    'no TLS there': ['ETLS', 'ERR_SSL_WRONG_VERSION_NUMBER', 'EPROTO'],
    'the login was refused': ['EAUTH', 'ENOAUTH'],
    'the answer is no SMTP': ['EPROTOCOL'],
  }).flatMap(([text, codes]) => codes.map((code) => [code, text] as const)),
);

/** In words, and by code only: an error's own text may hold the address, which may be a secret. */
export function faultText(error: unknown): string {
  const { code, errno, name } = error as { code?: unknown; errno?: unknown; name?: unknown };
  if (name === 'TimeoutError' || name === 'AbortError') return noAnswerInTime;
  // The mail client puts one code of its own over those of the system.
  const codes = [code, typeof errno === 'number' && errno < 0 ? getSystemErrorName(errno) : null];
  for (const known of codes) {
    const text = typeof known === 'string' ? texts.get(known) : undefined;
    if (text !== undefined) return text;
  }
  return name === 'HTTPParserError' ? 'the answer is no HTTP' : 'connection failed';
}
