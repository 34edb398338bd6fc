import type { Principal, Role } from './principal.js';

/** A person, as may be shown: nothing of the password but whether there is one. */
export interface User {
  readonly user_id: number;
  readonly name: string;
  readonly role: Role;
  /** Null: all sites. */
  readonly site_ids: readonly number[] | null;
  readonly has_password: boolean;
  readonly created_at: string;
  readonly disabled_at: string | null;
}

/** What a person may. */
export interface Rights {
  readonly role: Role;
  /** Null: all sites. */
  readonly site_ids: readonly number[] | null;
}

/** A token of a script, as may be shown: the token itself is told once. */
export interface ApiToken extends Rights {
  readonly token_id: number;
  readonly user_id: number;
  readonly user_name: string;
  readonly prefix: string;
  readonly label: string;
  readonly created_at: string;
  readonly expires_at: string;
  readonly last_used_at: string | null;
  readonly revoked_at: string | null;
}

/** One line of the audit log. */
export interface AuditEntry {
  readonly actor_kind: Principal['kind'];
  readonly actor: string;
  readonly user_id: number | null;
  /** `alert_rule.update`: the kind of thing and what was done. */
  readonly action: string;
  /** `alert_rule 17`. */
  readonly target: string;
  /** Null: of no site, or of all. */
  readonly site_id: number | null;
  /** Where it was asked from; null: on the database, by a command. */
  readonly address: string | null;
  readonly request_id: string | null;
  readonly before: object | null;
  readonly after: object | null;
}

/** Who a change is by, and where it was asked from. */
export type Author = Pick<AuditEntry, 'actor_kind' | 'actor' | 'user_id' | 'address' | 'request_id'>;

/** A change as its own statement writes it into the log; the number of the thing is what the statement finds. */
export interface ChangeNote extends Omit<AuditEntry, 'target'> {
  /** `alert_rule`, of which `target` is made with the number. */
  readonly thing: string;
  /** Laid over the columns of the changed row; null: it is gone, or nothing of it is told. */
  readonly after: object | null;
}

/** A line as it is read. */
export interface AuditRow extends AuditEntry {
  /** A number as text: it may pass 2^53. */
  readonly audit_id: string;
  readonly time: string;
}

/** Which lines to read, the newest first. */
export interface AuditQuery {
  readonly siteIds: readonly number[] | null;
  readonly actor: string | null;
  /** What actions begin with. */
  readonly action: string | null;
  readonly fromMs: number | null;
  readonly toMs: number | null;
  /** Older than this one. */
  readonly before: string | null;
  readonly limit: number;
}

/** Sites that both may see; null: all. */
export function commonSites(
  a: readonly number[] | null,
  b: readonly number[] | null,
): readonly number[] | null {
  if (a === null || b === null) return a ?? b;
  return a.filter((siteId) => b.includes(siteId));
}
