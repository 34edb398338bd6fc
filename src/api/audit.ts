import type { Request, Response } from 'express';
import type { Author, ChangeNote } from '../domain/people.js';
import type { Principal } from '../domain/principal.js';
import { principalOf } from './access.js';
import type { ApiDeps } from './deps.js';

/** Something that happened, as the audit log is told. */
export interface Change {
  /** `alert_rule.update`: the kind of thing and what was done. */
  readonly action: string;
  /** `alert_rule 17`. */
  readonly target: string;
  /** Null: of no site, or of all. */
  readonly siteId: number | null;
  readonly before?: object | null;
  readonly after?: object | null;
}

/** Writes a change into the audit log, in the name of who asks, or of `principal`. */
export type Audit = (request: Request, response: Response, change: Change, by?: Principal) => Promise<void>;

/**
 * Told before the answer, of what has no statement of its own to write the line with, such as a refusal: when the
 * line cannot be written the answer is 503, and the line goes to the process's log. Changes take {@link noteOf}.
 */
export function createAudit(deps: Pick<ApiDeps, 'people' | 'log'>): Audit {
  return async function audit(request, response, change, by = principalOf(response)) {
    const entry = {
      ...authorOf(request, response, by),
      action: change.action,
      target: change.target,
      site_id: change.siteId,
      before: mask(change.before ?? null),
      after: mask(change.after ?? null),
    };
    try {
      await deps.people.audit.append(entry);
    } catch (err) {
      deps.log.error({ err, entry }, 'a line of the audit log was not written');
      throw err;
    }
  };
}

/** A change of a thing, as its statement writes it into the log. */
export interface NotedChange {
  /** What was done: `update`. */
  readonly what: string;
  /** To what: `alert_rule`. */
  readonly thing: string;
  /** Null: of no site, or of all. */
  readonly siteId: number | null;
  readonly before?: object | null;
  /** Laid over the columns of the row; null: nothing of it is told. */
  readonly after?: object | null;
}

/** The line of a change in the name of who asks, for the statement that makes it. Secrets are masked. */
export function noteOf(request: Request, response: Response, change: NotedChange): ChangeNote {
  const { what, thing, siteId, before = null, after = null } = change;
  return {
    ...authorOf(request, response),
    action: `${thing}.${what}`,
    thing,
    site_id: siteId,
    before: mask(before),
    after: mask(after),
  };
}

/** Who asks, as the audit log names them: for changes that write their line in their own statement. */
export function authorOf(request: Request, response: Response, by = principalOf(response)): Author {
  return {
    actor_kind: by.kind,
    actor: by.name,
    user_id: by.userId,
    address: request.ip ?? null,
    request_id: requestIdOf(response),
  };
}

/** The id of the request, which the answer carries as `X-Request-Id`. */
export function requestIdOf(response: Response): string {
  return String(response.locals['requestId'] ?? '');
}

const secretNames = /(^|_)(password|token|key)$/;
/** A webhook's address is often a secret by itself: its path and query go. */
const urlNames = /^url$/;

/** Nothing that opens something stands in the log. */
function mask<T extends object | null>(value: T): T {
  const masked = (name: string, child: unknown): unknown => {
    if (typeof child === 'object' && child !== null) return mask(child);
    if (typeof child !== 'string') return child;
    if (secretNames.test(name)) return '…';
    return urlNames.test(name) && URL.canParse(child) ? `${new URL(child).origin}/…` : child;
  };
  if (value === null) return value;
  if (Array.isArray(value)) return value.map((child: unknown) => masked('', child)) as unknown as T;
  return Object.fromEntries(Object.entries(value).map(([name, child]) => [name, masked(name, child)])) as T;
}
