import type { HeartbeatShard, ZoneSlots } from '../../domain/heartbeat.js';
import { formatIp } from '../../domain/ip-ranges.js';
import type { Shard } from '../../domain/shards.js';

/** How a slot of a shard ended. */
export type SlotEnd =
  | {
      readonly kind: 'polled';
      /** ms since the epoch. */
      readonly slot: number;
      readonly samples: number;
      readonly online: number;
      readonly durationMs: number;
    }
  | { readonly kind: 'skipped'; readonly reason: string };

/** What a heartbeat says of shards; `commit` when it arrived, else the next one says it again. */
export interface TallyReport {
  readonly slots: Readonly<Record<string, number>>;
  readonly zoneSlots: Readonly<Record<string, ZoneSlots>>;
  readonly shards: readonly HeartbeatShard[];
  readonly leftOut: number;
  readonly plannedShards: number | null;
  readonly planRoundS: number | null;
  commit(): void;
}

interface News {
  shard: Shard;
  polled: Extract<SlotEnd, { kind: 'polled' }> | null;
  skipped: number;
  reason: string | null;
}

/** Ranges named in a text; the rest is counted. */
const namedRanges = 3;

/**
 * What became of the slots of one site since the process began, and news of its shards that no heartbeat has
 * carried yet: of each only the newest, those that wait longest first. A coordinator names its whole plan too,
 * some shards at a time, round after round.
 */
export class SlotTally {
  readonly #maxShards: number;
  readonly #nowMs: () => number;
  readonly #slots = new Map<string, number>();
  readonly #zones = new Map<string, { polled: number; skipped: number }>();
  readonly #news = new Map<string, News>();
  #plan: readonly Shard[] | null = null;
  #next = 0;
  #roundBeganMs = 0;
  #lastRoundBeganMs: number | null = null;

  /** News of at most `maxShards` are kept; `nowMs` is a clock that nobody sets. */
  constructor(options: { maxShards: number; nowMs?: () => number }) {
    this.#maxShards = options.maxShards;
    this.#nowMs = options.nowMs ?? (() => performance.now());
  }

  /** Notes how a slot ended. */
  note(shard: Shard, end: SlotEnd): void {
    const outcome = end.kind === 'polled' ? 'polled' : end.reason;
    this.#slots.set(outcome, (this.#slots.get(outcome) ?? 0) + 1);
    const zone = this.#zones.get(shard.zone) ?? { polled: 0, skipped: 0 };
    zone[end.kind]++;
    this.#zones.set(shard.zone, zone);
    const news = this.#news.get(shard.id) ?? { shard, polled: null, skipped: 0, reason: null };
    if (end.kind === 'polled') news.polled = end;
    else {
      news.skipped++;
      news.reason = end.reason;
    }
    news.shard = shard;
    if (this.#news.size < this.#maxShards || this.#news.has(shard.id)) this.#news.set(shard.id, news);
  }

  /** What to say now, of at most `limit` shards; `plan` as it is now, null for one who plans nothing. */
  report(limit: number, plan: readonly Shard[] | null): TallyReport {
    if (plan !== this.#plan) {
      this.#plan = plan;
      this.#next = 0;
      this.#lastRoundBeganMs = null;
    }
    const nowMs = this.#nowMs();
    const isFirstOfRound = this.#next === 0;
    // News leave the plan a quarter of the room: a round ends however much there is to tell.
    const room = plan === null || plan.length === 0 ? limit : Math.max(1, Math.floor(limit * 0.75));
    const told = [...this.#news.entries()].slice(0, room);
    const named = (plan ?? []).slice(this.#next, this.#next + limit - told.length);
    const namedIds = new Set(named.map(({ id }) => id));
    const snapshot = told.map(([id, news]) => [id, { ...news }] as const);
    const toldIds = new Set(told.map(([id]) => id));
    const shards = [
      ...snapshot.map(([id, news]) => toWire(news, namedIds.has(id))),
      ...named.filter(({ id }) => !toldIds.has(id)).map((shard) => toWire(nothingOf(shard), true)),
    ];
    const roundBeganMs = isFirstOfRound ? nowMs : this.#roundBeganMs;
    return {
      slots: Object.fromEntries(this.#slots),
      zoneSlots: Object.fromEntries([...this.#zones].map(([zone, counts]) => [zone, { ...counts }])),
      shards,
      leftOut: this.#news.size - told.length,
      plannedShards: plan?.length ?? null,
      planRoundS:
        plan === null || this.#lastRoundBeganMs === null
          ? null
          : Math.ceil((nowMs - this.#lastRoundBeganMs) / 1_000),
      commit: () => {
        for (const [id, news] of snapshot) this.#settle(id, news);
        if (plan === null || plan !== this.#plan) return;
        this.#roundBeganMs = roundBeganMs;
        this.#next += named.length;
        if (this.#next < plan.length) return;
        this.#next = 0;
        this.#lastRoundBeganMs = roundBeganMs;
      },
    };
  }

  /** Takes off what was told; what came meanwhile stays. */
  #settle(id: string, told: News): void {
    const news = this.#news.get(id);
    if (news === undefined) return;
    news.skipped -= told.skipped;
    if (news.polled === told.polled) news.polled = null;
    if (news.skipped <= 0) news.reason = null;
    this.#news.delete(id);
    if (news.polled !== null || news.skipped > 0) this.#news.set(id, news);
  }
}

const nothingOf = (shard: Shard): News => ({ shard, polled: null, skipped: 0, reason: null });

function toWire({ shard, polled, skipped, reason }: News, isPlanned: boolean): HeartbeatShard {
  return {
    id: shard.id,
    zone: shard.zone,
    ranges: rangesText(shard),
    addresses: shard.addressCount,
    interval_ms: shard.intervalMs,
    planned: isPlanned,
    slot: polled === null ? null : new Date(polled.slot).toISOString(),
    samples: polled?.samples ?? null,
    online: polled?.online ?? null,
    duration_ms: polled === null ? null : Math.round(polled.durationMs),
    skipped,
    skip_reason: reason,
  };
}

/** `10.1.0.0-10.1.0.255`, the first few of many. */
function rangesText({ ranges }: Shard): string {
  const texts = ranges
    .slice(0, namedRanges)
    .map(({ first, last }) => (first === last ? formatIp(first) : `${formatIp(first)}-${formatIp(last)}`));
  const more = ranges.length - texts.length;
  return `${texts.join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}
