import { createHash } from 'node:crypto';
import { AppError } from './errors.js';
import { countAddresses, formatIp, parseRanges, type IpRange } from './ip-ranges.js';
import { planShards, type Shard } from './shards.js';

/** What is polled of a site: of its entry in the settings what is no secret, in its words. */
export interface SitePlan {
  readonly ranges: readonly string[];
  readonly zone: string;
  /** Null: as the collector's own settings have it. */
  readonly interval_s: number | null;
  readonly port: number;
  /** Of web interfaces; null: 80. */
  readonly http_port: number | null;
}

/** A plan as collectors are given it. Versions count up; 0 is no plan yet. */
export interface VersionedPlan extends SitePlan {
  readonly version: number;
}

/** A plan as the api keeps it. */
export interface StoredPlan extends VersionedPlan {
  readonly site_id: number;
  readonly updated_at: string;
  readonly updated_by: string;
}

/** More addresses than these in one plan are a typing error, not a farm. */
export const maxPlanAddresses = 2 ** 20;

/** @throws AppError RANGE_INVALID naming the range, or for more than {@link maxPlanAddresses}. */
export function rangesOfPlan(plan: Pick<SitePlan, 'ranges'>, options: { allowLoopback: boolean }): IpRange[] {
  const ranges = parseRanges(plan.ranges, options);
  const count = countAddresses(ranges);
  if (count > maxPlanAddresses)
    throw new AppError(
      'RANGE_INVALID',
      `${count} addresses, and ${maxPlanAddresses} are the most of one site`,
    );
  return ranges;
}

/** The shards of a plan. @throws AppError as {@link rangesOfPlan}. */
export function shardsOfPlan(
  site: string,
  plan: SitePlan,
  options: { readonly allowLoopback: boolean; readonly intervalS: number },
): Shard[] {
  return planShards({
    site,
    zone: plan.zone,
    ranges: rangesOfPlan(plan, options),
    port: plan.port,
    intervalMs: (plan.interval_s ?? options.intervalS) * 1_000,
  });
}

/** Names a plan's content: as `ETag` and on the way back. */
export function tagOf(plan: VersionedPlan | null): string {
  if (plan === null) return '"0"';
  const { version, ranges, zone, interval_s, port, http_port } = plan;
  const content = JSON.stringify([ranges, zone, interval_s, port, http_port]);
  return `"${version}-${createHash('sha256').update(content).digest('hex').slice(0, 12)}"`;
}

/** True for a slot grid, zone and addresses that are the same: such a shard goes on as if nothing had happened. */
export const isSameShard = (a: Shard, b: Shard): boolean =>
  a.id === b.id && a.zone === b.zone && a.intervalMs === b.intervalMs;

/** What a new plan does to shards and addresses. */
export interface PlanChange {
  /** `changed`: polled from another zone or at another interval. */
  readonly shards: Readonly<Record<'added' | 'removed' | 'changed' | 'kept', number>>;
  readonly addresses: Readonly<Record<'added' | 'removed' | 'kept', number>>;
  /** The first of each, as text. */
  readonly added: readonly string[];
  readonly removed: readonly string[];
}

/** Ranges told of a change. */
const toldRanges = 20;

/** What becomes of the shards of one plan by another. */
export function comparePlans(before: readonly Shard[], after: readonly Shard[]): PlanChange {
  const known = new Map(before.map((shard) => [shard.id, shard]));
  const next = new Set(after.map(({ id }) => id));
  const stay = after.filter(({ id }) => known.has(id));
  const kept = stay.filter((shard) => isSameShard(shard, known.get(shard.id) as Shard)).length;
  const [old, fresh] = [rangesOf(before), rangesOf(after)];
  const added = without(fresh, old);
  const removed = without(old, fresh);
  return {
    shards: {
      added: after.length - stay.length,
      removed: before.filter(({ id }) => !next.has(id)).length,
      changed: stay.length - kept,
      kept,
    },
    addresses: {
      added: countAddresses(added),
      removed: countAddresses(removed),
      kept: countAddresses(fresh) - countAddresses(added),
    },
    added: added.slice(0, toldRanges).map(formatRange),
    removed: removed.slice(0, toldRanges).map(formatRange),
  };
}

/** `a-b`, or `a` for one address. */
export const formatRange = ({ first, last }: IpRange): string =>
  first === last ? formatIp(first) : `${formatIp(first)}-${formatIp(last)}`;

/** What two lists of disjoint, sorted ranges have in common. */
export function overlapOf(a: readonly IpRange[], b: readonly IpRange[]): IpRange[] {
  const common: IpRange[] = [];
  for (let i = 0, j = 0; i < a.length && j < b.length;) {
    const [x, y] = [a[i] as IpRange, b[j] as IpRange];
    const [first, last] = [Math.max(x.first, y.first), Math.min(x.last, y.last)];
    if (first <= last) common.push({ first, last });
    if (x.last < y.last) i++;
    else j++;
  }
  return common;
}

/** What of `a` is not in `b`. */
export function without(a: readonly IpRange[], b: readonly IpRange[]): IpRange[] {
  const left: IpRange[] = [];
  const common = overlapOf(a, b);
  let at = 0;
  for (const { first, last } of a) {
    let from = first;
    for (; at < common.length && (common[at] as IpRange).first <= last; at++) {
      const hole = common[at] as IpRange;
      if (hole.first > from) left.push({ first: from, last: hole.first - 1 });
      from = hole.last + 1;
    }
    if (from <= last) left.push({ first: from, last });
  }
  return left;
}

/** The addresses of shards, sorted, neighbours joined: shards of one site are disjoint. */
function rangesOf(shards: readonly Shard[]): IpRange[] {
  const joined: { first: number; last: number }[] = [];
  for (const { first, last } of shards.flatMap(({ ranges }) => ranges).sort((a, b) => a.first - b.first)) {
    const previous = joined.at(-1);
    if (previous && first === previous.last + 1) previous.last = last;
    else joined.push({ first, last });
  }
  return joined;
}
