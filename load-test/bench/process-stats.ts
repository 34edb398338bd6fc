import { readFileSync } from 'node:fs';

/** Ticks of the kernel's clock per second: 100 on every Linux that Node.js runs on. */
const ticksPerS = 100;

/** CPU time a process has used, all its threads, s; null when the system does not tell. */
export function cpuS(pid: number): number | null {
  const stat = readProc(`${pid}/stat`);
  if (stat === null) return null;
  // The name in parentheses may hold spaces; fields 14 and 15 are user and system time.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / ticksPerS;
}

/** Memory of a process, MB (10⁶ bytes). */
export interface Memory {
  readonly nowMb: number;
  /** The most it ever had. */
  readonly peakMb: number;
}

/** Resident memory of a process; null when the system does not tell or the process is gone. */
export function memoryOf(pid: number): Memory | null {
  const status = readProc(`${pid}/status`);
  const now = /^VmRSS:\s+(\d+) kB/m.exec(status ?? '')?.[1];
  const peak = /^VmHWM:\s+(\d+) kB/m.exec(status ?? '')?.[1];
  return now === undefined || peak === undefined
    ? null
    : { nowMb: (Number(now) * 1024) / 1e6, peakMb: (Number(peak) * 1024) / 1e6 };
}

function readProc(path: string): string | null {
  try {
    return readFileSync(`/proc/${path}`, 'utf8');
  } catch {
    return null;
  }
}
