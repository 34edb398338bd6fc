import type { Family } from '../family.js';
import { antminerWeb } from '../families/antminer-web.js';
import { auradineWeb } from '../families/auradine-web.js';
import { bitaxe } from '../families/bitaxe.js';
import { bitfury } from '../families/bitfury.js';
import { braiinsGraphql } from '../families/braiins-graphql.js';
import { braiinsRest } from '../families/braiins-rest.js';
import { ebang } from '../families/ebang.js';
import { epic } from '../families/epic.js';
import { fluminer } from '../families/fluminer.js';
import { goldshell } from '../families/goldshell.js';
import { iceriver } from '../families/iceriver.js';
import { innosiliconWeb } from '../families/innosilicon-web.js';
import { marathon } from '../families/marathon.js';
import { multminer } from '../families/multminer.js';
import { obelisk } from '../families/obelisk.js';
import { proto } from '../families/proto.js';
import { vnishWeb } from '../families/vnish-web.js';

/** Families that are read over HTTP, in order of detection: custom firmware before stock. */
export const webFamilies: readonly Family[] = [
  marathon,
  vnishWeb,
  braiinsRest,
  braiinsGraphql,
  epic,
  bitaxe,
  auradineWeb,
  goldshell,
  proto,
  innosiliconWeb,
  bitfury,
  obelisk,
  iceriver,
  fluminer,
  ebang,
  multminer,
  antminerWeb,
];
