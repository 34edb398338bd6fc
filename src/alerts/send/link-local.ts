import { BlockList, isIP, type LookupFunction } from 'node:net';

/** Code of the error of a connection to an address that is refused. */
export const refusedAddressCode = 'ADDRESS_REFUSED';

/**
 * Networks nobody sends notices to: of one link alone, where clouds tell a machine its own secrets. Addresses of
 * a farm's own networks are fine.
 */
const linkLocal = new BlockList();
linkLocal.addSubnet('169.254.0.0', 16, 'ipv4');
linkLocal.addSubnet('fe80::', 10, 'ipv6');

/** True for a host of a URL that is an address of one link, however it is written. */
export function isLinkLocal(host: string): boolean {
  const address = host.replace(/^\[|\]$/g, '');
  const version = isIP(address);
  return version !== 0 && linkLocal.check(address, version === 4 ? 'ipv4' : 'ipv6');
}

/** A lookup of names that fails where one of the addresses found is of one link. */
export function withoutLinkLocal(lookup: LookupFunction): LookupFunction {
  return (name, options, done) =>
    lookup(name, options, (error, address, family) => {
      const found = typeof address === 'string' ? [address] : (address ?? []).map((it) => it.address);
      if (error !== null || !found.some(isLinkLocal)) return done(error, address, family);
      done(Object.assign(new Error('a link-local address'), { code: refusedAddressCode }), '', 0);
    });
}
