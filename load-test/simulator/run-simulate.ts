import { parseFault, type Fault } from './faults.js';
import { mixNames, mixes, type Mix, type MixName } from './mix.js';
import { modelNames, type ModelName } from './models.js';
import { startSimulator, type Simulator } from './simulator.js';
import type { WebLogin } from './web-server.js';

/** Flags of `headframe simulate` and of `main.ts`, as text where a list is meant. */
export interface SimulateOptions {
  readonly host: string;
  readonly port: number;
  /** First address of the range. */
  readonly base: string;
  readonly count: number;
  readonly seed: number;
  readonly mix: MixName;
  /** Only these kinds of machine, in equal parts; empty takes those of the mix. */
  readonly models: readonly string[];
  /** `KIND=SHARE`, added to the faults of the mix. */
  readonly faults: readonly string[];
  /** `ADDRESS=KIND`. */
  readonly faultsAt: readonly string[];
  /** Port of web pages and of Whatsminer's API v3, on every address; null: none. */
  readonly httpPort: number | null;
  readonly framedPort: number | null;
  /** `NAME:PASSWORD` of web pages; the password is that of Whatsminers too. */
  readonly login: string;
  /** NDJSON file of every reply served and every write carried out, or null. */
  readonly groundTruth: string | null;
  readonly timeScale: number;
  /** Obey Whatsminer commands sent in the clear. */
  readonly whatsminerWrites: boolean;
}

export const defaultSimulateOptions: SimulateOptions = {
  host: '0.0.0.0',
  port: 4028,
  base: '127.20.0.1',
  count: 200,
  seed: 1,
  mix: 'demo',
  models: [],
  faults: [],
  faultsAt: [],
  httpPort: null,
  framedPort: null,
  login: 'root:root',
  groundTruth: null,
  timeScale: 1,
  whatsminerWrites: false,
};

/**
 * Runs a simulator until `signal` aborts; `print` gets one line of JSON, `{"listening": port, …}`,
 * when it takes connections, and `{"stopped": true, …}` with its counts when it has ended.
 *
 * @throws Error naming the wrong flag, or when the port is taken.
 */
export async function runSimulate(
  options: Partial<SimulateOptions>,
  signal: AbortSignal,
  print: (line: string) => void,
): Promise<void> {
  const full = { ...defaultSimulateOptions, ...options };
  check('count', full.count, Number.isInteger(full.count) && full.count >= 1);
  check('port', full.port, Number.isInteger(full.port) && full.port >= 0 && full.port <= 65_535);
  for (const [flag, port] of [
    ['http-port', full.httpPort],
    ['framed-port', full.framedPort],
  ] as const)
    if (port !== null) check(flag, port, Number.isInteger(port) && port >= 0 && port <= 65_535);
  check('seed', full.seed, Number.isInteger(full.seed));
  check('time-scale', full.timeScale, full.timeScale > 0);
  const simulator = await startFromOptions(full);
  const { addresses } = simulator;
  print(
    JSON.stringify({
      listening: simulator.port,
      ...(simulator.httpPort === null ? {} : { http: simulator.httpPort }),
      ...(simulator.framedPort === null ? {} : { framed: simulator.framedPort }),
      host: full.host,
      miners: addresses.length,
      first: addresses[0] ?? null,
      last: addresses.at(-1) ?? null,
      mix: full.mix,
      seed: full.seed,
    }),
  );
  if (!signal.aborted)
    await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
  await simulator.stop();
  print(JSON.stringify({ stopped: true, ...simulator.stats() }));
}

function check(flag: string, value: number, isValid: boolean): void {
  if (!isValid) throw new Error(`--${flag} cannot be ${value}`);
}

async function startFromOptions(options: SimulateOptions): Promise<Simulator> {
  return startSimulator({
    host: options.host,
    port: options.port,
    seed: options.seed,
    miners: { base: options.base, count: options.count },
    mix: buildMix(options),
    faults: Object.fromEntries(options.faultsAt.map((text) => readFaultAt(text))),
    httpPort: options.httpPort,
    framedPort: options.framedPort,
    login: readLogin(options.login),
    groundTruthPath: options.groundTruth,
    timeScale: options.timeScale,
    writes: { whatsminer: options.whatsminerWrites },
  });
}

function buildMix(options: SimulateOptions): Mix {
  if (!mixNames.includes(options.mix))
    throw new Error(`unknown mix ${options.mix}; known: ${mixNames.join(', ')}`);
  const named: Mix = mixes[options.mix];
  const added = options.faults.map((text) => {
    const [kind = '', share = ''] = text.split('=', 2);
    if (share === '' || !(Number(share) >= 0 && Number(share) <= 1))
      throw new Error(`a share is 0 to 1: ${text}`);
    return { fault: parseFault(kind), share: Number(share) };
  });
  const unknown = options.models.find((name) => !(modelNames as readonly string[]).includes(name));
  if (unknown !== undefined) throw new Error(`unknown model ${unknown}; known: ${modelNames.join(', ')}`);
  const models =
    options.models.length === 0
      ? named.models
      : Object.fromEntries(options.models.map((name) => [name as ModelName, 1]));
  return { models, faults: [...added, ...named.faults] };
}

function readLogin(text: string): WebLogin {
  const at = text.indexOf(':');
  if (at < 0) throw new Error(`a login is NAME:PASSWORD: ${text}`);
  return { username: text.slice(0, at), password: text.slice(at + 1) };
}

function readFaultAt(text: string): [string, Fault] {
  const [address = '', kind = ''] = text.split('=', 2);
  return [address, parseFault(kind)];
}
