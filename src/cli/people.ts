import type { Config } from '../config/schema.js';
import { AppError } from '../domain/errors.js';
import type { ApiToken, Rights, User } from '../domain/people.js';
import type { Role } from '../domain/principal.js';
import type { Store } from '../roles/store.js';
import { PasswordHasher } from '../storage/secrets.js';
import { commandNote } from './audit.js';
import { columns } from './columns.js';
import { refuseMissing, siteIdsOf, withStore } from './data.js';
import { readNewPassword } from './password-prompt.js';

type Print = (line: string) => void;
const dayMs = 86_400_000;

/** Numbers of the sites of these names; null (all) for none. */
async function sitesNamed(store: Store, names: readonly string[]): Promise<readonly number[] | null> {
  if (names.length === 0) return null;
  const all = await store.sites.sites();
  return names.flatMap((name) => siteIdsOf(all, name) ?? []);
}

async function userNamed(store: Store, name: string): Promise<User> {
  const found = await store.users.findByName(name);
  if (found === null) throw new AppError('NOT_FOUND', `there is no user "${name}"`);
  const { passwordHash: _hash, ...user } = found;
  return user;
}

/** `headframe users add`. */
export async function addUser(
  config: Config,
  options: {
    readonly name: string;
    readonly role: Role;
    readonly sites: readonly string[];
    readonly passwordFile: string | undefined;
    /** Only on a database that has no user yet; on another nothing is done. */
    readonly isFirst: boolean;
  },
  print: Print,
): Promise<number> {
  const { name, role } = options;
  const hash = await new PasswordHasher().hash(await readNewPassword(options.passwordFile));
  return withStore(config, async (store) => {
    if (options.isFirst && (await store.users.list()).length > 0) {
      print('there are users already: nothing is added');
      return 0;
    }
    const rights: Rights = { role, site_ids: await sitesNamed(store, options.sites) };
    const made = await store.users.create(name, rights, hash, userNote('create', null, {}));
    print(`user ${made.user_id} is added: ${name}, ${role} of ${options.sites.join(', ') || 'all sites'}`);
    return 0;
  });
}

/** `headframe users list`. */
export async function listUsers(
  config: Config,
  options: { readonly isJson: boolean },
  print: Print,
): Promise<number> {
  refuseMissing(config);
  return withStore(config, async (store) => {
    const [list, sites] = await Promise.all([store.users.list(), store.sites.sites()]);
    if (options.isJson) print(JSON.stringify(list));
    else
      print(
        columns([
          ['id', 'name', 'role', 'sites', 'state', 'since'],
          ...list.map((user) => [
            String(user.user_id),
            user.name,
            user.role,
            namesOf(sites, user.site_ids),
            user.disabled_at === null ? 'enabled' : 'disabled',
            user.created_at,
          ]),
        ]).join('\n'),
      );
    return 0;
  });
}

/** `headframe users disable` and `enable`. */
export async function setUserDisabled(
  config: Config,
  options: { readonly name: string; readonly isDisabled: boolean },
  print: Print,
): Promise<number> {
  refuseMissing(config);
  return withStore(config, async (store) => {
    const user = await userNamed(store, options.name);
    await store.users.update(user.user_id, user, options.isDisabled, userNote('update', user, {}));
    print(`user ${user.name} is ${options.isDisabled ? 'disabled' : 'enabled'}`);
    return 0;
  });
}

/** `headframe users passwd`. */
export async function setUserPassword(
  config: Config,
  options: { readonly name: string; readonly passwordFile: string | undefined },
  print: Print,
): Promise<number> {
  refuseMissing(config);
  const hash = await new PasswordHasher().hash(await readNewPassword(options.passwordFile));
  return withStore(config, async (store) => {
    const user = await userNamed(store, options.name);
    await store.users.setPassword(user.user_id, hash, userNote('password', null, null));
    print(`the password of ${user.name} is set; every session of theirs has ended`);
    return 0;
  });
}

/** `headframe tokens create`: the token alone on stdout, so that it can go into a file. */
export async function createToken(
  config: Config,
  options: {
    readonly user: string;
    readonly label: string;
    readonly role: Role | null;
    readonly sites: readonly string[];
    readonly days: number;
    readonly isJson: boolean;
  },
  print: Print,
): Promise<number> {
  if (options.days > config.auth.token_max_days)
    throw new AppError(
      'REQUEST_INVALID',
      `--days: at most ${config.auth.token_max_days} (auth.token_max_days)`,
    );
  return withStore(config, async (store) => {
    const user = await userNamed(store, options.user);
    const site_ids = options.sites.length === 0 ? user.site_ids : await sitesNamed(store, options.sites);
    const rights = { role: options.role ?? user.role, site_ids };
    const expires = new Date(Date.now() + options.days * dayMs);
    const note = tokenNote('create', null, {});
    const { token, made } = await store.tokens.create(user.user_id, options.label, rights, expires, note);
    if (options.isJson) print(JSON.stringify({ ...made, token }));
    else {
      print(token);
      process.stderr.write(
        `Token ${made.token_id} of ${user.name}, until ${made.expires_at}. It is not shown again.\n`,
      );
    }
    return 0;
  });
}

/** `headframe tokens list`. */
export async function listTokens(
  config: Config,
  options: { readonly isJson: boolean },
  print: Print,
): Promise<number> {
  refuseMissing(config);
  return withStore(config, async (store) => {
    const [list, sites] = await Promise.all([store.tokens.list(null), store.sites.sites()]);
    if (options.isJson) print(JSON.stringify(list));
    else
      print(
        columns([
          ['id', 'user', 'label', 'token', 'role', 'sites', 'state', 'last used'],
          ...list.map((token) => [
            String(token.token_id),
            token.user_name,
            token.label,
            `${token.prefix}…`,
            token.role,
            namesOf(sites, token.site_ids),
            stateOf(token),
            token.last_used_at ?? 'never used',
          ]),
        ]).join('\n'),
      );
    return 0;
  });
}

/** `headframe tokens revoke`; exit code 1 when no such token is active. */
export async function revokeToken(config: Config, tokenId: number, print: Print): Promise<number> {
  refuseMissing(config);
  return withStore(config, async (store) => {
    const before = await store.tokens.findById(tokenId);
    const isRevoked = await store.tokens.revoke(tokenId, tokenNote('revoke', before, null));
    print(isRevoked ? `token ${tokenId} is revoked` : `there is no active token ${tokenId}`);
    return isRevoked ? 0 : 1;
  });
}

const noted = (thing: string) => (what: string, before: object | null, after: object | null) =>
  commandNote({ what, thing, siteId: null, before, after });
const userNote = noted('user');
const tokenNote = noted('api_token');

function stateOf(token: ApiToken): string {
  if (token.revoked_at !== null) return 'revoked';
  return Date.parse(token.expires_at) <= Date.now() ? 'expired' : `until ${token.expires_at.slice(0, 10)}`;
}

function namesOf(
  sites: readonly { readonly site_id: number; readonly site_name: string }[],
  siteIds: readonly number[] | null,
): string {
  if (siteIds === null) return 'all';
  return sites
    .filter(({ site_id }) => siteIds.includes(site_id))
    .map(({ site_name }) => site_name)
    .join(', ');
}
