import type { Family, Transport } from './family.js';
import { antminer } from './families/antminer.js';
import { asicseer } from './families/asicseer.js';
import { auradine } from './families/auradine.js';
import { avalon } from './families/avalon.js';
import { braiinsBmminer } from './families/braiins-bmminer.js';
import { braiins } from './families/braiins.js';
import { elphapex } from './families/elphapex.js';
import { fdminer } from './families/fdminer.js';
import { generic } from './families/generic.js';
import { hiveon } from './families/hiveon.js';
import { luxos } from './families/luxos.js';
import { mskminer } from './families/mskminer.js';
import { sealminer } from './families/sealminer.js';
import { vnish } from './families/vnish.js';
import { whatsminer } from './families/whatsminer.js';
import { whatsminerV3 } from './families/whatsminer-v3.js';
import { webFamilies } from './http/families.js';
import type { Replies } from './reply.js';
import { respelled } from './respelled.js';

/** Firmware for Bitmain's machines by others: each names itself, and so outranks Bitmain's own. */
const customBitmain: readonly Family[] = [
  braiins,
  braiinsBmminer,
  luxos,
  vnish,
  hiveon,
  asicseer,
  mskminer,
  fdminer,
];

/** Every family in order of detection; `generic` is last and always matches. */
export const families: readonly Family[] = [
  elphapex,
  ...webFamilies,
  auradine,
  whatsminerV3,
  whatsminer,
  avalon,
  sealminer,
  ...customBitmain,
  antminer,
  generic,
];

/**
 * What an unknown miner is asked, in this order, until {@link identifyFamily} names a family of its
 * own: `version` tells most, `summary` Whatsminers, `stats` Avalons and firmware without `version`.
 */
export const detectionCommands: readonly string[] = ['version', 'summary', 'stats'];

/** The first family that knows the replies, of those that travel by `transport` where that is known; else `generic`. */
export function identifyFamily(replies: Replies, transport?: Transport): Family {
  const isCandidate = (family: Family) => transport === undefined || family.transport === transport;
  return (
    families.find((family) => isCandidate(family) && family !== generic && family.matches(replies)) ??
    identifySpelled(replies) ??
    generic
  );
}

/** As {@link identifyFamily}, names found however they are spelled: for what no family knows as it stands. */
function identifySpelled(replies: Replies): Family | undefined {
  const { replies: told, takeCounts } = respelled(replies);
  const found = families.find((family) => {
    takeCounts();
    return family.transport === 'cgminer' && family !== generic && family.matches(told);
  });
  return found !== undefined && takeCounts().size > 0 ? found : undefined;
}

/** A family by its name, as stored in a profile; null when there is none (any more). */
export function familyByName(name: string): Family | null {
  return families.find((family) => family.name === name) ?? null;
}
