import type { HealthThresholds } from '../domain/health.js';
import type { PollLimits } from '../domain/poll-task.js';
import type { MinerSample, PollErrorClass } from '../domain/telemetry.js';
import { readMiner, unreachableSample } from '../miner/read-miner.js';
import type { Profile } from '../miner/profile.js';
import { families } from '../miner/registry.js';
import { pollMiner, type SessionResult } from '../../workers/miner-session.js';

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
 * everything counts that takes connections; elsewhere only what a family of that port knows for its own.
 */
export async function identify(
  address: string,
  port: number,
  options: IdentifyOptions,
): Promise<Finding | null> {
  if (port === options.mainPort)
    return toFinding(address, port, await poll(address, port, {}, options), options);
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
