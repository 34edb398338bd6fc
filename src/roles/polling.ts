import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { Actor } from '../actor/actor.js';
import { workerFile } from '../config/paths.js';
import type { Config } from '../config/schema.js';
import { Coordinator } from '../coordinator/coordinator.js';
import { AppError } from '../domain/errors.js';
import { createGateMemory } from '../domain/miner-gate.js';
import type { Shard } from '../domain/shards.js';
import { DeliveryLedger } from '../poller/delivery-ledger.js';
import { PollPool } from '../poller/poll-pool.js';
import { Poller } from '../poller/poller.js';
import { ProfileStore } from '../poller/profile-store.js';
import type { SkipReason } from '../poller/shard-poller.js';
import type { SharedProfiles } from '../queue/shared-profiles.js';
import type { Consumer, SlotJob, WorkQueue } from '../queue/work-queue.js';
import type { Logger } from '../telemetry/logger.js';
import type { Metrics } from '../telemetry/metrics.js';
import { inSpan, shardAttributes, traceParentOf } from '../telemetry/tracing.js';
import { startCommandLane, type HoldElsewhere } from './command-lane.js';
import { startDelivery, type Delivery } from './delivery.js';
import { SlotTallies, type OwnReport, type UploadReport } from './heartbeats.js';
import { pollLimitsOf, thresholdsOf, webSettingsOf } from './plan.js';
import type { SitePlans } from './site-plans.js';

export interface PollingOptions {
  readonly config: Config;
  readonly plans: SitePlans;
  readonly queue: WorkQueue;
  readonly apiUrl: string;
  /** Collector key by site. */
  readonly keys: ReadonlyMap<string, string>;
  readonly metrics: Metrics;
  readonly log: Logger;
  /** What pollers of other processes learn; null where there are none. */
  readonly sharedProfiles: SharedProfiles | null;
  /** Keeps pollers of other processes from a miner under command; null where there are none. */
  readonly holdElsewhere: HoldElsewhere | null;
  /** Whether it can reach a zone: it takes nothing of others. */
  readonly reaches: (zone: string) => boolean;
  readonly onEscalate: (error: unknown) => void;
}

/** The polling half of a process: queue → threads → spool → api; and the commands that go the other way. */
export interface Polling {
  readonly ledger: DeliveryLedger;
  readonly poller: Poller;
  /** What became of slots, for heartbeats. */
  readonly tallies: SlotTallies;
  report(): OwnReport;
  uploads(site: string): UploadReport;
  skipped(shard: Shard, reason: SkipReason): void;
  stop(options: { deadlineMs: number }): Promise<void>;
}

