import type { PeopleDeps } from '../api/people-deps.js';
import type { FindThing, ThingKind } from '../api/site-guard.js';
import type { Config } from '../config/schema.js';
import type { ApiOptions } from '../api/options.js';
import { PasswordHasher, randomPassword } from '../storage/secrets.js';
import type { Store } from './store.js';

/** What people, sessions and tokens need, from the database. */
export function peopleDepsOf({ users, subjects, sessions, tokens, keys, audit }: Store): PeopleDeps {
  return { users, subjects, sessions, tokens, keys, audit, passwords: new PasswordHasher() };
}

const one = (siteId: number | null): readonly number[] | null => (siteId === null ? null : [siteId]);
const bySite = async <T extends { readonly site_id: number | null }>(found: Promise<T | null>) => {
  const value = await found;
  return value === null ? null : { value, siteIds: one(value.site_id) };
};
const bySites = async <T extends { readonly site_ids: readonly number[] | null }>(
  found: Promise<T | null>,
) => {
  const value = await found;
  return value === null ? null : { value, siteIds: value.site_ids };
};

/** What `:id` of a path names, by kind. */
export function thingsOf(store: Store): Readonly<Record<ThingKind, FindThing>> {
  return {
    alert: (id) => bySite(store.alerts.find(Number(id))),
    command_batch: async (id) => {
      const found = await store.commandBatches.find(Number(id), null);
      return found === null ? null : { value: found, siteIds: [found.site_id] };
    },
    command: async (id) => {
      const found = await store.commands.find(Number(id), null);
      return found === null ? null : { value: found.command, siteIds: [found.command.site_id] };
    },
    alert_rule: (id) => bySite(store.alertRules.find(Number(id))),
    maintenance_window: (id) => bySite(store.alerts.findWindow(Number(id))),
    notifier: (id) => bySite(store.notifiers.find(Number(id))),
    notification: (id) => bySite(store.notifiers.findNotice(id)),
    collector_key: async (id) => {
      const value = await store.keys.findById(Number(id));
      return value === null ? null : { value, siteIds: [value.siteId] };
    },
    user: (id) => bySites(store.users.find(Number(id))),
    api_token: (id) => bySites(store.tokens.findById(Number(id))),
  };
}

const hourMs = 3_600_000;

/** Settings of who may do what. */
export function accessOptionsOf({
  api,
  auth,
}: Config): Pick<
  ApiOptions,
  'hasOpenReads' | 'localAccess' | 'trustProxy' | 'isInsecureAllowed' | 'sessions' | 'logins' | 'tokenMaxDays'
> {
  return {
    hasOpenReads: api.open_reads,
    localAccess: api.local_access,
    trustProxy: trustOf(api.trust_proxy),
    isInsecureAllowed: api.insecure_http,
    sessions: {
      idleMs: auth.session_idle_h * hourMs,
      maxMs: auth.session_max_h * hourMs,
      perUser: auth.sessions_per_user,
    },
    tokenMaxDays: auth.token_max_days,
    logins: {
      perAddress: auth.logins_per_address,
      perName: auth.logins_per_name,
      windowS: auth.login_window_s,
    },
  };
}

/** How many proxies, or which. */
function trustOf(text: string | undefined): ApiOptions['trustProxy'] {
  if (text === undefined) return false;
  return /^\d+$/.test(text) ? Number(text) : text;
}

/** What to sign in with, shown once. */
export interface FirstLogin {
  readonly name: string;
  readonly password: string;
}

/** Makes the user `admin` on a database without users; null when there are some. */
export async function makeFirstAdmin({ users }: Store): Promise<FirstLogin | null> {
  if (await users.hasAny()) return null;
  const password = randomPassword();
  const made = await users.createFirst('admin', await new PasswordHasher().hash(password), {
    actor_kind: 'local',
    actor: 'first start',
    user_id: null,
    action: 'user.create',
    thing: 'user',
    site_id: null,
    address: null,
    request_id: null,
    before: null,
    after: {},
  });
  return made === null ? null : { name: made.name, password };
}
