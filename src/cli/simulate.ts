import type { MixName } from '../../load-test/simulator/mix.js';
import { runSimulate } from '../../load-test/simulator/run-simulate.js';

/** The flags of `headframe simulate`. */
export interface SimulateFlags {
  readonly host: string;
  readonly port: number;
  readonly base: string;
  readonly count: number;
  readonly seed: number;
  readonly mix: MixName;
  readonly models?: string;
  readonly fault?: readonly string[];
  readonly faultAt?: readonly string[];
  readonly httpPort?: number;
  readonly framedPort?: number;
  readonly login: string;
  readonly groundTruth?: string;
  readonly timeScale: number;
}

/**
 * `headframe simulate`: runs until SIGINT or SIGTERM. A flag the simulator cannot take goes to `refuse`;
 * exit code 1 when it cannot listen or write.
 */
export async function simulate(
  flags: SimulateFlags,
  io: { readonly print: (line: string) => void; readonly refuse: (message: string) => never },
): Promise<number> {
  const abort = new AbortController();
  for (const name of ['SIGTERM', 'SIGINT'] as const) process.once(name, () => abort.abort());
  try {
    await runSimulate(
      {
        host: flags.host,
        port: flags.port,
        base: flags.base,
        count: flags.count,
        seed: flags.seed,
        mix: flags.mix,
        models: flags.models?.split(',') ?? [],
        faults: flags.fault ?? [],
        faultsAt: flags.faultAt ?? [],
        httpPort: flags.httpPort ?? null,
        framedPort: flags.framedPort ?? null,
        login: flags.login,
        groundTruth: flags.groundTruth ?? null,
        timeScale: flags.timeScale,
      },
      abort.signal,
      io.print,
    );
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === undefined) io.refuse(message);
    process.stderr.write(`headframe: simulate: ${message}\n`);
    return 1;
  }
  return 0;
}
