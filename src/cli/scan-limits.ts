import { readdirSync, readFileSync } from 'node:fs';

/** Sockets of a scan, by what they are for. */
export interface ScanBudget {
  /** Connections being tried at once. */
  readonly sweep: number;
  /** Miners being read at once. */
  readonly identify: number;
}

/** What is assumed where the system does not tell. */
const assumedLimit = 1024;
/** Descriptors left for everything else: files, name service, threads. */
const headroom = 64;
/** Miners read at once at most; more gain nothing, for each takes its time. */
const maxIdentify = 256;

/** How many descriptors this process may open, less those it has open. */
export function freeDescriptors(): number {
  try {
    const limit = /^Max open files\s+(\d+|unlimited)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1];
    const soft = limit === 'unlimited' ? 2 ** 20 : Number(limit ?? assumedLimit);
    return Math.max(1, soft - readdirSync('/proc/self/fd').length);
  } catch {
    return assumedLimit - headroom;
  }
}

/** Splits `wanted` sockets between trying and reading, within `free` descriptors, leaving some alone. */
export function planBudget(wanted: number, free: number): ScanBudget {
  const usable = Math.max(2, free - headroom);
  const identify = Math.max(1, Math.min(maxIdentify, wanted, Math.floor(usable / 4)));
  return { sweep: Math.max(1, Math.min(wanted, usable - identify)), identify };
}
