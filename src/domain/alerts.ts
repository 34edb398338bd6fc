import type { AlertKind, AlertSeverity } from './alert-kinds.js';

/** Which miners something is about; null: any. A site alone is in no scope that names miners. */
export interface AlertScope {
  /** Null: all sites. */
  readonly site_id: number | null;
  /** Text the model holds, in any case. */
  readonly model: string | null;
  /** CIDR. */
  readonly subnet: string | null;
  /** External id. */
  readonly miner: string | null;
}

/** A rule as it can be read and written. */
export interface AlertRuleInput extends AlertScope {
  readonly kind: AlertKind;
  readonly severity: AlertSeverity;
  readonly threshold: number | null;
  readonly clear_threshold: number | null;
  readonly duration_s: number;
  readonly cooldown_s: number;
  /** Of a `pool_wrong` rule: what an address may hold. */
  readonly pools: readonly string[];
  readonly enabled: boolean;
}

export interface AlertRule extends AlertRuleInput {
  readonly rule_id: number;
  readonly version: number;
  readonly updated_at: string;
}

/** An alert in the contract's words, and ours. */
export interface Alert {
  readonly id: number;
  readonly site_id: number;
  readonly site_name: string;
  /** External id; null for an alert of the site itself. */
  readonly miner_id: string | null;
  readonly ip_address: string | null;
  readonly alert_type: AlertKind;
  readonly level: AlertSeverity;
  readonly message: string;
  readonly value: number | null;
  readonly threshold: number | null;
  readonly triggered_at: string;
  readonly acknowledged: boolean;
  readonly state: 'open' | 'acknowledged' | 'resolved';
  readonly acknowledged_at: string | null;
  readonly acknowledged_by: string | null;
  readonly note: string | null;
  readonly resolved_at: string | null;
  /** `clear`: the reading is good again; `gone`: the miner or the rule is. */
  readonly resolved_because: string | null;
  readonly is_silenced: boolean;
  readonly rule_id: number;
  readonly incident_id: number | null;
}

export const alertStates = ['open', 'acknowledged', 'resolved', 'unresolved'] as const;

export interface AlertQuery {
  /** Null: all. */
  readonly siteIds: readonly number[] | null;
  readonly state: (typeof alertStates)[number] | null;
  readonly incidentId: number | null;
  readonly limit: number;
}

export const incidentScopes = ['site', 'subnet', 'rack', 'pool'] as const;
export type IncidentScope = (typeof incidentScopes)[number];

/** Many alerts of one kind in one place. */
export interface Incident {
  readonly incident_id: number;
  readonly site_id: number;
  readonly site_name: string;
  readonly kind: AlertKind;
  readonly scope: IncidentScope;
  /** `10.1.2.0/24`, the rack, the pool's address, or the site's name. */
  readonly place: string;
  readonly severity: AlertSeverity;
  readonly opened_at: string;
  readonly resolved_at: string | null;
  readonly alerts: number;
  readonly open_alerts: number;
}

/** While it lasts alerts are recorded and told to nobody. */
export interface MaintenanceWindowInput extends AlertScope {
  readonly starts_at: string;
  readonly ends_at: string;
  readonly reason: string;
}

export interface MaintenanceWindow extends MaintenanceWindowInput {
  readonly window_id: number;
}

/** Where a notifier sends. What is secret of it stands in the settings under the name `secret`. */
export type NotifierTarget =
  /** One of both: the address, or the name of the secret that holds it. */
  | {
      readonly kind: 'webhook';
      readonly url?: string | undefined;
      readonly url_secret?: string | undefined;
    }
  /** The secret is the address of the incoming webhook. */
  | { readonly kind: 'slack' }
  /** The secret is the bot's token, sent to Telegram's server or one the settings name beside the token. */
  | { readonly kind: 'telegram'; readonly chat_id: string; readonly url: string }
  | { readonly kind: 'email'; readonly to: readonly string[] };

export interface NotifierInput {
  readonly name: string;
  /** Null: all sites. */
  readonly site_id: number | null;
  readonly target: NotifierTarget;
  /** Name under `secrets`; null where none is needed. */
  readonly secret: string | null;
  readonly min_severity: AlertSeverity;
  readonly max_per_hour: number;
  readonly enabled: boolean;
}

export interface Notifier extends NotifierInput {
  readonly notifier_id: number;
  readonly version: number;
}

export const noticeEvents = [
  'alert.opened',
  'alert.resolved',
  'incident.opened',
  'incident.resolved',
  'held_back',
  'test',
] as const;
export type NoticeEvent = (typeof noticeEvents)[number];

/** What a webhook receives, and what other notifiers make their text of. */
export interface Notice {
  readonly event: NoticeEvent;
  readonly site_id: number | null;
  readonly site: string | null;
  readonly severity: AlertSeverity;
  /** One sentence. */
  readonly message: string;
  readonly time: string;
  readonly alert?: {
    readonly id: number;
    readonly kind: AlertKind;
    readonly miner_id: string | null;
    readonly value: number | null;
    readonly threshold: number | null;
    readonly triggered_at: string;
    readonly resolved_at: string | null;
  };
  readonly incident?: {
    readonly id: number;
    readonly kind: AlertKind;
    readonly scope: IncidentScope;
    readonly place: string;
    /** How many alerts it held when this was sent. */
    readonly alerts: number;
  };
  /** With `held_back`: how many of each event were over the notifier's cap. */
  readonly held?: Readonly<Record<string, number>>;
}

/** What a scope is held against. */
export interface ScopeFacts {
  readonly siteId: number;
  /** Null for the site itself. */
  readonly minerKey: string | null;
  readonly model: string | null;
  /** IPv4 of the miner. */
  readonly ip: string | null;
}
