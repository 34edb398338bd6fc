import type { Behaviour } from '../actor/actor.js';
import { rulesWithin, type CredentialRule } from '../domain/credentials.js';
import type { HealthThresholds } from '../domain/health.js';
import { parseIp, type IpRange } from '../domain/ip-ranges.js';
import type { PollCounters, PollLimits, PollOutcome, PollTask, PolledPiece } from '../domain/poll-task.js';
import type { Shard } from '../domain/shards.js';
import { overlapOf, without } from '../domain/site-plan.js';
import { isLate } from '../domain/slots.js';
import type { HeldMiners } from '../queue/work-queue.js';
import type { SharedProfiles } from '../queue/shared-profiles.js';
import type { Logger } from '../telemetry/logger.js';
import type { Metrics } from '../telemetry/metrics.js';
import {
  inSpan,
  recordSpan,
  shardAttributes,
  traceParentOf,
  type Span,
  type SpanStart,
  type TraceParent,
} from '../telemetry/tracing.js';
import type { PollRun } from './poll-pool.js';
import type { ProfileStore } from './profile-store.js';
import type { SlotEnd } from './heartbeat/slot-tally.js';

/** Why known miners got no sample in a slot. Bounded: it is a metric label. */
export type SkipReason =
  | 'late'
  | 'overrun'
  | 'overload'
  | 'unknown_site'
  | 'worker_failed'
  | 'backoff'
  | 'deadline'
  | 'command'
  | 'queue_full'
  | 'queue_unavailable';

export interface ShardPollerDeps {
  readonly run: (task: PollTask, onBatch: (batch: PolledPiece) => void) => Promise<PollRun>;
  readonly profiles: ProfileStore;
  /** What pollers of other processes learn; null where there are none. */
  readonly shared: SharedProfiles | null;
  readonly limits: PollLimits;
  readonly thresholds: HealthThresholds;
  /** Port and logins of a site's web interfaces, from this process's own settings: no job carries them. */
  readonly webOf: (
    site: string,
  ) => { readonly httpPort: number; readonly credentials: readonly CredentialRule[] } | undefined;
  readonly now: () => number;
  readonly metrics: Metrics;
  readonly log: Logger;
  /** Takes records of a site's slot in the same tick. */
  readonly deliver: (site: string, piece: PolledPiece, slot: number, trace?: TraceParent) => void;
  readonly onScheduled: (samples: number) => void;
  readonly onSkipped: (reason: SkipReason, samples: number) => void;
  readonly onOutcome: (outcome: PollOutcome) => void;
  /** Told of every slot of a shard, once. */
  readonly onSlotEnd: (shard: Shard, end: SlotEnd) => void;
}

export interface PollMessage {
  readonly type: 'poll';
  readonly shard: Shard;
  readonly slot: number;
  readonly held: HeldMiners;
  /** Of the job. */
  readonly trace?: TraceParent | undefined;
  /** Called when the slot is over, whatever came of it. */
  readonly done: () => void;
}

/** How many known miners a shard has: kept outside the behaviour, for slots that are skipped. */
export interface ShardCensus {
  known: number;
}

/**
 * Polls one shard, slot after slot. State: the shard's learned profiles. A crash throws them away and
 * reads them back from disk. Once in a while they are exchanged with pollers of other processes, at first
 * before the first poll: whoever takes a shard over knows its miners.
 */
