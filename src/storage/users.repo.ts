import { AppError } from '../domain/errors.js';
import type { ChangeNote, Rights, User } from '../domain/people.js';
import { withNote } from './change-note.js';
import type { Database, Sql } from './database.js';
import { errorCode } from './database-error.js';
import { siteArray } from './site-scope.js';

type Fragment = ReturnType<Sql>;
type UserRow = Omit<User, 'created_at' | 'disabled_at'> & {
  readonly created_at: Date;
  readonly disabled_at: Date | null;
};

/** More are refused: every list of them is one answer. */
const maxUsers = 10_000;

/** People: made, found, changed; never deleted, for the audit log names them. */
export class UsersRepo {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  async list(): Promise<User[]> {
    const rows = await this.#db.run(
      'users',
      (sql) => sql<UserRow[]>`select ${columns(sql)} from users order by user_id limit ${maxUsers}::int`,
    );
    return rows.map(toUser);
  }

  async find(userId: number): Promise<User | null> {
    const [row] = await this.#db.run(
      'user',
      (sql) => sql<UserRow[]>`select ${columns(sql)} from users where user_id = ${userId}::int`,
    );
    return row === undefined ? null : toUser(row);
  }

  /** By name, in any case, with the hash of the password. */
  async findByName(name: string): Promise<(User & { readonly passwordHash: string | null }) | null> {
    const [row] = await this.#db.run(
      'user',
      (sql) => sql<(UserRow & { hash: string | null })[]>`
      select ${columns(sql)}, password_hash as hash from users where lower(name) = lower(${name}::text)`,
    );
    if (row === undefined) return null;
    const { hash, ...user } = row;
    return { ...toUser(user), passwordHash: hash };
  }

  async hasAny(): Promise<boolean> {
    const rows = await this.#db.run('users', (sql) => sql`select 1 from users limit 1`);
    return rows.length > 0;
  }

  /** Throws `CONFLICT` for a name that is taken, `NOT_FOUND` for a site that is none. */
  async create(
    name: string,
    rights: Rights,
    passwordHash: string | null,
    note: ChangeNote | null = null,
  ): Promise<User> {
    const [row] = await refuseTakenName(
      this.#db.run('user_create', (sql) => {
        const change = sql`
          insert into users (name, role, site_ids, password_hash)
          select ${name}::text, ${rights.role}::text, ${siteArray(sql, rights.site_ids)}, ${passwordHash}::text
          where ${areSites(sql, rights.site_ids)} and (select count(*) from users) < ${maxUsers}::int
          returning ${columns(sql)}`;
        return sql<UserRow[]>`${withNote(sql, note, { change, id: 'user_id' })} select * from changed`;
      }),
    );
    if (row !== undefined) return toUser(row);
    if (!(await this.#areSites(rights.site_ids))) throw noSuchSite();
    throw new AppError('CONFLICT', `There are ${maxUsers} users, the most there may be`);
  }

  /** The first user of a database; null when there is one already, whoever else asks at the same time. */
  async createFirst(
    name: string,
    passwordHash: string,
    note: ChangeNote | null = null,
  ): Promise<User | null> {
    try {
      const [row] = await this.#db.run('user_create', (sql) => {
        const change = sql`
          insert into users (name, role, password_hash)
          select ${name}::text, 'admin', ${passwordHash}::text where not exists (select from users)
          returning ${columns(sql)}`;
        return sql<UserRow[]>`${withNote(sql, note, { change, id: 'user_id' })} select * from changed`;
      });
      return row === undefined ? null : toUser(row);
    } catch (error) {
      if (errorCode(error) === '23505') return null;
      throw error;
    }
  }

  /**
   * Changes what a user may. Null when there is none; throws `CONFLICT` where no admin would be left, and
   * `NOT_FOUND` for a site that is none. Sessions of a disabled one end.
   */
  async update(
    userId: number,
    rights: Rights,
    isDisabled: boolean,
    note: ChangeNote | null = null,
  ): Promise<User | null> {
    const disabled = String(isDisabled);
    const [row] = await this.#db.run('user_update', (sql) => {
      const change = sql`
      update users set role = ${rights.role}::text, site_ids = ${siteArray(sql, rights.site_ids)},
        disabled_at = case when ${disabled}::text::boolean then coalesce(disabled_at, now()) end
      where user_id = ${userId}::int and ${areSites(sql, rights.site_ids)}
        and ((${rights.role}::text = 'admin' and not ${disabled}::text::boolean and ${siteArray(sql, rights.site_ids)} is null)
          or exists (select from admins where admins.user_id <> ${userId}::int)
          or not exists (select from admins where admins.user_id = ${userId}::int))
      returning ${columns(sql)}`;
      // Locked: of two who disable each other at once, the second finds the first one gone.
      const beside = sql`
      admins as (
        select user_id from users where role = 'admin' and disabled_at is null and site_ids is null
        order by user_id for update),`;
      return sql<UserRow[]>`
        ${withNote(sql, note, { change, id: 'user_id', beside })},
        ended as (
          delete from sessions where user_id in (select user_id from changed) and ${disabled}::text::boolean)
        select * from changed`;
    });
    if (row !== undefined) return toUser(row);
    if ((await this.find(userId)) === null) return null;
    if (!(await this.#areSites(rights.site_ids))) throw noSuchSite();
    throw new AppError('CONFLICT', 'No admin of all sites would be left');
  }

  /** Sets the password and ends every session; false when there is no such user. */
  async setPassword(userId: number, passwordHash: string, note: ChangeNote | null = null): Promise<boolean> {
    const rows = await this.#db.run('user_password', (sql) => {
      const change = sql`
        update users set password_hash = ${passwordHash}::text where user_id = ${userId}::int returning user_id`;
      const beside = sql`ended as (delete from sessions where user_id = ${userId}::int),`;
      return sql`${withNote(sql, note, { change, id: 'user_id', beside })} select 1 from changed`;
    });
    return rows.length > 0;
  }

  async #areSites(siteIds: readonly number[] | null): Promise<boolean> {
    const known = await this.#db.run('user', (sql) => sql`select 1 where ${areSites(sql, siteIds)}`);
    return known.length > 0;
  }
}

function columns(sql: Sql): Fragment {
  return sql`user_id, name, role, to_json(site_ids) as site_ids, password_hash is not null as has_password, created_at,
    disabled_at` as unknown as Fragment;
}

/** True when each is a site. */
function areSites(sql: Sql, siteIds: readonly number[] | null): Fragment {
  return sql`not exists (select from unnest(${siteArray(sql, siteIds)}) asked (site_id)
    where not exists (select from sites s where s.site_id = asked.site_id))` as unknown as Fragment;
}

function toUser(row: UserRow): User {
  return {
    ...row,
    created_at: row.created_at.toISOString(),
    disabled_at: row.disabled_at?.toISOString() ?? null,
  };
}

const noSuchSite = (): AppError => new AppError('NOT_FOUND', 'No such site');

async function refuseTakenName<T>(result: Promise<T>): Promise<T> {
  try {
    return await result;
  } catch (error) {
    if (errorCode(error) === '23505') throw new AppError('CONFLICT', 'There is a user of this name');
    throw error;
  }
}
