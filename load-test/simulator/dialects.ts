import type { Dialect } from './model.js';
import {
  antminerL3Replies,
  antminerS7Replies,
  antminerT15Replies,
  asicseerReplies,
  blackminerReplies,
  braiins2019Replies,
  hammerReplies,
  hiveonReplies,
  rwglrReplies,
} from './replies/antminer-chains.js';
import { fdminerReplies, mskminerReplies, vnishReplies } from './replies/antminer-custom.js';
import { antminerNewApiReplies } from './replies/antminer-new-api.js';
import { antminerS19Replies } from './replies/antminer-s19.js';
import { antminerS9Replies } from './replies/antminer-s9.js';
import { auradineReplies } from './replies/auradine.js';
import { avalonHomeReplies, avalonModulesReplies } from './replies/avalon-others.js';
import { avalonReplies } from './replies/avalon.js';
import { braiinsReplies } from './replies/braiins.js';
import { cgminerReplies } from './replies/cgminer.js';
import type { Replies } from './replies/common.js';
import { elphapexReplies } from './replies/elphapex.js';
import { luxosReplies } from './replies/luxos.js';
import {
  baikalReplies,
  cheetahReplies,
  honorknightReplies,
  ibelinkReplies,
  innosiliconReplies,
  spondooliesReplies,
  stronguReplies,
} from './replies/other-makers.js';
import { sealminerReplies } from './replies/sealminer.js';
import { whatsminerReplies, whatsminerV1Replies } from './replies/whatsminer.js';

/** How a machine talks. */
interface Speech {
  readonly replies: Replies;
  /** Whether it takes `summary+stats+pools`. */
  readonly isJoining: boolean;
}

const joining = (replies: Replies): Speech => ({ replies, isJoining: true });
const single = (replies: Replies): Speech => ({ replies, isJoining: false });

/** The replies of every dialect. */
export const dialects: Readonly<Record<Dialect, Speech>> = {
  'antminer-s7': joining(antminerS7Replies),
  'antminer-s9': joining(antminerS9Replies),
  'antminer-t15': joining(antminerT15Replies),
  'antminer-l3': joining(antminerL3Replies),
  'antminer-s19': single(antminerS19Replies),
  'antminer-new-api': single(antminerNewApiReplies),
  'antminer-hiveon': joining(hiveonReplies),
  'antminer-asicseer': joining(asicseerReplies),
  'antminer-rwglr': joining(rwglrReplies),
  'antminer-mskminer': joining(mskminerReplies),
  'antminer-fdminer': single(fdminerReplies),
  'antminer-vnish': single(vnishReplies),
  'antminer-bos': joining(braiins2019Replies),
  'antminer-luxos': single(luxosReplies),
  'antminer-blackminer': joining(blackminerReplies),
  'antminer-hammer': joining(hammerReplies),
  bosminer: joining(braiinsReplies),
  boser: single(braiinsReplies),
  whatsminer: joining(whatsminerReplies),
  'whatsminer-v1': joining(whatsminerV1Replies),
  avalon: joining(avalonReplies),
  'avalon-modules': joining(avalonModulesReplies),
  'avalon-home': single(avalonHomeReplies),
  cgminer: joining(cgminerReplies),
  innosilicon: joining(innosiliconReplies),
  baikal: joining(baikalReplies),
  strongu: joining(stronguReplies),
  cheetah: joining(cheetahReplies),
  honorknight: joining(honorknightReplies),
  ibelink: joining(ibelinkReplies),
  spondoolies: joining(spondooliesReplies),
  sealminer: joining(sealminerReplies),
  auradine: single(auradineReplies),
  elphapex: single(elphapexReplies),
};
