import type { AlertScope, MaintenanceWindow, ScopeFacts } from '../domain/alerts.js';
import { parseIp } from '../domain/ip-ranges.js';

/** True when the target is within the scope; a site itself only when the scope names no miners. */
export function isInScope(scope: AlertScope, target: ScopeFacts): boolean {
  if (scope.site_id !== null && scope.site_id !== target.siteId) return false;
  if (scope.miner !== null && scope.miner !== target.minerKey) return false;
  if (scope.model !== null && !(target.model ?? '').toLowerCase().includes(scope.model.toLowerCase()))
    return false;
  return scope.subnet === null || isWithin(scope.subnet, target.ip);
}

/** True while a maintenance window over the target lasts. */
export function isSilenced(
  windows: readonly MaintenanceWindow[],
  target: ScopeFacts,
  nowMs: number,
): boolean {
  return windows.some(
    (window) =>
      Date.parse(window.starts_at) <= nowMs &&
      nowMs < Date.parse(window.ends_at) &&
      isInScope(window, target),
  );
}

/** The /24 of an IPv4 address; null for anything else. */
export function subnetOf(ip: string | null): string | null {
  if (ip === null || parseIp(ip) === null) return null;
  return `${ip.slice(0, ip.lastIndexOf('.'))}.0/24`;
}

function isWithin(cidr: string, ip: string | null): boolean {
  const [base = '', bits = '32'] = cidr.split('/');
  const [network, address] = [parseIp(base), ip === null ? null : parseIp(ip)];
  if (network === null || address === null) return false;
  const size = 2 ** (32 - Number(bits));
  return Math.floor(network / size) === Math.floor(address / size);
}
