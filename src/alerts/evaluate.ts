import { randomUUID } from 'node:crypto';
import type { MaintenanceWindow, Notifier } from '../domain/alerts.js';
import type { AlertChanges, EvaluationMoment, IncidentState, SilencedAlert } from './changes.js';
import type { GroupingOptions, LooseAlert } from './incidents.js';
import { draftChanges, finishChanges } from './plan-changes.js';
import { decide, type AlertFact } from './transitions.js';

/** All an evaluation needs of the outside, as functions; they reject with `DATABASE_UNAVAILABLE`. */
export interface EvaluationDeps {
  /** The number of the evaluation, or null when it is not due or another instance is at it. */
  claim(now: Date, everyMs: number): Promise<string | null>;
  seedDefaults(): Promise<void>;
  rotateCounters(): Promise<void>;
  facts(moment: EvaluationMoment): Promise<readonly AlertFact[]>;
  silenced(limit: number): Promise<readonly SilencedAlert[]>;
  groups(
    since: Date,
    limit: number,
  ): Promise<{ readonly loose: readonly LooseAlert[]; readonly incidents: readonly IncidentState[] }>;
  /** Those that last now. */
  windows(now: Date): Promise<readonly MaintenanceWindow[]>;
  notifiers(): Promise<readonly Notifier[]>;
  reserveIds(alerts: number, incidents: number): Promise<{ alerts: number[]; incidents: number[] }>;
  apply(generation: string, now: Date, changes: AlertChanges): Promise<boolean>;
}

/** Settings under `alerts.*`. */
export interface EvaluationOptions extends Omit<EvaluationMoment, 'now'>, GroupingOptions {
  /** Between two evaluations, ms. */
  readonly everyMs: number;
  /** Alerts that open within so long of each other fail together, ms. */
  readonly windowMs: number;
  readonly gatherMs: number;
}

/** What an evaluation did. */
export interface EvaluationOutcome {
  readonly opened: number;
  readonly resolved: number;
  readonly pending: number;
  readonly incidents: number;
  readonly told: number;
}

/** Alerts without an incident, or silenced, that are looked at in one evaluation. */
const maxLoose = 20_000;

/**
 * Holds every rule against the readings of now and writes what follows, in one statement. Null when this
 * instance is not the one to do it. Killed at any point it leaves nothing half done: the next evaluation,
 * here or elsewhere, finds the same facts again.
 */
export async function evaluateAlerts(
  deps: EvaluationDeps,
  options: EvaluationOptions,
  now: Date,
): Promise<EvaluationOutcome | null> {
  const generation = await deps.claim(now, options.everyMs);
  if (generation === null) return null;
  await deps.seedDefaults();
  await deps.rotateCounters();
  const nowMs = now.getTime();
  const transitions = decide(await deps.facts({ ...options, now }), nowMs);
  const silenced = await deps.silenced(maxLoose);
  const { loose, incidents } = await deps.groups(new Date(nowMs - options.windowMs), maxLoose);
  const windows = await deps.windows(now);
  const ids = await deps.reserveIds(transitions.open.length, 0);
  const draft = draftChanges({
    transitions,
    alertIds: ids.alerts,
    silenced,
    windows,
    loose,
    incidents,
    options,
    nowMs,
  });
  const incidentIds = (await deps.reserveIds(0, draft.grouping.incidents.length)).incidents;
  const notifiers = await deps.notifiers();
  const changes = finishChanges({
    draft,
    incidentIds,
    notifiers,
    gatherMs: options.gatherMs,
    nowMs,
    newId: randomUUID,
  });
  const outcome = {
    opened: changes.open.length,
    resolved: transitions.resolve.length,
    pending: changes.pend.length,
    incidents: changes.incidents.length,
    told: changes.tell.length,
  };
  if (!hasChanges(changes)) return outcome;
  return (await deps.apply(generation, now, changes)) ? outcome : null;
}

function hasChanges(changes: AlertChanges): boolean {
  return Object.values(changes).some((list: readonly unknown[]) => list.length > 0);
}
