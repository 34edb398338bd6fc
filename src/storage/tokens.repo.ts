import { AppError } from '../domain/errors.js';
import { commonSites, type ApiToken, type ChangeNote, type Rights } from '../domain/people.js';
import { includesRole, type Role } from '../domain/principal.js';
import { withNote } from './change-note.js';
import type { Database, Sql } from './database.js';
import { hashSecret, randomSecret } from './secrets.js';
import { siteArray } from './site-scope.js';

type Fragment = ReturnType<Sql>;
interface TokenRow extends Omit<ApiToken, 'created_at' | 'expires_at' | 'last_used_at' | 'revoked_at'> {
  readonly created_at: Date;
  readonly expires_at: Date;
  readonly last_used_at: Date | null;
  readonly revoked_at: Date | null;
}
interface OwnedRow {
  readonly token_id: number;
  readonly label: string;
  readonly user_id: number;
  readonly role: Role;
  readonly site_ids: readonly number[] | null;
  readonly owner_role: Role;
  readonly owner_site_ids: readonly number[] | null;
}

/** What a token may: no more than its owner may now. */
export interface TokenRights {
  readonly tokenId: number;
  readonly label: string;
  readonly userId: number;
  readonly role: Role;
  readonly siteIds: readonly number[] | null;
}

/** Active ones of one user; more are refused. */
const maxActive = 100;

/** Tokens of scripts: made, found by hash, listed, revoked. */
export class TokensRepo {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  /** The token is told here and kept nowhere. Throws `CONFLICT` past the bound of one user. */
  async create(
    userId: number,
    label: string,
    rights: Rights,
    expiresAt: Date,
    note: ChangeNote | null = null,
  ): Promise<{ readonly token: string; readonly made: ApiToken }> {
    const token = `hst_${randomSecret()}`;
    const [row] = await this.#db.run('token_create', (sql) => {
      const change = sql`
        insert into api_tokens (user_id, token_hash, prefix, label, role, site_ids, expires_at)
        select u.user_id, decode(${hashSecret(token).toString('hex')}::text, 'hex'), ${token.slice(0, 8)}::text,
          ${label}::text, ${rights.role}::text, ${siteArray(sql, rights.site_ids)},
          ${expiresAt.toISOString()}::text::timestamptz
        from users u where u.user_id = ${userId}::int and (select count(*) from api_tokens t
          where t.user_id = u.user_id and t.revoked_at is null and t.expires_at > now()) < ${maxActive}::int
        returning token_id, user_id, prefix, label, role, site_ids, created_at, expires_at, last_used_at, revoked_at`;
      return sql<TokenRow[]>`
        ${withNote(sql, note, { change, id: 'token_id' })}
        select ${columns(sql)} from changed t join users u using (user_id)`;
    });
    if (row === undefined)
      throw new AppError('CONFLICT', `The user has ${maxActive} active tokens: revoke one first`);
    return { token, made: toToken(row) };
  }

  /** What the bearer of the token with this SHA-256 may; null when it is over, or its owner is disabled. */
  async find(sha256: Buffer, now: Date): Promise<TokenRights | null> {
    const [row] = await this.#db.run(
      'token_find',
      (sql) => sql<OwnedRow[]>`
      select t.token_id, t.label, t.user_id, t.role, to_json(t.site_ids) as site_ids, u.role as owner_role,
        to_json(u.site_ids) as owner_site_ids
      from api_tokens t join users u using (user_id)
      where t.token_hash = decode(${sha256.toString('hex')}::text, 'hex') and t.revoked_at is null
        and t.expires_at > ${now.toISOString()}::text::timestamptz and u.disabled_at is null`,
    );
    if (row === undefined) return null;
    return {
      tokenId: row.token_id,
      label: row.label,
      userId: row.user_id,
      role: includesRole(row.owner_role, row.role) ? row.role : row.owner_role,
      siteIds: commonSites(row.site_ids, row.owner_site_ids),
    };
  }

  /** Notes that it was used; writes at most once a minute, whoever calls. */
  async touch(tokenId: number, now: Date): Promise<void> {
    await this.#db.run(
      'token_touch',
      (sql) => sql`
      update api_tokens set last_used_at = ${now.toISOString()}::text::timestamptz
      where token_id = ${tokenId}::int
        and (last_used_at is null or last_used_at < ${now.toISOString()}::text::timestamptz - interval '1 minute')`,
    );
  }

  /** The newest first; of one user, or of all with null. */
  async list(userId: number | null): Promise<ApiToken[]> {
    const rows = await this.#db.run(
      'tokens',
      (sql) => sql<TokenRow[]>`
      select ${columns(sql)} from api_tokens t join users u using (user_id)
      where ${userId}::int is null or t.user_id = ${userId}::int
      order by t.token_id desc limit 10000`,
    );
    return rows.map(toToken);
  }

  async findById(tokenId: number): Promise<ApiToken | null> {
    const [row] = await this.#db.run(
      'token',
      (sql) => sql<TokenRow[]>`
      select ${columns(sql)} from api_tokens t join users u using (user_id) where t.token_id = ${tokenId}::int`,
    );
    return row === undefined ? null : toToken(row);
  }

  /** False when there is no such active token. */
  async revoke(tokenId: number, note: ChangeNote | null = null): Promise<boolean> {
    const rows = await this.#db.run('token_revoke', (sql) => {
      const change = sql`
        update api_tokens set revoked_at = now() where token_id = ${tokenId}::int and revoked_at is null
        returning token_id`;
      return sql`${withNote(sql, note, { change, id: 'token_id' })} select 1 from changed`;
    });
    return rows.length > 0;
  }
}

function columns(sql: Sql): Fragment {
  return sql`t.token_id, t.user_id, u.name as user_name, t.prefix, t.label, t.role, to_json(t.site_ids) as site_ids,
    t.created_at, t.expires_at, t.last_used_at, t.revoked_at` as unknown as Fragment;
}

function toToken(row: TokenRow): ApiToken {
  return {
    ...row,
    created_at: row.created_at.toISOString(),
    expires_at: row.expires_at.toISOString(),
    last_used_at: row.last_used_at?.toISOString() ?? null,
    revoked_at: row.revoked_at?.toISOString() ?? null,
  };
}