/** Starts delivery of every site, the threads, and the consumers of every zone the sites name. */
export async function startPolling(options: PollingOptions): Promise<Polling> {
  const { config, plans, metrics, log, onEscalate } = options;
  const ledger = new DeliveryLedger({ metrics });
  const deliveries = new Map<string, Delivery>();
  for (const { name } of config.sites) {
    const key = options.keys.get(name);
    if (key === undefined)
      throw new AppError('CONFIG_INVALID', `site "${name}": no collector key; set sites[].key_file`);
    deliveries.set(
      name,
      await startDelivery({ ...options, site: name, key, ledger, intervalOf: intervalOf(plans, name) }),
    );
  }
  const threads = config.poll.threads || availableParallelism();
  const gate = createGateMemory();
  const pool = new PollPool({
    workerFile: workerFile('poll-worker'),
    threads,
    socketsPerThread: config.poll.sockets_per_thread,
    tasksPerThread: config.poll.shards_per_thread,
    maxQueue: config.poll.max_queue,
    maxHeapMb: config.poll.thread_heap_mb,
    stuckMs: config.poll.stuck_ms,
    gate,
    log,
  });
  metrics.gauge('headframe_poll_threads_busy', () => pool.load);
  metrics.gauge('headframe_thread_use_ratio', pool.use, { pool: 'poll' });
  const logins = new Map(config.sites.map(({ name }) => [name, webSettingsOf(config, name).credentials]));
  const tallies = new SlotTallies(config);
  const poller = new Poller({
    run: (task, onPiece) => pool.run(task, onPiece),
    profiles: new ProfileStore({ dir: join(config.data_dir, 'profiles'), saveEveryMs: 60_000, log }),
    shared: options.sharedProfiles,
    limits: pollLimitsOf(config),
    thresholds: thresholdsOf(config),
    webOf: (site) => {
      const [credentials, plan] = [logins.get(site), plans.of(site)];
      return credentials && plan ? { httpPort: plan.httpPort, credentials } : undefined;
    },
    now: Date.now,
    metrics,
    log,
    maxShards: config.poll.max_shards,
    deliver: (site, piece, slot, trace) => {
      const delivery = deliveries.get(site);
      if (delivery) delivery.batcher.add(piece, slot, trace);
      else ledger.drop('unknown_site', piece.rows);
    },
    onScheduled: (samples) => ledger.schedule(samples),
    onSkipped: (reason, samples) => ledger.skip(reason, samples),
    onSlotEnd: tallies.note,
    onEscalate,
  });
  const strangers = new Set<string>();
  const refuse = ({ shard }: SlotJob): void => {
    poller.skipped(shard, 'unknown_site');
    if (strangers.has(shard.site) || strangers.size >= maxStrangers) return;
    strangers.add(shard.site);
    log.error(
      { site: shard.site, zone: shard.zone },
      'a slot of a site that is not in the settings: name it under sites, or give it a zone of its own',
    );
  };
  const consumers = startConsumers(plans, options.reaches, (zone) =>
    options.queue.consume(
      {
        zone,
        concurrency: threads * config.poll.shards_per_thread,
        onDropped: (job, reason) => poller.skipped(job.shard, reason),
      },
      async (job, _signal, held) => {
        if (deliveries.has(job.shard.site)) await poller.poll(job.shard, job.slot, held, job.trace);
        else refuse(job);
      },
    ),
  );
  plans.onChange(() => poller.keep(new Set(plans.shards().map(({ id }) => id))));
  const commands = await startCommandLane({ ...options, gate });
  return {
    ledger,
    poller,
    tallies,
    report: () => ({
      threads,
      sockets: threads * config.poll.sockets_per_thread,
      shards_at_once: threads * config.poll.shards_per_thread,
      threads_busy: Math.min(threads, pool.load),
      shards_running: Math.min(pool.load, threads * config.poll.shards_per_thread),
      shards_waiting: Math.max(0, pool.load - threads * config.poll.shards_per_thread),
      conservation_error: ledger.conservationError(),
    }),
    uploads: (site) => uploadsOf(deliveries.get(site)),
    skipped: (shard, reason) => poller.skipped(shard, reason),
    async stop({ deadlineMs }) {
      await Promise.all([
        commands?.stop({ deadlineMs: deadlineMs * 0.6 }),
        consumers.stop({ deadlineMs: deadlineMs * 0.6 }),
      ]);
      await pool.close();
      await poller.stop({ deadlineMs: deadlineMs * 0.1 });
      await Promise.all(
        [...deliveries.values()].map((delivery) => delivery.stop({ deadlineMs: deadlineMs * 0.3 })),
      );
    },
  };
}

/** Sites that are told of once each, so many at most. */
const maxStrangers = 1_000;

/** What was polled before the interval was this one, or by an earlier process, may have had another. */
const intervalOf =
  (plans: SitePlans, site: string) =>
  (slotMs: number): number | null => {
    const plan = plans.of(site);
    return plan === null || slotMs < plan.intervalSinceMs ? null : plan.intervalS;
  };