export async function createShardPoller(
  shardId: string,
  census: ShardCensus,
  deps: ShardPollerDeps,
): Promise<Behaviour<PollMessage>> {
  let profiles = await deps.profiles.load(shardId);
  /** The newest slot that they are of, 0 for those of an earlier run, and of what others were told last. */
  let learnedSlot = 0;
  let toldSlot = 0;
  let exchangedAt = -Infinity;

  async function poll(message: PollMessage, span: Span): Promise<'polled' | SkipReason> {
    const { shard, slot, held } = message;
    if (isLate(slot, deps.now(), shard)) return skip(shard, 'late', census.known);
    const began = deps.now();
    const shared = deps.shared !== null && began - exchangedAt >= deps.shared.everyMs ? deps.shared : null;
    if (shared !== null) exchangedAt = began;
    const newer = (await shared?.read(shardId, learnedSlot)) ?? null;
    const web = deps.webOf(shard.site);
    const busy = overlapOf(shard.ranges, rangesOf(held.addresses));
    const task: PollTask = {
      shardId,
      site: shard.site,
      ranges: without(shard.ranges, busy),
      port: shard.port,
      slot,
      intervalMs: shard.intervalMs,
      endMs: slot + shard.intervalMs,
      profiles,
      limits: deps.limits,
      thresholds: deps.thresholds,
      ...(web === undefined
        ? {}
        : { httpPort: web.httpPort, credentials: rulesWithin(web.credentials, shard.ranges) }),
    };
    const first = { ...task, ...(newer !== null && { newerProfiles: newer.text }) };
    const { rows, outcome } = await run(first, span);
    if (outcome === null) return skip(shard, 'worker_failed', Math.max(0, census.known - rows));
    const outcomes = [outcome];
    if (busy.length > 0) {
      // By now most commands are done with their miners.
      const rest = await run({ ...task, ranges: busy, profiles, held: await held.still() }, span);
      if (rest.outcome === null) pass('worker_failed', Math.max(0, busy.length - rest.rows));
      else outcomes.push(rest.outcome);
    }
    deps.metrics.observe('headframe_poll_cycle_seconds', (deps.now() - began) / 1000);
    deps.metrics.add('headframe_slots_total', 1, { outcome: 'polled' });
    const sum = (of: (counters: PollCounters) => number): number =>
      outcomes.reduce((all, { counters }) => all + of(counters), 0);
    deps.onSlotEnd(shard, {
      kind: 'polled',
      slot,
      samples: sum(({ samples }) => samples),
      online: sum(({ samples, byState }) => samples - (byState['unreachable'] ?? 0)),
      durationMs: deps.now() - began,
    });
    learnedSlot = slot;
    await deps.profiles.save(shardId, profiles, deps.now());
    if (shared !== null) await tell(shared);
    return 'polled';
  }

  /** Polls some of a shard's addresses in a thread, and counts what came of it; no outcome when the thread failed. */
  async function run(
    part: PollTask,
    span: Span,
  ): Promise<{ readonly rows: number; readonly outcome: PollOutcome | null }> {
    let rows = 0;
    const done = await deps.run(part, (batch) => {
      rows += batch.rows;
      deps.onScheduled(batch.rows);
      deps.deliver(part.site ?? '', batch, part.slot, recordPiece(batch, span));
    });
    if (done.kind === 'failed') {
      deps.log.warn({ err: done.error, shard: shardId }, 'poll task failed');
      return { rows, outcome: null };
    }
    const { counters } = done.outcome;
    deps.onScheduled(counters.scheduled - rows);
    deps.onSkipped('backoff', counters.skippedBackoff);
    deps.onSkipped('deadline', counters.skippedDeadline);
    deps.onSkipped('command', counters.skippedCommand);
    profiles = done.outcome.profiles;
    census.known = done.outcome.knownMiners;
    deps.onOutcome(done.outcome);
    return { rows, outcome: done.outcome };
  }

  async function tell(shared: SharedProfiles): Promise<void> {
    toldSlot = learnedSlot;
    await shared.write(shardId, { slot: learnedSlot, text: profiles });
  }

  function skip(shard: Shard, reason: SkipReason, samples: number): SkipReason {
    deps.metrics.add('headframe_slots_total', 1, { outcome: reason });
    deps.onSlotEnd(shard, { kind: 'skipped', reason });
    pass(reason, samples);
    return reason;
  }

  function pass(reason: SkipReason, samples: number): void {
    deps.onScheduled(samples);
    deps.onSkipped(reason, samples);
  }

  return {
    async receive(message) {
      try {
        await inSpan('poll slot', spanOf(message), async (span) => {
          span.setAttribute('headframe.outcome', await poll(message, span));
        });
      } finally {
        message.done();
      }
    },
    async stop() {
      await deps.profiles.save(shardId, profiles, deps.now(), true);
      if (deps.shared !== null && toldSlot < learnedSlot) await tell(deps.shared);
    },
  };
}

function spanOf({ shard, slot, trace }: PollMessage): SpanStart {
  const attributes = { ...shardAttributes(shard), 'headframe.slot': new Date(slot).toISOString() };
  return { kind: 'consumer', parent: trace ?? null, attributes };
}

/** Sorted. What is no address is none of a shard's. */
const rangesOf = (addresses: readonly string[]): IpRange[] =>
  addresses
    .flatMap((ip) => parseIp(ip) ?? [])
    .sort((a, b) => a - b)
    .map((address) => ({ first: address, last: address }));

/** What a thread did for one piece: it has no spans of its own. */
function recordPiece({ rows, gz, startMs, endMs }: PolledPiece, slot: Span): TraceParent | undefined {
  const attributes = { 'headframe.rows': rows, 'headframe.bytes': gz.length };
  return recordSpan('poll chunk', { parent: traceParentOf(slot), startMs, endMs, attributes });
}
