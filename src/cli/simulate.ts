import type { MixName } from '../../load-test/simulator/mix.js';
import { runSimulate } from '../../load-test/simulator/run-simulate.js';
import { AppError } from '../domain/errors.js';

/** `headframe simulate`: runs until SIGINT or SIGTERM. Answers the exit code. */
export async function simulate(
  flags: {
    readonly host: string;
    readonly port: string;
    readonly base: string;
    readonly count: string;
    readonly seed: string;
    readonly mix: string;
    readonly models?: string;
    readonly fault: readonly string[];
    readonly faultAt: readonly string[];
    readonly groundTruth?: string;
    readonly timeScale: string;
  },
  print: (line: string) => void,
): Promise<number> {
  const abort = new AbortController();
  for (const name of ['SIGTERM', 'SIGINT'] as const) process.once(name, () => abort.abort());
  try {
    await runSimulate(
      {
        host: flags.host,
        port: Number(flags.port),
        base: flags.base,
        count: Number(flags.count),
        seed: Number(flags.seed),
        mix: flags.mix as MixName,
        models: flags.models?.split(',') ?? [],
        faults: flags.fault,
        faultsAt: flags.faultAt,
        groundTruth: flags.groundTruth ?? null,
        timeScale: Number(flags.timeScale),
      },
      abort.signal,
      print,
    );
  } catch (error) {
    throw new AppError('CONFIG_INVALID', `simulate: ${(error as Error).message}`, { cause: error });
  }
  return 0;
}
