import { hasCredentials } from '../src/domain/credentials.js';
import { parseIp } from '../src/domain/ip-ranges.js';
import type { Family } from '../src/miner/family.js';
import { families } from '../src/miner/registry.js';
import type { Session } from './miner-session.js';

/** A known miner must have been refused so often before it is looked for elsewhere: it may just restart. */
const patience = 2;

/** A miner read in another way is tried by the CGMiner API whenever its identity is asked for. */
export function shouldSeekCgminer(session: Session): boolean {
  const { limits, wantsIdentity, port } = session.options;
  return session.transport !== 'cgminer' && wantsIdentity && limits.http === 'auto' && session.port !== port;
}

/**
 * Leaves the CGMiner API's first answers for `Session.run` when it tells anything, and all as it was
 * otherwise. Costs at most a connect timeout.
 */
export async function seekCgminer(session: Session): Promise<void> {
  const before = session.learned;
  const { connectTimeoutMs, minerDeadlineMs } = session.options.limits;
  session.begin(null);
  session.endAt(Math.min(connectTimeoutMs, minerDeadlineMs));
  await session.detect();
  session.endAt(minerDeadlineMs);
  if (!session.hasReading()) session.restore(before);
}

/** Whether the miner may answer in another way than the one tried: it is there, and told nothing. */
export function shouldLookElsewhere(session: Session): boolean {
  const { limits, profile, now } = session.options;
  if (limits.http !== 'auto' || session.hasReading() || session.remainingMs() <= 0) return false;
  if (reasonOf(session) === null) return false;
  const isKnown = profile.family !== undefined;
  if (isKnown && session.learned.replies.size === 0) return (profile.failures ?? 0) >= patience;
  return !isKnown || now() - (profile.lookedAt ?? -Infinity) >= limits.identityMs;
}

/**
 * Why it may: the connection was refused (the host is alive), HTTP came back on the CGMiner port, or the
 * API is denied and there are credentials for another way.
 */
function reasonOf(session: Session): 'refused' | 'http' | 'denied' | null {
  const { host, credentials } = session.options;
  const { errorClass, replies, raw } = session.learned;
  if (errorClass === 'wrong_password') return null;
  if (replies.size === 0) return errorClass === 'connect_refused' ? 'refused' : null;
  if (session.transport !== 'cgminer') return 'refused';
  for (const bytes of raw.values()) if (bytes.toString('latin1', 0, 5) === 'HTTP/') return 'http';
  for (const reply of replies.values()) if (reply.kind !== 'denied') return null;
  return hasCredentials(credentials ?? [], parseIp(host) ?? 0) ? 'denied' : null;
}

/** Looks for another way to read the miner, and reads it; leaves all as it was when there is none. */
export async function lookElsewhere(session: Session): Promise<void> {
  const { profile, now } = session.options;
  const reason = reasonOf(session);
  const before = session.learned;
  profile.lookedAt = now();
  if (session.transport !== 'cgminer') {
    session.begin(null);
    await session.run();
    if (session.hasReading()) return;
  }
  const found = await seekOtherwise(session, reason === 'http');
  if (found === null) session.restore(before);
  else await session.run(found);
}

/**
 * The family that answers over HTTP or by frames, its first answers in the session. One page tells who
 * may: at most two ports are knocked at for it, and a host that lets a connection hang is left alone.
 */
async function seekOtherwise(session: Session, isHttpHere: boolean): Promise<Family | null> {
  const here = families.filter((family) => family.transport === 'http' && family.port === null);
  if (isHttpHere) for (const family of here) if (await session.tries(family)) return family;
  const ports = new Set(families.flatMap((it) => (it.web === undefined ? [] : (it.port ?? []))));
  for (const port of ports) {
    const candidates = families.filter((it) => it.web !== undefined && it.port === port);
    const [first] = candidates;
    const page = first === undefined ? null : await session.look(first);
    if (page === null) continue;
    if ('kind' in page) {
      if (page.errorClass === 'connect_refused') continue;
      return null;
    }
    for (const family of candidates)
      if (family.web?.recognises(page) === true && (await session.tries(family))) return family;
  }
  for (const family of families)
    if (family.transport === 'whatsminer-v3' && (await session.tries(family))) return family;
  return null;
}
