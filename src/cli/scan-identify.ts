import type { CredentialRule } from '../domain/credentials.js';
import type { HealthThresholds } from '../domain/health.js';
import type { PollLimits } from '../domain/poll-task.js';
import type { MinerSample, PollErrorClass } from '../domain/telemetry.js';
import { decodeReply } from '../miner/decode-reply.js';
import type { Family } from '../miner/family.js';
import type { Profile } from '../miner/profile.js';
import { readMiner, unreachableSample } from '../miner/read-miner.js';
import { families, identifyFamily } from '../miner/registry.js';
import { pollMiner, type SessionResult } from '../../workers/miner-session.js';
import { exchange } from '../../workers/tcp-exchange.js';
import { lookAtPage } from '../../workers/web-client.js';

/** Something that answers on a port of an address. */
export interface Finding {
  /** IPv4. */
  readonly address: string;
  readonly port: number;
  readonly sample: MinerSample;
  readonly errorClass: PollErrorClass | null;
  readonly elapsedMs: number;
}

/** How miners are asked. */
export interface IdentifyOptions {
  /** The CGMiner port: whatever keeps a connection there is told of, miner or not. */
  readonly port: number;
  /** The port of web interfaces. */
  readonly httpPort: number;
  readonly limits: PollLimits;
  readonly thresholds: HealthThresholds;
  /** Secret. */
  readonly credentials: readonly CredentialRule[];
}

/** The port of web interfaces in `Family.port`, which `IdentifyOptions.httpPort` stands in for. */
const webPort = 80;

function portOf({ port }: Family, options: { readonly port: number; readonly httpPort: number }): number {
  return port === null ? options.port : port === webPort ? options.httpPort : port;
}

/** Ports on which some family answers besides the CGMiner port. */
export function furtherPorts(port: number, httpPort: number): number[] {
  const ports = new Set(families.map((family) => portOf(family, { port, httpPort })));
  ports.delete(port);
  return [...ports];
}

/**
 * Reads what listens on the open ports of one address, one after the other. On the CGMiner port everything
 * counts that keeps a connection, elsewhere what a family knows for its own. A machine that answers on
 * several ports is one finding; machines that tell themselves apart (another MAC, serial or maker) are several.
 */
export async function identifyHost(
  address: string,
  open: readonly number[],
  options: IdentifyOptions,
): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const port of open) {
    const finding =
      port === options.port
        ? await identifyMain(address, options)
        : await identifyElsewhere(address, port, options);
    if (finding !== null && !findings.some((known) => isSameMachine(known, finding))) findings.push(finding);
  }
  const read = findings.filter(({ sample }) => sample.state !== 'unreachable');
  return read.length > 0 ? read : findings;
}

async function identifyMain(address: string, options: IdentifyOptions): Promise<Finding | null> {
  const session = await poll(address, options.port, {}, options);
  const port = session.family === null ? options.port : portOf(session.family, options);
  if (session.replies.size > 0 || session.errorClass !== 'reset')
    return toFinding(address, port, session, options);
  return (await isDenied(address, options)) ? toDenied(address, session, options) : null;
}

/** One page tells which families may answer there; the answers to their own commands decide. */
async function identifyElsewhere(
  address: string,
  port: number,
  options: IdentifyOptions,
): Promise<Finding | null> {
  const here = families.filter((family) => family.port !== null && portOf(family, options) === port);
  const { connectTimeoutMs, minerDeadlineMs, maxReplyBytes } = options.limits;
  const endMs = performance.now() + minerDeadlineMs;
  const page = here.some((family) => family.web !== undefined)
    ? await lookAtPage({
        host: address,
        port,
        connectTimeoutMs,
        maxReplyBytes,
        remainingMs: () => endMs - performance.now(),
        onConnection: () => undefined,
      })
    : null;
  const isLikely = ({ web }: Family): boolean =>
    web === undefined || (page !== null && !('kind' in page) && web.recognises(page));
  for (const family of here.filter(isLikely)) {
    const session = await poll(address, port, { family: family.name }, options);
    if (session.replies.size === 0) continue;
    if (family.matches(session.replies) || session.errorClass === 'wrong_password')
      return toFinding(address, port, { ...session, family }, options);
  }
  return null;
}

/** Two answers of one address are one machine's unless they tell of two. */
function isSameMachine(a: Finding, b: Finding): boolean {
  const [x, y] = [a.sample.identity, b.sample.identity];
  if (a.sample.state === 'unreachable') return false;
  if (x.mac !== null && y.mac !== null) return x.mac === y.mac;
  if (x.serial !== null && y.serial !== null) return x.serial === y.serial;
  if (x.vendor === null || y.vendor === null) return true;
  return x.vendor.toLowerCase() === y.vendor.toLowerCase();
}

/** A busy system may have no socket just now; that says nothing of the miner. */
const triesForSocket = 3;

async function poll(
  host: string,
  port: number,
  profile: Profile,
  { limits, credentials, httpPort, port: mainPort }: IdentifyOptions,
): Promise<SessionResult> {
  for (let tries = 1; ; tries += 1) {
    const session = await pollMiner({
      host,
      port,
      profile: { ...profile },
      limits,
      wantsIdentity: true,
      now: () => performance.now(),
      credentials,
      httpPort: port === mainPort ? httpPort : port,
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
async function isDenied(host: string, { port, limits }: IdentifyOptions): Promise<boolean> {
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
  { elapsedMs }: SessionResult,
  { port, thresholds }: IdentifyOptions,
): Finding {
  const replies = new Map([['version', decodeReply('version', Buffer.alloc(0))]]);
  const sample = readMiner(identifyFamily(replies), replies, { identity: null, thresholds });
  return { address, port, sample, errorClass: 'access_denied', elapsedMs };
}
