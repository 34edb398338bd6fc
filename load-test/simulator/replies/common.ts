import { escapeJson, listing, type Answer } from '../answer.js';
import type { SimulatedMiner } from '../miner.js';
import type { Reading } from '../reading.js';

/** Everything a reply is made from. */
export interface Scene {
  readonly miner: SimulatedMiner;
  readonly reading: Reading;
  readonly nowMs: number;
  readonly whenS: number;
  readonly accepted: number;
  readonly rejected: number;
}

export type Replies = Readonly<Record<string, (scene: Scene) => Answer>>;

export const f2 = (value: number): string => value.toFixed(2);
export const f4 = (value: number): string => value.toFixed(4);
const f8 = (value: number): string => value.toFixed(8);

/** GH/s as the MH/s that most firmware prints. */
export const mhs = (ghs: number): string => (ghs * 1000).toFixed(2);

/** Difficulty of the shares, the same for every simulated pool. */
const shareDifficulty = 65_536;

/** What follows the hashrates in a classic SUMMARY. */
export function summaryTail(scene: Scene): string {
  const { reading, accepted, rejected } = scene;
  const total = accepted + rejected;
  const minutes = Math.max(1, reading.elapsedS) / 60;
  const rejectedPct = total === 0 ? 0 : (rejected / total) * 100;
  const hardwarePct = (reading.hardwareErrors / Math.max(1, reading.hardwareErrors + accepted * 16)) * 100;
  return (
    `"Found Blocks":0,"Getworks":${Math.floor(reading.elapsedS / 30)},"Accepted":${accepted},"Rejected":${rejected},` +
    `"Hardware Errors":${reading.hardwareErrors},"Utility":${f2(accepted / minutes)},"Discarded":${accepted * 3},` +
    `"Stale":${rejected >> 2},"Get Failures":0,"Local Work":${accepted * 211},"Remote Failures":0,` +
    `"Network Blocks":${Math.floor(reading.elapsedS / 600)},"Total MH":${f4(reading.ghs * 1000 * reading.elapsedS)},` +
    `"Work Utility":${f2((reading.ghs * 60) / 4.295)},"Difficulty Accepted":${f8(accepted * shareDifficulty)},` +
    `"Difficulty Rejected":${f8(rejected * shareDifficulty)},"Difficulty Stale":0.00000000,"Best Share":${accepted * 7919 + 65_536},` +
    `"Device Hardware%":${f4(hardwarePct)},"Device Rejected%":${f4(rejectedPct)},"Pool Rejected%":${f4(rejectedPct)},` +
    `"Pool Stale%":0.0000,"Last getwork":${scene.whenS - (scene.whenS % 30)}`
  );
}

/** `Last Share Time`: how long ago on Antminers, an instant elsewhere. */
type ShareTime = 'ago' | 'instant';

/** POOLS, with the number of the first pool (Whatsminer counts from 1). */
export function poolsReply(scene: Scene, shareTime: ShareTime, first = 0): Answer {
  const pools = scene.miner.listPools(scene.accepted);
  const items = pools.map((pool, index) => {
    const isActive = index === scene.miner.activePool;
    const rejected = isActive ? scene.rejected : 0;
    const status = !pool.isEnabled ? 'Disabled' : pool.isAlive ? 'Alive' : 'Dead';
    const last = shareTime === 'ago' ? (isActive ? '"0:00:07"' : '"0"') : isActive ? scene.whenS - 7 : 0;
    const host = isActive ? pool.url.replace(/^.*\/\//, '').replace(/:\d+$/, '') : '';
    return (
      `{"POOL":${index + first},"URL":"${escapeJson(pool.url)}","Status":"${status}","Priority":${index},"Quota":1,"Long Poll":"N",` +
      `"Getworks":${isActive ? Math.floor(scene.reading.elapsedS / 30) : 0},"Accepted":${pool.accepted},"Rejected":${rejected},` +
      `"Discarded":${pool.accepted * 3},"Stale":${rejected >> 2},"Get Failures":0,"Remote Failures":0,"User":"${escapeJson(pool.user)}",` +
      `"Last Share Time":${last},"Diff":"${isActive ? '65.5K' : ''}","Diff1 Shares":0,"Proxy Type":"","Proxy":"",` +
      `"Difficulty Accepted":${f8(pool.accepted * shareDifficulty)},"Difficulty Rejected":${f8(rejected * shareDifficulty)},` +
      `"Difficulty Stale":0.00000000,"Last Share Difficulty":${isActive ? f8(shareDifficulty) : '0.00000000'},` +
      `"Has Stratum":true,"Stratum Active":${isActive},"Stratum URL":"${escapeJson(host)}","Has GBT":false,` +
      `"Best Share":${isActive ? scene.accepted * 7919 + 65_536 : 0},"Pool Rejected%":0.0000,"Pool Stale%":0.0000}`
    );
  });
  return listing(7, `${pools.length} Pool(s)`, 'POOLS', items);
}

/** CONFIG of any cgminer. */
export function configReply(scene: Scene, devices: number): Answer {
  return listing(33, 'CGMiner config', 'CONFIG', [
    `{"ASC Count":${devices},"PGA Count":0,"Pool Count":${scene.miner.listPools(0).length},"Strategy":"Failover",` +
      '"Log Interval":5,"Device Code":"","OS":"Linux","Failover-Only":false,"ScanTime":60,"Queue":1,"Expiry":120,"Hotplug":"None"}',
  ]);
}

/** COIN of any cgminer. */
export function coinReply(scene: Scene): Answer {
  return listing(78, 'CGMiner coin', 'COIN', [
    `{"Hash Method":"sha256","Current Block Time":${scene.whenS - (scene.whenS % 600)}.000000,` +
      `"Current Block Hash":"${'0'.repeat(20)}${scene.miner.key.toString(16).padStart(8, '0')}","LP":true,"Network Difficulty":110000000000000.00000000}`,
  ]);
}

/** Hashrate at the set frequency, GH/s. */
export function idealGhs({ miner, reading }: Scene): number {
  return (miner.model.nominalGhs * reading.frequencyMhz) / miner.model.frequencyMhz;
}

/** Part `index` of `total` in `parts` whole parts that sum up to it. */
export function share(total: number, index: number, parts: number): number {
  return Math.floor(total / parts) + (index < total % parts ? 1 : 0);
}

const maps = new Map<number, string>();

/** Chip map in groups, a blank before each, `o` for a chip that answers. */
export function chipMap(chips: number, group: number): string {
  const key = chips * 100 + group;
  let map = maps.get(key);
  if (map === undefined) {
    map = 'o'.repeat(chips).replace(new RegExp(`.{1,${group}}`, 'g'), ' $&');
    maps.set(key, map);
  }
  return map;
}

/** A number made of the miner's hash, for serials and host names. */
export const hexOf = (miner: SimulatedMiner): string => miner.key.toString(16).toUpperCase().padStart(8, '0');

/** Its name on the network. */
export const hostOf = ({ miner }: Scene): string => `miner-${miner.key.toString(16).padStart(8, '0')}`;

/** A reply that is one JSON object of its own making. */
export function rawReply(value: object): Answer {
  const json = JSON.stringify(value);
  return { kind: 'raw', json, text: json };
}

/** A stable hardware address made of the miner's hash. */
export function macOf(miner: SimulatedMiner, separator: string): string {
  const hex = miner.key.toString(16).padStart(8, '0');
  return ['02', '5a', hex.slice(0, 2), hex.slice(2, 4), hex.slice(4, 6), hex.slice(6, 8)].join(separator);
}
