import { hostOf, share, type Scene } from './common.js';
import { chainReplies, s9Layout, type ChainLayout } from './antminer-s9.js';

/** Boards at chains 1, 2, … of sixteen, two fans. */
const fromOne: ChainLayout = { ...s9Layout, firstChain: 1, fans: [1, 2] };

/** Antminer S7: fans at 1 and 3, no rate of a board. */
export const antminerS7Replies = chainReplies({
  ...fromOne,
  engine: ['CGMiner', '4.9.0'],
  id: 'BTM0',
  device: 'BTM',
  fanSlots: 16,
  fans: [1, 3],
  tells: 'nothing',
});

/** Antminer S15 and T15. */
export const antminerT15Replies = chainReplies({
  ...fromOne,
  engine: ['BMMiner', '1.0.0'],
  id: 'BTM_SOC0',
  glue: ',',
});

/** Antminer L3+: scrypt, MH/s under `GHS`. */
export const antminerL3Replies = chainReplies({
  ...fromOne,
  engine: ['CGMiner', '4.9.0'],
  id: 'L30',
  device: 'L3',
  chains: 4,
  fanSlots: 2,
  scale: 1000,
  tells: 'rates',
});

/** Blackminer F1: Bitmain's layout of the L3+, six chips a board. */
export const blackminerReplies = chainReplies({
  ...fromOne,
  engine: ['CGMiner', '2.3.3'],
  id: 'A30',
  device: 'A3',
  chains: 4,
  fanSlots: 2,
  tells: 'rates',
});

/** Hammer D10: scrypt, MH/s under their own name, and each sensor of a board under the same. */
export const hammerReplies = chainReplies({
  ...fromOne,
  engine: ['CGMiner', '2.3.3'],
  id: 'A30',
  device: 'A3',
  chains: 4,
  fanSlots: 4,
  fans: [1, 2, 3, 4],
  scale: 1000,
  rateName: 'MHS',
  tells: 'rates',
  sensors: 4,
});

/** A value for each board of an S9, at chains 6, 7, 8. */
const each = (scene: Scene, name: string, value: (at: number) => string): string =>
  scene.reading.boards.map((_, at) => `"${name}${6 + at}":${value(at)},`).join('');

/** Hiveon on an S9: power as text with the name of a curve behind it. */
export const hiveonReplies = chainReplies({
  ...s9Layout,
  engine: ['BMMiner', '2.0.0 rwglr'],
  more: (scene) => `"chain_power":"${scene.reading.powerW.toFixed(2)} (AB)",`,
});

/** asicseer on an S9: hundredths of a volt, and its host name as `miner_id`. */
export const asicseerReplies = chainReplies({
  ...s9Layout,
  engine: ['BMMiner', '2.4.0-asicseer-1.2.1-c05d'],
  glue: ',',
  more: (scene) => `${each(scene, 'voltage', () => '900')}"miner_id":"${hostOf(scene)}",`,
});

/** What others make of the same engine on an S9: volts and watts by chain. */
export const rwglrReplies = chainReplies({
  ...s9Layout,
  engine: ['BMMiner', '2.0.0 rwglr'],
  more: (scene) =>
    each(scene, 'chain_voltage', () => '9.10') +
    each(scene, 'chain_power', (at) => String(share(scene.reading.powerW, at, scene.reading.boards.length))),
});

/** Braiins OS before bosminer: bmminer under the name of the build. */
export const braiins2019Replies = chainReplies({
  ...s9Layout,
  engine: ['BMMiner', 'bOS_am1-s9-20190405-0_1fd2a3b7'],
  glue: ',',
});
