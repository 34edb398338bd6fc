import {
  startSimulator,
  type Simulator,
  type SimulatorOptions,
} from '../../load-test/simulator/simulator.js';
import type { CommandOrder } from '../../src/domain/commands.js';
import type { CredentialRule } from '../../src/domain/credentials.js';
import { defaultHealthThresholds } from '../../src/domain/health.js';
import type { MinerSample } from '../../src/domain/telemetry.js';
import { readMiner } from '../../src/miner/read-miner.js';
import {
  executeOrder,
  type OrderDeps,
  type OrderResult,
  type OrderTarget,
} from '../../workers/execute-order.js';
import { createMinerIo } from '../../workers/miner-io.js';
import { pollMiner } from '../../workers/miner-session.js';
import { TokenMemory } from '../../workers/token-memory.js';
import { testLimits } from './poll.js';

/** Orders are short: they carry no parameters but those of their kind. */
export const bare = (kind: 'enable' | 'disable' | 'restart' | 'reboot'): CommandOrder => ({
  kind,
  params: {},
});
export const poolOrder = (pool_url: string, pool_user = 'farm.1', pool_password?: string): CommandOrder => ({
  kind: 'set_pool',
  params: { pool_url, pool_user, ...(pool_password === undefined ? {} : { pool_password }) },
});
export const fanOrder = (speed: number): CommandOrder => ({ kind: 'set_fan', params: { speed } });
export const mhzOrder = (frequency: number): CommandOrder => ({
  kind: 'set_frequency',
  params: { frequency },
});
export const percentOrder = (percent: number): CommandOrder => ({
  kind: 'set_frequency',
  params: { percent },
});

export const login = { username: 'root', password: 'correct horse' };
export const rules = (more: Partial<CredentialRule> = {}): CredentialRule[] => [
  { family: null, ranges: null, ...login, ...more },
];
export const writeLimits = {
  connectTimeoutMs: 500,
  deadlineMs: 3_000,
  maxReplyBytes: 1_048_576,
  quietMs: 100,
};

/** For orders that are not answered. */
export const shortLimits = { ...writeLimits, connectTimeoutMs: 300, deadlineMs: 900 };

/** A simulated miner on real sockets, with a clock that the test moves. */
export interface OrderRig {
  readonly simulator: Simulator;
  readonly host: string;
  /** Connections of the orders so far. */
  readonly connections: () => number;
  order(order: CommandOrder, more?: Partial<OrderTarget>, deps?: Partial<OrderDeps>): Promise<OrderResult>;
  /** What it answers to one request of the CGMiner API. */
  ask(request: string): Promise<string>;
  /** The next poll's reading. */
  poll(): Promise<MinerSample>;
  /** Lets the simulated time pass, s. */
  pass(seconds: number): void;
  /** What the miner carried out: the commands as it knows them. */
  done(): string[];
}

export async function startOrderRig(
  model: NonNullable<SimulatorOptions['models']>[string],
  options: Partial<SimulatorOptions> & { host: string },
): Promise<OrderRig> {
  const { host: miner, ...rest } = options;
  let aheadMs = 0;
  const simulator = await startSimulator({
    seed: 7,
    miners: { addresses: [miner] },
    models: { [miner]: model },
    httpPort: 0,
    framedPort: 0,
    login,
    clock: () => Date.now() + aheadMs,
    timing: { restartS: 5, rebootS: 20, startingS: 30 },
    ...rest,
  });
  const tokens = new TokenMemory();
  const now = () => performance.now();
  let connections = 0;
  const target = {
    host: miner,
    port: simulator.port,
    httpPort: simulator.httpPort ?? undefined,
    framedPort: simulator.framedPort ?? undefined,
  };
  return {
    simulator,
    host: miner,
    connections: () => connections,
    order: (order, more = {}, deps = {}) =>
      executeOrder(
        order,
        { ...target, family: null, model: null, credentials: rules(), ...more },
        { limits: writeLimits, now, wallNow: Date.now, tokens, onConnection: () => connections++, ...deps },
      ),
    async ask(request) {
      const ports = { httpPort: 9, framedPort: 9 };
      const io = createMinerIo({ ...target, ...ports, credentials: null, limits: writeLimits, now });
      const answer = await io.cgminer(request);
      return answer.kind === 'answer' ? answer.text : '';
    },
    async poll() {
      const session = await pollMiner({
        ...target,
        profile: {},
        limits: { ...testLimits, http: 'auto' },
        wantsIdentity: true,
        now,
        credentials: rules(),
      });
      if (session.family === null) throw new Error(`no answer: ${session.errorClass}`);
      return readMiner(session.family, session.replies, {
        identity: null,
        thresholds: defaultHealthThresholds,
      });
    },
    pass: (seconds) => {
      aheadMs += seconds * 1000;
    },
    done: () => simulator.writes().map(({ write }) => write),
  };
}
