/** Which addresses are miners: a list, or `count` host addresses from `base` on. */
export type Addresses =
  { readonly addresses: readonly string[] } | { readonly base: string; readonly count: number };

/**
 * The addresses, in order. A range leaves out last octets 0 and 255, so that a CIDR of the same size
 * read by anyone meets no surprise.
 *
 * @throws Error when the base is no IPv4 address or the range passes its end.
 */
export function listAddresses(miners: Addresses): string[] {
  if ('addresses' in miners) return [...miners.addresses];
  const octets = miners.base.split('.').map(Number);
  if (octets.length !== 4 || octets.some((octet) => !Number.isInteger(octet) || octet < 0 || octet > 255)) {
    throw new Error(`not an IPv4 address: ${miners.base}`);
  }
  const [a = 0, b = 0, c = 0, d = 0] = octets;
  const list: string[] = [];
  for (let next = ((a << 24) | (b << 16) | (c << 8) | d) >>> 0; list.length < miners.count; next++) {
    if (next > 0xffff_ffff) throw new Error(`${miners.count} addresses from ${miners.base} pass the end`);
    const last = next & 255;
    if (last !== 0 && last !== 255)
      list.push(`${next >>> 24}.${(next >>> 16) & 255}.${(next >>> 8) & 255}.${last}`);
  }
  return list;
}
