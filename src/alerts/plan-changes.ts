import type { MaintenanceWindow, Notifier, ScopeFacts } from '../domain/alerts.js';
import type { AlertChanges, IncidentState, SilencedAlert } from './changes.js';
import { groupAlerts, type Grouping, type GroupingOptions, type LooseAlert } from './incidents.js';
import {
  addressNotices,
  alertNotice,
  breachMessage,
  incidentNotice,
  type OutboxEntry,
  type Told,
} from './notices.js';
import { isSilenced, subnetOf } from './scope.js';
import type { AlertFact, Transitions } from './transitions.js';

/** An alert that opens now. */
interface Opening {
  readonly fact: AlertFact;
  readonly alertId: number;
  readonly subnet: string | null;
  readonly isSilenced: boolean;
}

/** What an evaluation found, before incidents have their numbers. */
export interface Draft {
  readonly transitions: Transitions;
  readonly openings: readonly Opening[];
  /** Open alerts whose maintenance window is over. */
  readonly released: readonly SilencedAlert[];
  readonly grouping: Grouping;
  readonly incidents: readonly IncidentState[];
}

export interface DraftInput {
  readonly transitions: Transitions;
  /** One for each of `transitions.open`. */
  readonly alertIds: readonly number[];
  readonly silenced: readonly SilencedAlert[];
  readonly windows: readonly MaintenanceWindow[];
  readonly loose: readonly LooseAlert[];
  readonly incidents: readonly IncidentState[];
  readonly options: GroupingOptions;
  readonly nowMs: number;
}

/** Settles which openings are silenced, which silenced ones are released, and what fails together. */
export function draftChanges(input: DraftInput): Draft {
  const { transitions, windows, nowMs } = input;
  const openings = transitions.open.map((fact, index): Opening => {
    const alertId = input.alertIds[index];
    if (alertId === undefined) throw new Error('fewer numbers than alerts');
    return {
      fact,
      alertId,
      subnet: subnetOf(fact.ip),
      isSilenced: isSilenced(windows, targetOf(fact), nowMs),
    };
  });
  const ending = new Set(transitions.resolve.map(({ fact }) => fact.alertId));
  const released = input.silenced.filter(
    ({ fact }) => !ending.has(fact.alertId) && !isSilenced(windows, targetOf(fact), nowMs),
  );
  const fresh = [
    ...openings
      .filter((opening) => !opening.isSilenced)
      .map(({ fact, alertId, subnet }) => looseOf(fact, alertId, subnet, fact.pool)),
    ...released.map(({ fact, subnet, pool }) => looseOf(fact, fact.alertId ?? 0, subnet, pool)),
  ];
  // An incident cannot begin without a new alert: the old ones alone have been looked at before.
  const older = input.loose.filter((alert) => !ending.has(alert.alertId));
  const grouping =
    fresh.length === 0
      ? { joins: [], incidents: [] }
      : groupAlerts([...older, ...fresh], input.incidents, input.options);
  return { transitions, openings, released, grouping, incidents: input.incidents };
}

export interface FinishInput {
  readonly draft: Draft;
  /** One for each of `draft.grouping.incidents`. */
  readonly incidentIds: readonly number[];
  readonly notifiers: readonly Notifier[];
  /** Notices wait so long for others that belong to the same incident, ms. */
  readonly gatherMs: number;
  readonly nowMs: number;
  /** Makes UUIDs. */
  readonly newId: () => string;
}

