import { createHash } from 'node:crypto';
import type { Subject } from '../domain/claims.js';
import type { Rights } from '../domain/people.js';
import type { Role } from '../domain/principal.js';
import type { Database } from './database.js';
import { siteArray } from './site-scope.js';

/** A user whom a provider vouches for. */
export interface SubjectUser extends Rights {
  readonly user_id: number;
  readonly name: string;
}

/** What came of it. `disabled`: may not sign in; `full`: there are as many users as there may be. */
export type SubjectOutcome =
  | { readonly kind: 'made'; readonly user: SubjectUser }
  | { readonly kind: 'known'; readonly user: SubjectUser; readonly before: Rights }
  | { readonly kind: 'disabled'; readonly userId: number }
  | { readonly kind: 'full' };

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
  async signIn(person: Subject, role: Role, siteNames: readonly string[] | null): Promise<SubjectOutcome> {
    const rights = { role, site_ids: siteNames === null ? null : await this.#siteIds(siteNames) };
    return (
      (await this.#update(person.subject, rights)) ??
      (await this.#create(person, rights)) ??
      // Someone else has made them meanwhile.
      (await this.#update(person.subject, rights)) ?? { kind: 'full' }
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
  async #update(subject: string, rights: Rights): Promise<SubjectOutcome | null> {
    const [row] = await this.#db.run(
      'subject_update',
      (sql) => sql<(SubjectUser & { was: Rights; is_disabled: boolean })[]>`
      with found as (select * from users where subject = ${subject}::text for update),
      changed as (
        update users u set role = ${rights.role}::text, site_ids = ${siteArray(sql, rights.site_ids)}
        from found where u.user_id = found.user_id and found.disabled_at is null
          and (u.role, u.site_ids) is distinct from (${rights.role}::text, ${siteArray(sql, rights.site_ids)}))
      select user_id, name, disabled_at is not null as is_disabled,
        json_build_object('role', role, 'site_ids', site_ids) as was from found`,
    );
    if (row === undefined) return null;
    const { user_id, name, was, is_disabled } = row;
    if (is_disabled) return { kind: 'disabled', userId: user_id };
    return { kind: 'known', user: { user_id, name, ...rights }, before: was };
  }

  /** Null: the subject has a user by now, or there are too many. */
  async #create({ subject, name }: Subject, rights: Rights): Promise<SubjectOutcome | null> {
    const mark = createHash('sha256').update(subject).digest('hex').slice(0, 8);
    for (const free of [name, `${[...name].slice(0, 55).join('').trim()} ${mark}`]) {
      const [row] = await this.#db.run(
        'subject_create',
        (sql) => sql<{ user_id: number }[]>`
        insert into users (name, subject, role, site_ids)
        select ${free}::text, ${subject}::text, ${rights.role}::text, ${siteArray(sql, rights.site_ids)}
        where (select count(*) from users) < ${maxUsers}::int
        on conflict do nothing returning user_id`,
      );
      if (row !== undefined) return { kind: 'made', user: { user_id: row.user_id, name: free, ...rights } };
    }
    return null;
  }
}
