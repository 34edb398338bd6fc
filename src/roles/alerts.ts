import { deliverDue, type DeliveryDeps, type DeliveryOptions } from '../alerts/deliver.js';
import {
  evaluateAlerts,
  type EvaluationDeps,
  type EvaluationOptions,
  type EvaluationOutcome,
} from '../alerts/evaluate.js';
import { createSender, type NamedSecret, type Send } from '../alerts/send/sender.js';
import type { SmtpSettings } from '../alerts/send/email.js';
import type { AlertDeps } from '../api/alerts.js';
import type { Config } from '../config/schema.js';
import { AppError } from '../domain/errors.js';
import type { Logger } from '../telemetry/logger.js';
import type { Metrics } from '../telemetry/metrics.js';
import { readCertificates } from './certificates.js';
import type { Failure } from './failure.js';
import { repeat, type Stoppable } from './maintenance.js';
import { offlineAfterS, slowestIntervalS, staleAfterS, type Store } from './store.js';

export interface AlertsOptions {
  readonly config: Config;
  readonly store: Store;
  readonly metrics: Metrics;
  readonly log: Logger;
  readonly failure: Failure;
  readonly send: Send;
}

const severities = ['warning', 'critical'] as const;
const states = ['open', 'acknowledged'] as const;

/**
 * Holds rules against readings and tells notifiers, each in an actor of its own, so that a slow receiver
 * delays no evaluation. Any number of instances may run it.
 */
export function startAlerts(options: AlertsOptions): Stoppable {
  const { config, store, metrics } = options;
  const evaluation = evaluationDepsOf(store);
  const limits = evaluationOptionsOf(config);
  const delivery = deliveryDepsOf(options);
  const lengths = deliveryOptionsOf(config);
  const loops = [
    repeat(options, 'alerts', config.alerts.evaluate_every_s, async () => {
      const startedMs = performance.now();
      try {
        const outcome = await evaluateAlerts(evaluation, limits, new Date());
        await showCounts(store, metrics);
        count(metrics, outcome, (performance.now() - startedMs) / 1_000);
        return outcome;
      } catch (error) {
        metrics.add('headframe_alert_evaluations_total', 1, { outcome: 'failed' });
        throw error;
      }
    }),
    repeat(options, 'notifier', config.alerts.deliver_every_s, async (signal) => {
      let taken = 0;
      for (;;) {
        const now = await deliverDue(delivery, lengths, signal);
        taken += now;
        // A full hand means that more may be due.
        if (now < lengths.concurrency || signal.aborted) return { taken };
      }
    }),
  ];
  return {
    async stop() {
      await Promise.all(loops.map((loop) => loop.stop()));
    },
  };
}

function count(metrics: Metrics, outcome: EvaluationOutcome | null, elapsedS: number): void {
  metrics.add('headframe_alert_evaluations_total', 1, { outcome: outcome === null ? 'elsewhere' : 'done' });
  if (outcome === null) return;
  metrics.observe('headframe_alert_evaluation_seconds', elapsedS);
  metrics.add('headframe_alert_transitions_total', outcome.opened, { transition: 'opened' });
  metrics.add('headframe_alert_transitions_total', outcome.resolved, { transition: 'resolved' });
}

async function showCounts(store: Store, metrics: Metrics): Promise<void> {
  const counts = await store.alerts.counts();
  for (const severity of severities)
    for (const state of states) {
      const found = counts.find((count) => count.severity === severity && count.state === state);
      metrics.set('headframe_alerts', found?.n ?? 0, { state, severity });
    }
  metrics.set('headframe_notifications_waiting', await store.notifiers.waiting());
}

/** What the routes of alerts need. */
export function alertDepsOf(store: Store, maxNotifiers: number, send: Send): AlertDeps {
  return {
    alerts: store.alerts,
    rules: store.alertRules,
    notifiers: store.notifiers,
    maxNotifiers,
    tell: async (notifier, notice, notificationId) => {
      const outcome = await send(notifier, notice, notificationId, new AbortController().signal);
      return outcome.kind === 'sent' ? null : outcome.detail;
    },
  };
}

