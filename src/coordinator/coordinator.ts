import type { Shard } from '../domain/shards.js';
import { nextSlot, slotAt } from '../domain/slots.js';
import type { Metrics } from '../telemetry/metrics.js';
import type { Logger } from '../telemetry/logger.js';

export interface CoordinatorDeps {
  /** What is to be polled now: another list whenever that has changed. */
  readonly shards: () => readonly Shard[];
  readonly add: (job: { shard: Shard; slot: number }) => Promise<boolean>;
  readonly now: () => number;
  readonly metrics: Metrics;
  readonly log: Logger;
  /** Told of a slot that will not be polled, to count it. */
  readonly onSkipped: (shard: Shard, reason: SlotLoss) => void;
}

type SlotLoss = 'queue_full' | 'queue_unavailable' | 'late';

interface Due {
  shard: Shard;
  slot: number;
  /** The queue did not take it; it is tried again until the slot is over. */
  hasFailed: boolean;
}

/** Jobs added at once. */
const addsAtOnce = 64;
/** A slot that began longer ago is caught up with, ms: no faster than slots begin, so that no burst follows an outage. */
const freshMs = 2_000;
/** What may be caught up with at once is what begins in so long, ms. */
const maxCreditMs = 1_000;
/** After a failure, and while there is something to catch up with, the next tick comes so soon, ms. */
const againMs = 250;

/**
 * Adds one job per (shard, slot) when the slot begins, or, when the queue does not take it then, as soon
 * as it does. Holds only when each shard is next due, so a restart, a second coordinator or a clock jump
 * can at worst name a slot twice, which the job id undoes.
 */
export class Coordinator {
  readonly #deps: CoordinatorDeps;
  #shards: readonly Shard[] = [];
  #due: Due[] = [];
  /** Slots that begin in a millisecond. */
  #slotsPerMs = 0;
  /** Slots that may be caught up with now. */
  #credit = 1;
  #tickedAt: number;

  constructor(deps: CoordinatorDeps) {
    this.#deps = deps;
    this.#tickedAt = deps.now();
    this.#follow(this.#tickedAt);
  }

  /** Milliseconds until the next slot begins, at most `ceilingMs`. */
  delayMs(ceilingMs: number): number {
    const first = this.#due[0];
    if (!first) return ceilingMs;
    const leftMs = first.slot - this.#deps.now();
    return Math.min(ceilingMs, leftMs > 0 ? leftMs : againMs);
  }

  /** Adds every job that is due; ends at the first that the queue does not take. */
  async tick(): Promise<void> {
    const now = this.#deps.now();
    this.#follow(now);
    const due = this.#dueAt(now);
    if (due.length === 0) return;
    const begun = due.filter(({ slot }) => now - slot <= freshMs);
    const late = due.filter(({ slot }) => now - slot > freshMs);
    this.#earn(now);
    const caughtUp = late.slice(0, Math.floor(this.#credit));
    this.#credit -= caughtUp.length;
    const adds = [...begun, ...caughtUp];
    for (let at = 0; at < adds.length; at += addsAtOnce) {
      const areTaken = await Promise.all(adds.slice(at, at + addsAtOnce).map((entry) => this.#add(entry)));
      if (areTaken.includes(false)) break;
    }
    this.#due.sort((a, b) => a.slot - b.slot);
  }

  /**
   * Takes another list of shards: one with the same slots goes on as it was, also when it is polled from another zone;
   * a new one begins with its next slot; one that is gone has no more.
   */
  #follow(now: number): void {
    const shards = this.#deps.shards();
    if (shards === this.#shards) return;
    this.#shards = shards;
    const known = new Map(this.#due.map((entry) => [entry.shard.id, entry]));
    this.#due = shards.map((shard) => {
      const entry = known.get(shard.id);
      if (entry?.shard.intervalMs !== shard.intervalMs)
        return { shard, slot: nextSlot(now, shard), hasFailed: false };
      entry.shard = shard;
      return entry;
    });
    this.#due.sort((a, b) => a.slot - b.slot);
    this.#slotsPerMs = shards.reduce((sum, { intervalMs }) => sum + 1 / intervalMs, 0);
  }

  /** What is due, each entry at the slot that is on; slots that are over are given up. */
  #dueAt(now: number): Due[] {
    return this.#due.filter((entry) => {
      const { intervalMs } = entry.shard;
      // A clock set back would keep a shard waiting for a slot far ahead: begin again from here.
      if (entry.slot - now > 2 * intervalMs) entry.slot = nextSlot(now, entry.shard);
      if (entry.slot > now) return false;
      const current = slotAt(now, entry.shard);
      for (let n = 0; entry.slot < current && n < 1000; entry.slot += intervalMs, n++) {
        this.#deps.onSkipped(entry.shard, entry.hasFailed ? 'queue_unavailable' : 'late');
      }
      if (entry.slot < current) entry.slot = current;
      return true;
    });
  }

  #earn(now: number): void {
    const most = Math.max(1, maxCreditMs * this.#slotsPerMs);
    const passedMs = Math.max(0, now - this.#tickedAt);
    this.#tickedAt = now;
    this.#credit = Math.min(most, this.#credit + passedMs * this.#slotsPerMs);
  }

  /** False when the queue did not answer: the entry stays due. */
  async #add(entry: Due): Promise<boolean> {
    const { shard, slot } = entry;
    try {
      const isAccepted = await this.#deps.add({ shard, slot });
      if (isAccepted) this.#deps.metrics.add('headframe_slots_total', 1, { outcome: 'added' });
      else this.#deps.onSkipped(shard, 'queue_full');
      entry.slot = slot + shard.intervalMs;
      entry.hasFailed = false;
      return true;
    } catch (err) {
      if (!entry.hasFailed) this.#deps.log.warn({ err, shard: shard.id }, 'slot job not added');
      entry.hasFailed = true;
      return false;
    }
  }
}
