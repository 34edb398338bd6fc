import type { HealthThresholds } from '../domain/health.js';
import type { PollLimits } from '../domain/poll-task.js';
import type { MinerSample, PollErrorClass } from '../domain/telemetry.js';
import { decodeReply } from '../miner/decode-reply.js';
import { readMiner, unreachableSample } from '../miner/read-miner.js';
import type { Profile } from '../miner/profile.js';
import { families, identifyFamily } from '../miner/registry.js';
import { pollMiner, type SessionResult } from '../../workers/miner-session.js';
import { exchange } from '../../workers/tcp-exchange.js';

/** Something that answers on a port of an address. */
export interface Finding {
  /** IPv4. */
  readonly address: string;
  readonly port: number;
  readonly sample: MinerSample;
  readonly errorClass: PollErrorClass | null;
  readonly elapsedMs: number;
}

export interface IdentifyOptions {
  /** The CGMiner port: whatever listens there is told of, miner or not. */
  readonly mainPort: number;
  readonly limits: PollLimits;
  readonly thresholds: HealthThresholds;
}

/** Ports on which some family answers besides the CGMiner port. */
export function furtherPorts(mainPort: number): number[] {
  const ports = families.flatMap(({ port }) => (port === null || port === mainPort ? [] : [port]));
  return [...new Set(ports)];
}

/**
 * Reads what listens on one port, as a poll would; `null` when that is no miner. On the CGMiner port
 * everything counts that keeps a connection; elsewhere only what a family of that port knows for its own.
 */
export async function identify(
  address: string,
  port: number,
  options: IdentifyOptions,
): Promise<Finding | null> {
  if (port === options.mainPort) {
    const session = await poll(address, port, {}, options);
    if (session.replies.size > 0 || session.errorClass !== 'reset')
      return toFinding(address, port, session, options);
    return (await isDenied(address, port, options)) ? toDenied(address, port, session, options) : null;
  }
  for (const family of families.filter((it) => it.port === port)) {
    const session = await poll(address, port, { family: family.name }, options);
    if (session.replies.size > 0 && family.matches(session.replies))
      return toFinding(address, port, { ...session, family }, options);
  }
  return null;
}

/** A busy system may have no socket just now; that says nothing of the miner. */
const triesForSocket = 3;

async function poll(
  host: string,
  port: number,
  profile: Profile,
  { limits }: IdentifyOptions,
): Promise<SessionResult> {
  for (let tries = 1; ; tries += 1) {
    const session = await pollMiner({
      host,
      port,
      profile: { ...profile },
      limits,
      wantsIdentity: true,
      now: () => performance.now(),
    });
    if (session.errorClass !== 'internal' || session.hasConnected || tries === triesForSocket) return session;
  }
}

function toFinding(
  address: string,
  port: number,
  session: SessionResult,
  { thresholds }: IdentifyOptions,
): Finding {
  const { family, replies, errorClass, elapsedMs } = session;
  const sample =
    family === null || replies.size === 0
      ? unreachableSample(errorClass ?? 'deadline', 'it takes connections and does not answer')
      : readMiner(family, replies, { identity: null, thresholds });
  return { address, port, sample, errorClass, elapsedMs };
}

/**
 * A cgminer that refuses an address closes without reading, and the request it left unread turns the close
 * into a reset. To one that asks nothing it is an orderly close; other resets are no miner's.
 */
async function isDenied(host: string, port: number, { limits }: IdentifyOptions): Promise<boolean> {
  const { connectTimeoutMs, minerDeadlineMs, maxReplyBytes, quietMs } = limits;
  const deadlineMs = Math.min(minerDeadlineMs, 2 * connectTimeoutMs);
  const result = await exchange({
    host,
    port,
    request: '',
    connectTimeoutMs,
    deadlineMs,
    maxReplyBytes,
    quietMs,
  });
  return result.kind === 'reply' && result.bytes.length === 0;
}

function toDenied(
  address: string,
  port: number,
  session: SessionResult,
  { thresholds }: IdentifyOptions,
): Finding {
  const replies = new Map([['version', decodeReply('version', Buffer.alloc(0))]]);
  const sample = readMiner(identifyFamily(replies), replies, { identity: null, thresholds });
  return { address, port, sample, errorClass: 'access_denied', elapsedMs: session.elapsedMs };
}
