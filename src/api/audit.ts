import type { Request, Response } from 'express';
import type { Author } from '../domain/people.js';
import type { Principal } from '../domain/principal.js';
import { principalOf } from './access.js';
import type { ApiDeps } from './deps.js';

/** A change, as the audit log is told. */
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
 * Told after the change, before the answer: an answer that says "done" has its line in the log. When the line
 * cannot be written the answer is 503 although the change stands, and the line goes to the process's log.
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
