import { isIP } from 'node:net';

/**
 * A network as `address/bits` that PostgreSQL reads as `inet`; an address alone is a network of one.
 * Null when it is none.
 */
export function parseCidr(text: string): string | null {
  const [address = '', bits, more] = text.trim().split('/');
  const version = isIP(address);
  // A zone (`fe80::1%eth0`) is no network.
  if (version === 0 || more !== undefined || address.includes('%')) return null;
  const width = version === 4 ? 32 : 128;
  if (bits === undefined) return `${address}/${width}`;
  return /^\d{1,3}$/.test(bits) && Number(bits) <= width ? `${address}/${Number(bits)}` : null;
}
