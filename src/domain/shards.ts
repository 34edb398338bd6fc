import { createHash } from 'node:crypto';
import { countAddresses, formatIp, type IpRange } from './ip-ranges.js';

/** A piece of a site's ranges that one job polls: at most 256 addresses within one /24. */
export interface Shard {
  /** 16 hex digits, the hash of site, ranges and port: the same content has the same id everywhere. */
  readonly id: string;
  readonly site: string;
  readonly zone: string;
  readonly ranges: readonly IpRange[];
  readonly port: number;
  readonly intervalMs: number;
  /** Where in the interval this shard's slots begin, ms. */
  readonly phaseMs: number;
  readonly addressCount: number;
}

export interface ShardPlan {
  readonly site: string;
  readonly zone: string;
  /** Disjoint and sorted, as `parseRanges` gives them. */
  readonly ranges: readonly IpRange[];
  readonly port: number;
  readonly intervalMs: number;
}

/** Cuts a site's ranges at /24 borders. Deterministic: no state, no order of definition. */
export function planShards(plan: ShardPlan): Shard[] {
  const byBlock = new Map<number, IpRange[]>();
  for (const range of plan.ranges) {
    for (let start = range.first; start <= range.last;) {
      const blockBase = start - (start % 256);
      const last = Math.min(range.last, blockBase + 255);
      const pieces = byBlock.get(blockBase) ?? [];
      pieces.push({ first: start, last });
      byBlock.set(blockBase, pieces);
      start = last + 1;
    }
  }
  return [...byBlock.values()].map((ranges) => {
    const content = ranges.map((range) => `${formatIp(range.first)}-${formatIp(range.last)}`).join(',');
    const digest = createHash('sha256').update(`${plan.site}\n${content}\n${plan.port}`).digest();
    return {
      id: digest.toString('hex', 0, 8),
      site: plan.site,
      zone: plan.zone,
      ranges,
      port: plan.port,
      intervalMs: plan.intervalMs,
      phaseMs: digest.readUInt32BE(8) % plan.intervalMs,
      addressCount: countAddresses(ranges),
    };
  });
}
