import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { uptime } from 'node:os';

/** A moment of a clock that no one can set. Only moments of one boot can be compared. */
export interface BootMoment {
  readonly boot: string;
  readonly ms: number;
}

/** Reads a clock that counts from the start of the machine, across processes, also while it is suspended. */
export type BootClock = () => BootMoment;

/** The machine's own; where it does not tell its boots apart, each process is one. */
export function createBootClock(): BootClock {
  let boot: string;
  try {
    boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  } catch {
    boot = randomUUID();
  }
  return () => ({ boot, ms: Math.round(uptime() * 1_000) });
}

/** How long after `since` it is, ms; null when the machine was started in between. */
export const elapsedMs = (now: BootMoment, since: BootMoment): number | null =>
  now.boot === since.boot ? now.ms - since.ms : null;
