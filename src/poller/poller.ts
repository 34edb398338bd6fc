import { Actor } from '../actor/actor.js';
import type { IpRange } from '../domain/ip-ranges.js';
import type { PollOutcome } from '../domain/poll-task.js';
import type { Shard } from '../domain/shards.js';
import { overlapOf } from '../domain/site-plan.js';
import { noneHeld, type HeldMiners } from '../queue/work-queue.js';
import type { TraceParent } from '../telemetry/tracing.js';
import {
  createShardPoller,
  type PollMessage,
  type ShardCensus,
  type ShardPollerDeps,
  type SkipReason,
} from './shard-poller.js';

export interface PollerDeps extends Omit<ShardPollerDeps, 'onOutcome'> {
  /** Shards remembered at once; the one idle longest is let go. */
  readonly maxShards: number;
  /** A shard failed more often than its budget allows. */
  readonly onEscalate: (error: unknown) => void;
}

/** A poll under way of a shard that is gone may go on so long, ms; its own deadlines are shorter. */
const leaveMs = 60_000;

interface Entry {
  readonly actor: Actor<PollMessage>;
  ranges: readonly IpRange[];
  readonly census: ShardCensus;
}

/** Takes slot jobs, hands each to the actor of its shard, and registers what the workers counted. */
export class Poller {
  readonly #deps: PollerDeps;
  readonly #shards = new Map<string, Entry>();
  /** Shards of the plans; null: any. */
  #kept: ReadonlySet<string> | null = null;
  /** Shards let go of whose last poll may still be under way. */
  readonly #leaving = new Set<{ readonly ranges: readonly IpRange[]; readonly over: Promise<unknown> }>();
  readonly #fingerprints = new Set<string>();

  constructor(deps: PollerDeps) {
    this.#deps = deps;
    deps.metrics.gauge('headframe_known_miners', () => this.knownMiners);
    deps.metrics.gauge('headframe_reply_fingerprints', () => this.#fingerprints.size);
  }

  get knownMiners(): number {
    let known = 0;
    for (const { census } of this.#shards.values()) known += census.known;
    return known;
  }

  /** Resolves when the slot is over. A shard still busy with its previous slot skips this one. */
  poll(shard: Shard, slot: number, held: HeldMiners = noneHeld, trace?: TraceParent): Promise<void> {
    const before = [...this.#leaving].filter(({ ranges }) => overlapOf(ranges, shard.ranges).length > 0);
    if (before.length > 0)
      // A miner bears one connection, and the shard that it was in until now may still have it.
      return Promise.all(before.map(({ over }) => over)).then(() => this.poll(shard, slot, held, trace));
    const entry = this.#entry(shard.id);
    entry.ranges = shard.ranges;
    return new Promise((resolve) => {
      const done = (): void => {
        resolve();
        // Its job was in the queue when the plan changed.
        if (this.#kept?.has(shard.id) === false) this.#letGo(shard.id);
      };
      if (entry.actor.tell({ type: 'poll', shard, slot, held, trace, done })) return;
      this.#deps.metrics.add('headframe_mailbox_shed_total', 1, { actor: 'shard' });
      this.skipped(shard, 'overrun');
      resolve();
    });
  }

  /** Counts a slot that was never begun: its known miners are skipped. */
  skipped(shard: Shard, reason: SkipReason): void {
    const known = this.#shards.get(shard.id)?.census.known ?? 0;
    this.#deps.metrics.add('headframe_slots_total', 1, { outcome: reason });
    this.#deps.onSlotEnd(shard, { kind: 'skipped', reason });
    this.#deps.onScheduled(known);
    this.#deps.onSkipped(reason, known);
  }

  /** Finishes running slots within the deadline and keeps what was learned. */
  async stop(options: { deadlineMs: number }): Promise<void> {
    await Promise.all([
      ...[...this.#shards.values()].map(({ actor }) => actor.stop({ drain: true, ...options })),
      ...[...this.#leaving].map(({ over }) => over),
    ]);
  }

  /** Lets go of every shard but these, as its poll under way ends: of its actor and of what it has learned in memory. */
  keep(shardIds: ReadonlySet<string>): void {
    this.#kept = shardIds;
    for (const id of [...this.#shards.keys()]) if (!shardIds.has(id)) this.#letGo(id);
  }

  #letGo(shardId: string): void {
    const entry = this.#shards.get(shardId);
    if (!entry) return;
    this.#shards.delete(shardId);
    const leaving = {
      ranges: entry.ranges,
      over: entry.actor.stop({ drain: true, deadlineMs: leaveMs }).then((rest) => {
        for (const { done } of rest) done();
        this.#leaving.delete(leaving);
        if (!this.#shards.has(shardId)) this.#deps.profiles.forget(shardId);
      }),
    };
    this.#leaving.add(leaving);
  }

  #entry(shardId: string): Entry {
    let entry = this.#shards.get(shardId);
    if (entry) {
      // Last used goes last, so that the first one is the one idle longest.
      this.#shards.delete(shardId);
    } else {
      const census: ShardCensus = { known: 0 };
      const actor = new Actor<PollMessage>({
        name: `shard ${shardId}`,
        create: () =>
          createShardPoller(shardId, census, {
            ...this.#deps,
            onOutcome: (outcome) => this.#register(outcome),
          }),
        mailboxSize: 1,
        onCrash: (err) => {
          this.#deps.metrics.add('headframe_actor_restarts_total', 1, { actor: 'shard' });
          this.#deps.log.error({ err, shard: shardId }, 'shard poller crashed');
        },
        onEscalate: this.#deps.onEscalate,
      });
      entry = { actor, census, ranges: [] };
      this.#letOneGo();
    }
    this.#shards.set(shardId, entry);
    return entry;
  }

  #letOneGo(): void {
    if (this.#shards.size < this.#deps.maxShards) return;
    const [first] = this.#shards.keys();
    if (first !== undefined) this.#letGo(first);
  }

  #register({ counters }: PollOutcome): void {
    const { metrics } = this.#deps;
    for (const [state, n] of Object.entries(counters.byState))
      metrics.add('headframe_samples_total', n, { state });
    for (const [type, n] of Object.entries(counters.errors))
      metrics.add('miner_poll_errors_total', n, { type });
    for (const [kind, n] of Object.entries(counters.repairs))
      metrics.add('headframe_reply_repairs_total', n, { kind });
    for (const [shape, n] of Object.entries(counters.unreadable)) {
      metrics.add('headframe_unreadable_replies_total', n, { shape });
    }
    for (const [family, times] of Object.entries(counters.latencies)) {
      for (const ms of times) metrics.observe('miner_poll_latency_ms', ms, { family });
    }
    for (const [name, n] of Object.entries(counters.damaged)) {
      const [family = '', damage = ''] = name.split(' ');
      metrics.add('headframe_damaged_replies_total', n, { family, damage });
    }
    for (const print of Object.keys(counters.fingerprints)) {
      if (this.#fingerprints.size < 10_000) this.#fingerprints.add(print);
    }
  }
}
