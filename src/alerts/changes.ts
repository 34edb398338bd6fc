import type { IncidentFacts, OutboxEntry } from './notices.js';
import type { AlertFact } from './transitions.js';

/** When rules are held against readings, and what counts as a reading. */
export interface EvaluationMoment {
  readonly now: Date;
  /** An online miner's sample older than this says nothing, nor does a site without an upload for so long, s. */
  readonly staleAfterS: number;
  /** As long a sample that says "unreachable" is believed: dead miners are asked rarely, s. */
  readonly offlineAfterS: number;
  /** A miner of a site that is heard of without a sample for so long is gone, s. */
  readonly goneAfterS: number;
  /** Poll interval, s. */
  readonly intervalS: number;
  /** Changes of miners in one evaluation; the rest follows in the next. */
  readonly maxChanges: number;
}

/** An open incident and how it stands. */
export interface IncidentState extends IncidentFacts {
  /** As of `OpenIncident`. */
  readonly subnet: string | null;
  readonly openAlerts: number;
}

/** An open alert that was recorded in a maintenance window. */
export interface SilencedAlert {
  readonly fact: AlertFact;
  readonly subnet: string | null;
  readonly pool: string | null;
}

interface Target {
  readonly rule_id: number;
  readonly site_id: number;
  readonly miner_id: number | null;
}

/** What one evaluation writes, in the words of `sql/queries/apply_alert_changes.sql`. */
export interface AlertChanges {
  readonly unpend: readonly Target[];
  readonly pend: readonly (Target & { readonly since: string; readonly due_at: string })[];
  readonly open: readonly (Target & {
    readonly alert_id: number;
    readonly kind: string;
    readonly severity: string;
    readonly message: string;
    readonly value: number | null;
    readonly threshold: number | null;
    readonly is_silenced: boolean;
    readonly subnet: string | null;
    readonly rack: string | null;
    readonly pool: string | null;
    readonly incident_id: number | null;
  })[];
  readonly change: readonly {
    readonly alert_id: number;
    readonly resolved_because?: string;
    readonly incident_id?: number;
    readonly is_released?: boolean;
  }[];
  readonly incidents: readonly {
    readonly incident_id: number;
    readonly site_id: number;
    readonly kind: string;
    readonly scope: string;
    readonly place: string;
    readonly severity: string;
  }[];
  /** Incidents that are over. */
  readonly ended: readonly number[];
  /** Alerts whose opening need not be told any more. */
  readonly cancel: readonly number[];
  readonly tell: readonly {
    readonly notification_id: string;
    readonly notifier_id: number;
    readonly event: string;
    readonly payload: OutboxEntry['notice'];
    readonly alert_id: number | null;
    readonly incident_id: number | null;
    readonly not_before: string;
  }[];
}
