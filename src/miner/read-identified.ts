import type { MinerSample } from '../domain/telemetry.js';
import { agreedIdentity, agreementOf } from './agreement.js';
import type { Family, ReadContext } from './family.js';
import { lostOf } from './families/cut-reading.js';
import { isWebCommand } from './http/web-replies.js';
import { readMiner, withHealth } from './read-miner.js';
import { families, identifyFamily } from './registry.js';
import type { Replies } from './reply.js';

/** Reads a miner of which nothing is known but these replies. Never throws. */
export function readIdentified(
  replies: Replies,
  context: ReadContext,
): { readonly family: Family; readonly sample: MinerSample } {
  const family = identifyFamily(replies);
  const sample = readMiner(family, replies, context);
  const rivals = rivalsOf(family, replies);
  if (rivals.length === 0) return { family, sample };
  let certain = sample;
  for (const rival of rivals) {
    const reading = rival.read(replies, context);
    const identity = agreedIdentity(certain.identity, reading.identity, context.identity);
    // Where a rival reads nothing it is no other layout of the same.
    certain =
      reading.state === 'parse_error' && reading.boards.length === 0 && sample.state !== 'parse_error'
        ? { ...certain, identity }
        : agreementOf(certain, reading, context.identity);
  }
  return { family, sample: withHealth(certain, context) };
}

/** Families that what no other knows falls to. */
const byLayout: ReadonlySet<string> = new Set(['antminer', 'antminer-web', 'generic']);

/** Replies that tell nothing of who sent them that `version` does not. */
const nameless: ReadonlySet<string> = new Set(['pools', 'devs', 'edevs', 'temps', 'fans', 'power', 'config']);

/**
 * Families whose mark may have stood behind a cut: those that go before one which was known by its layout
 * alone, or by nothing. One that named itself has no rivals.
 */
function rivalsOf(family: Family, replies: Replies): readonly Family[] {
  const all = lostOf(replies);
  const version = all.includes('version') ? undefined : replies.get('version');
  const lost = version === undefined ? all : all.filter((command) => !nameless.has(command));
  if (lost.length === 0 || !byLayout.has(family.name)) return [];
  if (family.name === 'antminer' && version !== undefined && family.matches(new Map([['version', version]])))
    return [];
  const isWeb = lost.some(isWebCommand);
  return families
    .slice(0, families.indexOf(family))
    .filter((it) => it.transport === 'cgminer' || (isWeb && it.transport === 'http'));
}