/** What evaluations need, from the database. */
export function evaluationDepsOf({ alertEngine, alerts, notifiers }: Store): EvaluationDeps {
  return {
    claim: (now, everyMs) => alertEngine.claim(now, everyMs),
    seedDefaults: () => alertEngine.seedDefaults(),
    rotateCounters: () => alertEngine.rotateCounters(),
    facts: (moment) => alertEngine.facts(moment),
    silenced: (limit) => alertEngine.silenced(limit),
    groups: (since, limit) => alertEngine.groups(since, limit),
    windows: (now) => alerts.windows(now, now),
    notifiers: () => notifiers.list(),
    reserveIds: (count, incidents) => alertEngine.reserveIds(count, incidents),
    apply: (generation, now, changes) => alertEngine.apply(generation, now, changes),
  };
}

/** Settings of evaluations. */
export function evaluationOptionsOf(config: Config): EvaluationOptions {
  const { alerts } = config;
  const intervalS = slowestIntervalS(config);
  return {
    everyMs: alerts.evaluate_every_s * 1_000,
    staleAfterS: staleAfterS(config),
    offlineAfterS: offlineAfterS(config),
    goneAfterS: alerts.gone_after_h * 3_600,
    intervalS,
    maxChanges: alerts.max_changes,
    minAlerts: alerts.incident_alerts,
    minSubnets: alerts.incident_subnets,
    windowMs: alerts.incident_window_s * 1_000,
    gatherMs: alerts.gather_s * 1_000,
  };
}

function deliveryDepsOf({ store: { notifiers }, metrics, send }: AlertsOptions): DeliveryDeps {
  return {
    claim: (now, leaseMs, limit) => notifiers.claim(now, leaseMs, limit),
    settle: (id, rounds, settlement, now) => notifiers.settle(id, rounds, settlement, now),
    summariseHeld: (now) => notifiers.summariseHeld(now),
    send,
    count: (kind, outcome) => metrics.add('headframe_notifications_total', 1, { kind, outcome }),
    now: Date.now,
  };
}

function deliveryOptionsOf({ alerts }: Config): DeliveryOptions {
  return {
    attempts: alerts.delivery_attempts,
    retryMs: alerts.delivery_retry_ms,
    rounds: alerts.delivery_rounds,
    roundMs: alerts.delivery_round_s * 1_000,
    leaseMs: alerts.delivery_lease_s * 1_000,
    concurrency: alerts.delivery_concurrency,
  };
}

/** Sends as the settings say. */
export function senderOf(config: Config): Send {
  const { alerts } = config;
  const secrets = new Map(
    config.secrets.map(({ name, value, servers }) => [name, { value: value ?? '', servers }]),
  );
  return createSender({
    secrets,
    smtp: smtpOf(config, secrets),
    timeoutMs: alerts.delivery_timeout_ms,
    maxAnswerBytes: alerts.max_answer_bytes,
    now: Date.now,
  });
}

function smtpOf({ alerts }: Config, secrets: ReadonlyMap<string, NamedSecret>): SmtpSettings | null {
  if (alerts.smtp_host === undefined) return null;
  const password = alerts.smtp_secret === undefined ? null : secrets.get(alerts.smtp_secret)?.value;
  if (password === undefined)
    throw new AppError('CONFIG_INVALID', `alerts.smtp_secret: there is no secret "${alerts.smtp_secret}"`);
  if (alerts.smtp_from === undefined)
    throw new AppError('CONFIG_INVALID', 'alerts.smtp_from: mails need a sender');
  return {
    host: alerts.smtp_host,
    port: alerts.smtp_port,
    security: alerts.smtp_security,
    username: alerts.smtp_username ?? null,
    password,
    from: alerts.smtp_from,
    ca: readCertificates('alerts.smtp_ca_file', alerts.smtp_ca_file),
  };
}
