import { userInfo } from 'node:os';
import type { ChangeNote } from '../domain/people.js';
import type { Store } from '../roles/store.js';

/** Who runs the command; a system user without a name is the operator, as over HTTP. */
export function systemUser(): string {
  try {
    return userInfo().username.slice(0, 64);
  } catch {
    return 'operator';
  }
}

/** The line of a change by a command, on the database itself, for the statement that makes it. */
export function commandNote(change: {
  readonly what: string;
  readonly thing: string;
  readonly siteId: number | null;
  readonly before?: object | null;
  readonly after?: object | null;
}): ChangeNote {
  const { what, thing, siteId, before = null, after = null } = change;
  return { ...commandAuthor(), action: `${thing}.${what}`, thing, site_id: siteId, before, after };
}

const commandAuthor = () => ({
  actor_kind: 'local' as const,
  actor: `command:${systemUser()}`,
  user_id: null,
  address: null,
  request_id: null,
});

/** Writes what a command did, that has no statement of its own to write it with, into the audit log. */
export async function auditCommand(
  store: Pick<Store, 'audit'>,
  change: {
    readonly action: string;
    readonly target: string;
    readonly siteId: number | null;
    readonly before?: object | null;
    readonly after?: object | null;
  },
): Promise<void> {
  const { action, target, siteId, before = null, after = null } = change;
  await store.audit.append({
    ...commandAuthor(),
    action,
    target,
    site_id: siteId,
    before,
    after,
  });
}
