import { createHash } from 'node:crypto';
import type { Subject } from '../domain/claims.js';
import type { Author, Rights } from '../domain/people.js';
import type { Role } from '../domain/principal.js';
import type { Database, Sql } from './database.js';
import { siteArray } from './site-scope.js';

/** A user whom a provider vouches for. */
export interface SubjectUser extends Rights {
  readonly user_id: number;
  readonly name: string;
}

/** What came of it. `disabled`: may not sign in; `full`: there are as many users as there may be. */
export type SubjectOutcome =
  | { readonly kind: 'made'; readonly user: SubjectUser }
  | { readonly kind: 'known'; readonly user: SubjectUser }
  | { readonly kind: 'disabled'; readonly userId: number }
  | { readonly kind: 'full' };

type Fragment = ReturnType<Sql>;
/** Where someone signs in from. */
type From = Pick<Author, 'address' | 'request_id'>;

/** As `UsersRepo` has it. */
const maxUsers = 10_000;

/** Users by what an OpenID Connect provider calls them. */
export class SubjectsRepo {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  /**
   * The user of a subject with the rights the provider gives now; made where there is none. Never one who has
   * only the same name: whoever may choose a name at the provider would be them. Sites that are none are left out.
   */
  async signIn(
    person: Subject,
    role: Role,
    siteNames: readonly string[] | null,
    from: From,
  ): Promise<SubjectOutcome> {
    const rights = { role, site_ids: siteNames === null ? null : await this.#siteIds(siteNames) };
    return (
      (await this.#update(person.subject, rights, from)) ??
      (await this.#create(person, rights, from)) ??
      // Someone else has made them meanwhile.
      (await this.#update(person.subject, rights, from)) ?? { kind: 'full' }
    );
  }

  async #siteIds(names: readonly string[]): Promise<number[]> {
    const rows = await this.#db.run(
      'subject_sites',
      (sql) => sql<{ site_id: number }[]>`
      select site_id from sites
      where name in (select json_array_elements_text(${JSON.stringify(names)}::text::json)) order by site_id`,
    );
    return rows.map(({ site_id }) => site_id);
  }

  /** Null: there is no such user. */
  async #update(subject: string, rights: Rights, from: From): Promise<SubjectOutcome | null> {
    const [row] = await this.#db.run('subject_update', (sql) => {
      const changed = sql`
        update users u set role = ${rights.role}::text, site_ids = ${siteArray(sql, rights.site_ids)}
        from found where u.user_id = found.user_id and found.disabled_at is null
          and (u.role, u.site_ids) is distinct from (${rights.role}::text, ${siteArray(sql, rights.site_ids)})
        returning u.user_id, u.name, u.role, u.site_ids,
          json_build_object('role', found.role, 'site_ids', found.site_ids) as was`;
      return sql<{ user_id: number; name: string; is_disabled: boolean }[]>`
      with found as (select * from users where subject = ${subject}::text for update),
      changed as (${changed}), ${ownNote(sql, 'update', from)}
      select user_id, name, disabled_at is not null as is_disabled from found`;
    });
    if (row === undefined) return null;
    const { user_id, name, is_disabled } = row;
    if (is_disabled) return { kind: 'disabled', userId: user_id };
    return { kind: 'known', user: { user_id, name, ...rights } };
  }

  /** Null: the subject has a user by now, or there are too many. */
  async #create({ subject, name }: Subject, rights: Rights, from: From): Promise<SubjectOutcome | null> {
    const mark = createHash('sha256').update(subject).digest('hex').slice(0, 8);
    for (const free of [name, `${[...name].slice(0, 55).join('').trim()} ${mark}`]) {
      const [row] = await this.#db.run('subject_create', (sql) => {
        const made = sql`
        insert into users (name, subject, role, site_ids)
        select ${free}::text, ${subject}::text, ${rights.role}::text, ${siteArray(sql, rights.site_ids)}
        where (select count(*) from users) < ${maxUsers}::int
        on conflict do nothing returning user_id, name, role, site_ids, null::json as was`;
        return sql<{ user_id: number }[]>`
        with changed as (${made}), ${ownNote(sql, 'create', from)} select user_id from changed`;
      });
      if (row !== undefined) return { kind: 'made', user: { user_id: row.user_id, name: free, ...rights } };
    }
    return null;
  }
}

/** The line of the audit log, in the name of the user: the provider speaks for them. */
function ownNote(sql: Sql, what: string, { address, request_id }: From): Fragment {
  return sql`noted as (
    insert into audit_log (actor_kind, actor, user_id, address, request_id, action, target, before, after)
    select 'user', c.name, c.user_id, ${address}::text, ${request_id}::text, ${`user.${what}`}::text,
      'user ' || c.user_id, c.was,
      json_build_object('name', c.name, 'role', c.role, 'site_ids', c.site_ids, 'by', 'oidc')
    from changed c)` as unknown as Fragment;
}
