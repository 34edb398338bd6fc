import type { Shard } from '../domain/shards.js';
import { nextSlot, slotAt } from '../domain/slots.js';
import type { Metrics } from '../telemetry/metrics.js';
import type { Logger } from '../telemetry/logger.js';

export interface CoordinatorDeps {
  readonly shards: readonly Shard[];
  readonly add: (job: { shard: Shard; slot: number }) => Promise<boolean>;
  readonly now: () => number;
  readonly metrics: Metrics;
  readonly log: Logger;
  /** Called for a slot that will not be polled; `samples` known miners are skipped with it. */
  readonly onSkipped: (shard: Shard, reason: 'queue_full' | 'queue_unavailable' | 'late') => void;
}

/**
 * Adds one job per (shard, slot) when the slot begins. Holds only when each shard is next due, so a
 * restart, a second coordinator or a clock jump can at worst name a slot twice, which the job id undoes.
 */
export class Coordinator {
  readonly #deps: CoordinatorDeps;
  readonly #due: { readonly shard: Shard; slot: number }[];

  constructor(deps: CoordinatorDeps) {
    this.#deps = deps;
    const now = deps.now();
    this.#due = deps.shards.map((shard) => ({ shard, slot: nextSlot(now, shard) }));
    this.#due.sort((a, b) => a.slot - b.slot);
  }

  /** Milliseconds until the next slot begins, at most `ceilingMs`. */
  delayMs(ceilingMs: number): number {
    const first = this.#due[0];
    if (!first) return ceilingMs;
    return Math.min(ceilingMs, Math.max(0, first.slot - this.#deps.now()));
  }

  /** Adds every job that is due. */
  async tick(): Promise<void> {
    const now = this.#deps.now();
    let hasAdded = false;
    for (const entry of this.#due) {
      // A clock set back would keep a shard waiting for a slot far ahead: begin again from here.
      if (entry.slot - now > 2 * entry.shard.intervalMs) entry.slot = nextSlot(now, entry.shard);
      if (entry.slot > now) continue;
      hasAdded = true;
      const current = slotAt(now, entry.shard);
      for (
        let missed = entry.slot, n = 0;
        missed < current && n < 1000;
        missed += entry.shard.intervalMs, n++
      ) {
        this.#deps.onSkipped(entry.shard, 'late');
      }
      entry.slot = current + entry.shard.intervalMs;
      await this.#add(entry.shard, current);
    }
    if (hasAdded) this.#due.sort((a, b) => a.slot - b.slot);
  }

  async #add(shard: Shard, slot: number): Promise<void> {
    try {
      const isAccepted = await this.#deps.add({ shard, slot });
      if (!isAccepted) this.#deps.onSkipped(shard, 'queue_full');
      this.#deps.metrics.add('headframe_slots_total', 1, { outcome: isAccepted ? 'added' : 'queue_full' });
    } catch (err) {
      this.#deps.log.warn({ err, shard: shard.id }, 'slot job not added');
      this.#deps.onSkipped(shard, 'queue_unavailable');
      this.#deps.metrics.add('headframe_slots_total', 1, { outcome: 'queue_unavailable' });
    }
  }
}
