import type { Role } from '../domain/principal.js';
import type { Database } from './database.js';

/** Who has a session. */
export interface SessionOwner {
  readonly userId: number;
  readonly name: string;
  readonly role: Role;
  /** Null: all sites. */
  readonly siteIds: readonly number[] | null;
}

/** How long sessions last. */
export interface SessionLimits {
  /** Without a request, ms. */
  readonly idleMs: number;
  /** In any case, ms. */
  readonly maxMs: number;
  /** Of one user; one more ends the oldest. */
  readonly perUser: number;
}

/** Sessions by the SHA-256 of what their cookie holds. */
export class SessionsRepo {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  /** Begins a session, and ends `replaced`, and the oldest past the bound. */
  async begin(
    sha256: Buffer,
    session: { readonly userId: number; readonly address: string | null; readonly replaced: Buffer | null },
    limits: SessionLimits,
    now: Date,
  ): Promise<void> {
    const { userId, address, replaced } = session;
    const expires = new Date(now.getTime() + limits.maxMs);
    await this.#db.run(
      'session_begin',
      (sql) => sql`
      with replaced as (
        delete from sessions where session_hash = decode(${replaced?.toString('hex') ?? ''}::text, 'hex')
      ), over as (
        delete from sessions where session_hash in (
          select session_hash from sessions where user_id = ${userId}::int
          order by created_at desc offset ${limits.perUser - 1}::int)
      )
      insert into sessions (session_hash, user_id, created_at, used_at, expires_at, address)
      values (decode(${sha256.toString('hex')}::text, 'hex'), ${userId}::int, ${now.toISOString()}::text::timestamptz,
        ${now.toISOString()}::text::timestamptz, ${expires.toISOString()}::text::timestamptz, ${address}::text)`,
    );
  }

  /** The enabled user whose session this is; null when it is over or there is none. */
  async find(sha256: Buffer, limits: SessionLimits, now: Date): Promise<SessionOwner | null> {
    const idleSince = new Date(now.getTime() - limits.idleMs).toISOString();
    const [row] = await this.#db.run(
      'session_find',
      (sql) => sql<SessionOwner[]>`
      select u.user_id as "userId", u.name, u.role, to_json(u.site_ids) as "siteIds"
      from sessions s join users u using (user_id)
      where s.session_hash = decode(${sha256.toString('hex')}::text, 'hex') and u.disabled_at is null
        and s.expires_at > ${now.toISOString()}::text::timestamptz and s.used_at > ${idleSince}::text::timestamptz`,
    );
    return row === undefined ? null : { ...row };
  }

  /** Notes that it is used; writes at most once a minute, whoever calls. */
  async touch(sha256: Buffer, now: Date): Promise<void> {
    await this.#db.run(
      'session_touch',
      (sql) => sql`
      update sessions set used_at = ${now.toISOString()}::text::timestamptz
      where session_hash = decode(${sha256.toString('hex')}::text, 'hex')
        and used_at < ${now.toISOString()}::text::timestamptz - interval '1 minute'`,
    );
  }

  /** False when there was none. */
  async end(sha256: Buffer): Promise<boolean> {
    const rows = await this.#db.run(
      'session_end',
      (sql) => sql`delete from sessions where session_hash = decode(${sha256.toString('hex')}::text, 'hex')`,
    );
    return rows.count > 0;
  }
}