/** One consumer in each zone that a plan names; another plan may name others. */
function startConsumers(
  plans: SitePlans,
  reaches: (zone: string) => boolean,
  consume: (zone: string) => Consumer,
): { stop(options: { deadlineMs: number }): Promise<void> } {
  const consumers = new Map<string, Consumer>();
  const leaving = new Set<Promise<void>>();
  let isStopping = false;
  const follow = (): void => {
    if (isStopping) return;
    const zones = plans.zones().filter(reaches);
    for (const zone of zones) if (!consumers.has(zone)) consumers.set(zone, consume(zone));
    for (const [zone, consumer] of consumers) {
      if (zones.includes(zone)) continue;
      consumers.delete(zone);
      const left = consumer.stop({ deadlineMs: leaveZoneMs }).finally(() => leaving.delete(left));
      leaving.add(left);
    }
  };
  follow();
  plans.onChange(follow);
  return {
    async stop(options) {
      isStopping = true;
      await Promise.all([...leaving, ...[...consumers.values()].map((consumer) => consumer.stop(options))]);
    },
  };
}

/** Polls of a zone that no plan names any more may go on so long, ms. */
const leaveZoneMs = 5_000;

function uploadsOf(delivery: Delivery | undefined): UploadReport {
  const { bytes = 0, files = 0, oldestMs = null } = delivery?.spooled() ?? {};
  const lagMs = oldestMs === null ? null : Math.max(0, Date.now() - oldestMs);
  return { upload_lag_s: lagMs === null ? null : lagMs / 1_000, spool_bytes: bytes, spool_files: files };
}

export interface CoordinationOptions {
  readonly plans: SitePlans;
  readonly queue: WorkQueue;
  readonly onSkipped: (shard: Shard, reason: 'queue_full' | 'queue_unavailable' | 'late') => void;
  readonly metrics: Metrics;
  readonly log: Logger;
  readonly onEscalate: (error: unknown) => void;
}

/** The coordinating half: adds the jobs of each slot as it begins. */
export function startCoordination(options: CoordinationOptions): { stop(): Promise<void> } {
  const { plans, queue, metrics, log, onEscalate } = options;
  let timer: NodeJS.Timeout | undefined;
  const actor = new Actor<'tick'>({
    name: 'coordinator',
    mailboxSize: 1,
    create: () => {
      const coordinator = new Coordinator({
        shards: () => plans.shards(),
        add: (job) => addTraced(queue, job),
        now: Date.now,
        metrics,
        log,
        onSkipped: options.onSkipped,
      });
      const arm = (): void => {
        clearTimeout(timer);
        timer = setTimeout(() => actor.tell('tick'), coordinator.delayMs(1_000));
      };
      arm();
      return {
        async receive() {
          await coordinator.tick();
          arm();
          await showWaiting(options);
        },
      };
    },
    onCrash: (err) => {
      metrics.add('headframe_actor_restarts_total', 1, { actor: 'coordinator' });
      log.error({ err }, 'coordinator crashed');
    },
    onEscalate,
  });
  // One that is refused finds another before it.
  plans.onChange(() => void actor.tell('tick'));
  return {
    async stop() {
      clearTimeout(timer);
      await actor.stop({ drain: false, deadlineMs: 1_000 });
      clearTimeout(timer);
    },
  };
}

/** What waits is not known while the queue does not answer. */
async function showWaiting({ plans, queue, metrics }: CoordinationOptions): Promise<void> {
  const counts = await Promise.all(plans.zones().map((zone) => queue.waiting(zone).catch(() => NaN)));
  const waiting = counts.reduce((a, b) => a + b, 0);
  if (Number.isNaN(waiting)) metrics.clear('headframe_queue_jobs');
  else metrics.set('headframe_queue_jobs', waiting);
}

/** A slot's trace begins here; the job carries it to whoever polls it. */
function addTraced(queue: WorkQueue, job: SlotJob): Promise<boolean> {
  const start = { kind: 'producer', parent: null, attributes: shardAttributes(job.shard) } as const;
  return inSpan('add slot', start, (span) => {
    const trace = traceParentOf(span);
    return queue.add(trace === undefined ? job : { ...job, trace });
  });
}
