import { userInfo } from 'node:os';
import type { Store } from '../roles/store.js';

/** Who runs the command; a system user without a name is the operator, as over HTTP. */
export function systemUser(): string {
  try {
    return userInfo().username.slice(0, 64);
  } catch {
    return 'operator';
  }
}

/** Writes a change by a command, on the database itself, into the audit log. */
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
    actor_kind: 'local',
    actor: `command:${systemUser()}`,
    user_id: null,
    action,
    target,
    site_id: siteId,
    address: null,
    request_id: null,
    before,
    after,
  });
}
