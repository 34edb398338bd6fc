/** A Redis and how its certificate is checked. */
export interface RedisTarget {
  /** `redis://` or `rediss://`, with the password in it. Secret. */
  readonly url: string;
  /** Certificates to trust, PEM, in place of the system's; null: the system's. */
  readonly ca: string | null;
}

/** What a client of a `rediss://` URL needs beside it; nothing for one in clear. */
export function tlsOf({ url, ca }: RedisTarget): { readonly tls?: { readonly ca?: string } } {
  if (!url.startsWith('rediss:')) return {};
  return { tls: ca === null ? {} : { ca } };
}

/** Delay before connection attempt number `times`, ms: a Redis that is back is found within a second. */
export const reconnectMs = (times: number): number => Math.min(1_000, 50 * 2 ** times);
