import { Actor } from '../actor/actor.js';
import type { Config } from '../config/schema.js';
import { AppError } from '../domain/errors.js';
import { runRetention } from '../storage/retention.js';
import { runRollups } from '../storage/rollups.js';
import type { Logger } from '../telemetry/logger.js';
import type { Metrics } from '../telemetry/metrics.js';
import type { Failure } from './failure.js';
import type { Store } from './store.js';

export interface MaintenanceOptions {
  readonly config: Config;
  readonly store: Pick<Store, 'database'>;
  readonly metrics: Metrics;
  readonly log: Logger;
  readonly failure: Failure;
}

export interface Stoppable {
  stop(): Promise<void>;
}

/** Partitions ahead, retention behind, and rollups; any number of instances may run them. */
export function startMaintenance(options: MaintenanceOptions): Stoppable {
  const { config, store, metrics, log } = options;
  const { retention, rollups } = config;
  const parts = [
    repeat(options, 'maintenance', retention.run_every_s, () =>
      runRetention(store.database, {
        historyDays: retention.history_days,
        eventDays: retention.events_days,
        rollup1hDays: retention.rollup_1h_days,
        rollup5mDays: retention.rollup_5m_days,
        logDays: retention.logs_days,
        alertDays: retention.alerts_days,
        noticeDays: retention.notices_days,
        commandDays: retention.commands_days,
        quirkDays: retention.quirks_days,
        clusterDays: retention.cluster_days,
        now: new Date(),
        log,
        metrics,
      }),
    ),
    repeat(options, 'rollups', rollups.run_every_s, (signal) =>
      runRollups(store.database, {
        historyDays: retention.history_days,
        settle5mS: rollups.settle_5m_s,
        settle1hS: rollups.settle_1h_s,
        maxBuckets: rollups.max_buckets,
        deadlineMs: rollups.deadline_ms,
        metrics,
        signal,
      }),
    ),
  ];
  return {
    async stop() {
      await Promise.all(parts.map((part) => part.stop()));
    },
  };
}

/** Runs `work` now and then every `everyS`; a run that is still at it when its turn comes skips that turn. */
export function repeat(
  { metrics, log, failure }: Pick<MaintenanceOptions, 'metrics' | 'log' | 'failure'>,
  name: string,
  everyS: number,
  work: (signal: AbortSignal) => Promise<object | null>,
): Stoppable {
  const actor = new Actor<'run'>({
    name,
    mailboxSize: 1,
    create: () => ({
      async receive(_message, signal) {
        const outcome = await work(signal).catch((error: unknown) => {
          // The database being away is no fault of maintenance: the next run looks again.
          if (error instanceof AppError && error.isRetryable) return null;
          throw error;
        });
        log.debug({ outcome, part: name }, 'maintenance ran');
      },
    }),
    onCrash: (err) => {
      metrics.add('headframe_actor_restarts_total', 1, { actor: name });
      log.error({ err, part: name }, 'maintenance crashed');
    },
    onEscalate: failure.report,
  });
  const timer = setInterval(() => actor.tell('run'), everyS * 1000);
  actor.tell('run');
  return {
    async stop() {
      clearInterval(timer);
      await actor.stop({ drain: false, deadlineMs: 1_000 });
    },
  };
}
