import { describeBreach, type AlertSeverity } from '../domain/alert-kinds.js';
import type { IncidentScope, Notice, NoticeEvent, Notifier } from '../domain/alerts.js';
import type { AlertFact } from './transitions.js';

/** A notice on its way to one notifier, as it is put into the outbox. */
export interface OutboxEntry {
  readonly notificationId: string;
  readonly notifierId: number;
  readonly event: NoticeEvent;
  readonly notice: Notice;
  readonly alertId: number | null;
  readonly incidentId: number | null;
  readonly notBeforeMs: number;
}

/** A notice, and when it may go. */
export interface Told {
  readonly notice: Notice;
  readonly notBeforeMs: number;
}

/** One entry for each notifier that wants to hear of it. `newId` makes UUIDs. */
export function addressNotices(
  told: readonly Told[],
  notifiers: readonly Notifier[],
  newId: () => string,
): OutboxEntry[] {
  return told.flatMap(({ notice, notBeforeMs }) =>
    notifiers
      .filter((notifier) => wants(notifier, notice))
      .map((notifier) => ({
        notificationId: newId(),
        notifierId: notifier.notifier_id,
        event: notice.event,
        notice,
        alertId: notice.alert?.id ?? null,
        incidentId: notice.incident?.id ?? null,
        notBeforeMs,
      })),
  );
}

function wants(notifier: Notifier, notice: Notice): boolean {
  return (
    notifier.enabled &&
    (notifier.site_id === null || notifier.site_id === notice.site_id) &&
    (notifier.min_severity === 'warning' || notice.severity === 'critical')
  );
}

/** The notice of an alert that opened (`resolvedMs` null) or ended. */
export function alertNotice(
  fact: AlertFact,
  alertId: number,
  triggeredMs: number,
  resolvedMs: number | null,
): Notice {
  const message = breachMessage(fact);
  return {
    event: resolvedMs === null ? 'alert.opened' : 'alert.resolved',
    site_id: fact.siteId,
    site: fact.siteName,
    severity: fact.severity,
    message: resolvedMs === null ? message : `over: ${nameOf(fact)}, ${fact.kind.replaceAll('_', ' ')}`,
    time: iso(resolvedMs ?? triggeredMs),
    alert: {
      id: alertId,
      kind: fact.kind,
      miner_id: fact.minerKey,
      value: fact.value,
      threshold: fact.threshold,
      triggered_at: iso(triggeredMs),
      resolved_at: resolvedMs === null ? null : iso(resolvedMs),
    },
  };
}

/** What an incident is told by. */
export interface IncidentFacts {
  readonly incidentId: number;
  readonly siteId: number;
  readonly siteName: string;
  readonly kind: AlertFact['kind'];
  readonly scope: IncidentScope;
  readonly place: string;
  readonly severity: AlertSeverity;
  readonly alerts: number;
}

/** The notice of an incident that opened or ended at `nowMs`. */
export function incidentNotice(
  incident: IncidentFacts,
  event: 'incident.opened' | 'incident.resolved',
  nowMs: number,
): Notice {
  const { siteName, kind, scope, place, severity, alerts } = incident;
  const where = scope === 'site' ? `site ${siteName}` : `${place}, site ${siteName}`;
  const what = kind.replaceAll('_', ' ');
  return {
    event,
    site_id: incident.siteId,
    site: siteName,
    severity,
    message: event === 'incident.opened' ? `many miners in ${where}: ${what}` : `over: ${what} in ${where}`,
    time: iso(nowMs),
    incident: { id: incident.incidentId, kind, scope, place: scope === 'site' ? siteName : place, alerts },
  };
}

/** One sentence: `10.1.0.17 is at 91.5 °C, over 85 °C`. */
export function breachMessage(fact: AlertFact): string {
  return describeBreach(fact.kind, nameOf(fact), fact.value, fact.threshold);
}

function nameOf(fact: AlertFact): string {
  return fact.minerKey ?? `site ${fact.siteName}`;
}

const iso = (ms: number): string => new Date(ms).toISOString();