/** Everything the evaluation writes, and whom it tells. */
export function finishChanges(input: FinishInput): AlertChanges {
  const { draft } = input;
  const { transitions, grouping } = draft;
  const incidentOf = new Map(grouping.joins.map(({ alertId, incidentId }) => [alertId, incidentId]));
  const made = grouping.incidents.map((incident, index) => {
    const incidentId = input.incidentIds[index];
    if (incidentId === undefined) throw new Error('fewer numbers than incidents');
    for (const alertId of incident.alertIds) incidentOf.set(alertId, incidentId);
    return { ...incident, incidentId, alerts: incident.alertIds.length };
  });
  const opened = new Set(draft.openings.map((opening) => opening.alertId));
  const joined = [...incidentOf].filter(([alertId]) => !opened.has(alertId));
  const ended = endedIncidents(draft, new Set(incidentOf.values()));
  const told = tell(draft, incidentOf, made, ended, input);
  return {
    unpend: [...transitions.unpend, ...transitions.open.filter((fact) => fact.pendingSinceMs !== null)].map(
      targetKey,
    ),
    pend: transitions.pend.map(({ fact, sinceMs, dueMs }) => ({
      ...targetKey(fact),
      since: iso(sinceMs),
      due_at: iso(dueMs),
    })),
    open: draft.openings.map(({ fact, alertId, subnet, isSilenced }) => ({
      ...targetKey(fact),
      alert_id: alertId,
      kind: fact.kind,
      severity: fact.severity,
      message: breachMessage(fact),
      value: fact.value,
      threshold: fact.threshold,
      is_silenced: isSilenced,
      subnet,
      rack: fact.rack,
      pool: fact.pool,
      incident_id: incidentOf.get(alertId) ?? null,
    })),
    change: [
      ...transitions.resolve.map(({ fact, because }) => ({
        alert_id: fact.alertId ?? 0,
        resolved_because: because,
      })),
      ...joined.map(([alert_id, incident_id]) => ({ alert_id, incident_id })),
      ...draft.released.map(({ fact }) => ({ alert_id: fact.alertId ?? 0, is_released: true })),
    ],
    incidents: made.map(({ incidentId, siteId, kind, scope, place, severity }) => ({
      incident_id: incidentId,
      site_id: siteId,
      kind,
      scope,
      place,
      severity,
    })),
    ended: ended.map(({ incidentId }) => incidentId),
    cancel: [
      ...transitions.resolve.map(({ fact }) => fact.alertId ?? 0),
      ...joined.map(([alertId]) => alertId),
    ],
    tell: told.map(toRow),
  };
}

/** An incident is over with the last of its alerts, unless another joins it now. */
function endedIncidents(draft: Draft, joined: ReadonlySet<number>): IncidentState[] {
  const ending = new Map<number, number>();
  for (const { fact } of draft.transitions.resolve)
    if (fact.incidentId !== null) ending.set(fact.incidentId, (ending.get(fact.incidentId) ?? 0) + 1);
  return draft.incidents.filter(
    ({ incidentId, openAlerts }) => !joined.has(incidentId) && openAlerts <= (ending.get(incidentId) ?? 0),
  );
}

function tell(
  draft: Draft,
  incidentOf: ReadonlyMap<number, number>,
  made: readonly Parameters<typeof incidentNotice>[0][],
  ended: readonly IncidentState[],
  { notifiers, gatherMs, nowMs, newId }: FinishInput,
): OutboxEntry[] {
  const later = nowMs + gatherMs;
  const isLoose = (alertId: number): boolean => !incidentOf.has(alertId);
  const told: Told[] = [
    ...draft.openings
      .filter(({ alertId, isSilenced }) => !isSilenced && isLoose(alertId))
      .map(({ fact, alertId }) => ({ notice: alertNotice(fact, alertId, nowMs, null), notBeforeMs: later })),
    ...draft.released
      .filter(({ fact }) => isLoose(fact.alertId ?? 0))
      .map(({ fact }) => ({
        notice: alertNotice(fact, fact.alertId ?? 0, fact.triggeredMs ?? nowMs, null),
        notBeforeMs: later,
      })),
    ...made.map((incident) => ({
      notice: incidentNotice(incident, 'incident.opened', nowMs),
      notBeforeMs: later,
    })),
    ...draft.transitions.resolve
      .filter(({ fact }) => fact.incidentId === null)
      .map(({ fact }) => ({
        notice: alertNotice(fact, fact.alertId ?? 0, fact.triggeredMs ?? nowMs, nowMs),
        notBeforeMs: nowMs,
      })),
    // Not before the news that it opened, which may still gather.
    ...ended.map((incident) => ({
      notice: incidentNotice(incident, 'incident.resolved', nowMs),
      notBeforeMs: later,
    })),
  ];
  return addressNotices(told, notifiers, newId);
}

function looseOf(fact: AlertFact, alertId: number, subnet: string | null, pool: string | null): LooseAlert {
  const { siteId, siteName, kind, severity, rack } = fact;
  return { alertId, siteId, siteName, kind, severity, subnet, rack, pool };
}

const targetOf = ({ siteId, minerKey, model, ip }: AlertFact): ScopeFacts => ({
  siteId,
  minerKey,
  model,
  ip,
});

const targetKey = (fact: AlertFact): { rule_id: number; site_id: number; miner_id: number | null } => ({
  rule_id: fact.ruleId,
  site_id: fact.siteId,
  miner_id: fact.minerId,
});

const toRow = (entry: OutboxEntry): AlertChanges['tell'][number] => ({
  notification_id: entry.notificationId,
  notifier_id: entry.notifierId,
  event: entry.event,
  payload: entry.notice,
  alert_id: entry.alertId,
  incident_id: entry.incidentId,
  not_before: iso(entry.notBeforeMs),
});

const iso = (ms: number): string => new Date(ms).toISOString();
