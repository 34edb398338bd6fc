import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { CommandOrder } from '../src/domain/commands.js';
import { credentialsFor, type CredentialRule } from '../src/domain/credentials.js';
import { defaultHealthThresholds } from '../src/domain/health.js';
import { parseIp } from '../src/domain/ip-ranges.js';
import type { PollLimits } from '../src/domain/poll-task.js';
import { readMiner } from '../src/miner/read-miner.js';
import { familyByName } from '../src/miner/registry.js';
import { failed } from '../src/miner/writers/outcome.js';
import { runOrder } from '../src/miner/writers/registry.js';
import type { WriteOutcome } from '../src/miner/writers/writer.js';
import { createMinerIo, type WriteLimits } from './miner-io.js';
import { pollMiner, type SessionResult } from './miner-session.js';
import { TokenMemory } from './token-memory.js';

/** The miner an order is for, and what is known of it. */
export interface OrderTarget {
  /** IPv4 address. */
  readonly host: string;
  /** Of the CGMiner API. */
  readonly port: number;
  /** Of web interfaces, where the family has it at 80; 80 when absent. */
  readonly httpPort?: number | undefined;
  /** Of Whatsminer's API v3; 4433 when absent. */
  readonly framedPort?: number | undefined;
  /** As the last poll told it; `null`: it is asked first what it is. */
  readonly family: string | null;
  readonly model: string | null;
  /** What its interfaces may be logged into with. Secret. */
  readonly credentials: readonly CredentialRule[];
}

export interface OrderDeps {
  readonly limits: WriteLimits;
  /** Monotonic, ms. */
  readonly now: () => number;
  /** Wall clock, ms. */
  readonly wallNow: () => number;
  /** Tokens of earlier commands; the thread's own when absent. */
  readonly tokens?: TokenMemory;
  /** Called before every connection. */
  readonly onConnection?: () => void;
}

/** How an order ended, and what the miner was taken for. */
export interface OrderResult extends WriteOutcome {
  readonly family: string | null;
  readonly model: string | null;
}

const threadTokens = new TokenMemory();
/** Port of web interfaces that `OrderTarget.httpPort` stands in for. */
const webPort = 80;
const defaultFramedPort = 4433;
/** A miner that resets the connection is asked what it is so often in all, with so much between, ms. */
const maxLooks = 3;
const lookAgainMs = 300;
const isTurnedAway = ({ family, errorClass }: SessionResult): boolean =>
  family === null && errorClass === 'reset';

/**
 * Does one order on one miner: tells first what it is where that is not known, as polling does; then what
 * the family cannot do is rejected unsent, and the rest is done over one connection at a time under one
 * deadline. Never rejects.
 */
export async function executeOrder(
  order: CommandOrder,
  target: OrderTarget,
  deps: OrderDeps,
): Promise<OrderResult> {
  const began = deps.now();
  const known =
    target.family === null ? await tellFamily(target, deps) : { ...target, family: target.family };
  if ('status' in known) return { ...known, family: null, model: null };
  const { family, model } = known;
  const credentials = credentialsFor(target.credentials, family, parseIp(target.host) ?? 0);
  const leftMs = Math.max(1, deps.limits.deadlineMs - (deps.now() - began));
  const io = createMinerIo({
    host: target.host,
    port: target.port,
    httpPort: webPortOf(family, target),
    framedPort: target.framedPort ?? defaultFramedPort,
    credentials,
    limits: { ...deps.limits, deadlineMs: leftMs },
    now: deps.now,
    ...(deps.onConnection === undefined ? {} : { onConnection: deps.onConnection }),
  });
  const outcome = await runOrder(order, io, {
    family,
    model,
    credentials,
    nowMs: deps.wallNow(),
    randomHex: (bytes) => randomBytes(bytes).toString('hex'),
    tokens: (deps.tokens ?? threadTokens).slot(
      `${target.host}:${target.port} ${family}`,
      `${credentials?.username ?? ''}:${credentials?.password ?? ''}`,
    ),
  });
  return { ...outcome, family, model };
}

/** A family that is read over HTTP has its port; one read over the CGMiner API has its pages where webs are. */
function webPortOf(family: string, target: OrderTarget): number {
  const known = familyByName(family);
  if (known?.transport === 'http' && known.port === null) return target.port;
  const own = known?.transport === 'http' ? (known.port ?? webPort) : webPort;
  return own === webPort ? (target.httpPort ?? webPort) : own;
}

async function tellFamily(
  target: OrderTarget,
  deps: OrderDeps,
): Promise<{ readonly family: string; readonly model: string | null } | WriteOutcome> {
  const { limits } = deps;
  const endMs = deps.now() + limits.deadlineMs / 2;
  const look = async (): Promise<SessionResult> => {
    const session = await pollMiner({
      host: target.host,
      port: target.port,
      profile: {},
      limits: { ...onePoll, ...limits, minerDeadlineMs: Math.max(1, Math.ceil(endMs - deps.now())) },
      wantsIdentity: false,
      now: deps.now,
      httpPort: target.httpPort,
      credentials: target.credentials,
    });
    if (deps.onConnection !== undefined) for (let at = 0; at < session.connections; at++) deps.onConnection();
    return session;
  };
  let session = await look();
  // A miner that has just been talked to may turn the next one away. Nothing was written yet.
  for (
    let tries = 1;
    tries < maxLooks && isTurnedAway(session) && deps.now() + lookAgainMs < endMs;
    tries++
  ) {
    await delay(lookAgainMs);
    session = await look();
  }
  if (session.family === null) {
    const errorClass = session.errorClass ?? 'internal';
    return failed(1, `could not be told what it is (${errorClass}); nothing was sent`, errorClass);
  }
  const sample = readMiner(session.family, session.replies, {
    identity: null,
    thresholds: defaultHealthThresholds,
  });
  return { family: session.family.name, model: sample.identity.model };
}

/** What a single look needs of a poll's limits beside those of the command. */
const onePoll: Omit<PollLimits, 'connectTimeoutMs' | 'minerDeadlineMs' | 'maxReplyBytes' | 'quietMs'> = {
  flushMs: 60_000,
  maxBatchRows: 1,
  backoffMaxSlots: 1,
  scanSlots: 1,
  identityMs: 3_600_000,
  rawMs: 3_600_000,
  maxRawBytes: 1024,
  joins: 'never',
  http: 'auto',
};
