import { cpuS } from '../process-stats.js';
import { median } from '../report.js';

/** One pass over the farm, timed. */
export interface Round {
  readonly replies: number;
  readonly elapsedS: number;
  /** CPU time of this process, all threads: the poll or the bare loop, nothing else runs in it. */
  readonly cpuS: number;
  /** CPU time of the simulator; null where the system does not tell. */
  readonly simulatorCpuS: number | null;
}

/** Times one pass. */
export async function time(
  simulatorPid: number,
  pass: () => Promise<{ readonly replies: number }>,
): Promise<Round> {
  const simulatorBefore = cpuS(simulatorPid);
  const cpuBefore = process.cpuUsage();
  const began = performance.now();
  const { replies } = await pass();
  const elapsedS = (performance.now() - began) / 1000;
  const cpu = process.cpuUsage(cpuBefore);
  const simulatorAfter = cpuS(simulatorPid);
  return {
    replies,
    elapsedS,
    cpuS: (cpu.user + cpu.system) / 1e6,
    simulatorCpuS:
      simulatorBefore === null || simulatorAfter === null ? null : simulatorAfter - simulatorBefore,
  };
}

/** The medians of some rounds of one kind. */
export interface Summary {
  readonly repliesPerS: number;
  readonly repliesPerCpuS: number;
  /** Cores the process kept busy. */
  readonly cores: number;
  readonly simulatorCores: number | null;
}

export function summarise(rounds: readonly Round[]): Summary {
  const of = (pick: (round: Round) => number): number => median(rounds.map(pick));
  return {
    repliesPerS: of((round) => round.replies / round.elapsedS),
    repliesPerCpuS: of((round) => round.replies / round.cpuS),
    cores: of((round) => round.cpuS / round.elapsedS),
    simulatorCores: rounds.some((round) => round.simulatorCpuS === null)
      ? null
      : of((round) => (round.simulatorCpuS ?? 0) / round.elapsedS),
  };
}

/** Median of the quotients of rounds that ran one after the other: what drifts on the machine drops out. */
export function ratioOf(
  rounds: readonly Round[],
  baseline: readonly Round[],
  pick: (round: Round) => number,
): number {
  return median(rounds.map((round, index) => pick(round) / pick(baseline[index] as Round)));
}

/** Who kept the cores busy, in words. */
export function describeBusy({ cores, simulatorCores }: Summary): string {
  const simulator = simulatorCores === null ? '' : `, simulator ${simulatorCores.toFixed(2)}`;
  return `cores busy: ${cores.toFixed(2)}${simulator}`;
}
