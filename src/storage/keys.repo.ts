import { createHash, randomBytes } from 'node:crypto';
import { AppError } from '../domain/errors.js';
import type { CollectorKey } from '../domain/ingest.js';
import type { ChangeNote } from '../domain/people.js';
import { withNote } from './change-note.js';
import { errorCode } from './database-error.js';
import type { Database } from './database.js';
import { siteIn } from './site-scope.js';

/** A key as it can be listed: the key itself is shown once, at creation. */
export interface ListedKey {
  readonly keyId: number;
  readonly siteId: number;
  readonly siteName: string;
  readonly prefix: string;
  readonly label: string | null;
  readonly createdAt: Date;
  readonly lastUsedAt: Date | null;
  readonly revokedAt: Date | null;
}

export interface CreatedKey extends CollectorKey {
  /** `hsc_` and 43 base64url characters. Kept nowhere. */
  readonly key: string;
}

/** The SHA-256 of a key, 32 bytes: all that is stored of it. */
export function hashKey(key: string): Buffer {
  return createHash('sha256').update(key).digest();
}

/** Collector keys: made, found by hash, listed, revoked. */
export class KeysRepo {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  /** Makes a key for a site. Throws `REQUEST_INVALID` when two are active: one must be revoked first. */
  async create(
    siteId: number,
    label: string | null = null,
    note: ChangeNote | null = null,
  ): Promise<CreatedKey> {
    return await this.import(siteId, `hsc_${randomBytes(32).toString('base64url')}`, label, note);
  }

  /** As `create`, with a key that the caller chose; the same key again for the same site is answered as it is. */
  async import(
    siteId: number,
    key: string,
    label: string | null = null,
    note: ChangeNote | null = null,
  ): Promise<CreatedKey> {
    const hash = hashKey(key);
    const prefix = key.slice(0, 8);
    // Two callers may pick the same free place; the loser looks again.
    for (let attempt = 0; attempt < 3; attempt++) {
      const known = await this.find(hash);
      if (known?.siteId === siteId) return { ...known, key };
      const keyId = await this.#insert({ siteId, hash, prefix, label }, note);
      if (keyId !== null) return { keyId, siteId, prefix, key };
    }
    throw new AppError('REQUEST_INVALID', 'The site has two active keys: revoke one first');
  }

  /** The active key with this SHA-256; null when unknown or revoked. That a revoked one was used is noted. */
  async find(sha256: Buffer): Promise<CollectorKey | null> {
    const [row] = await this.#db.run(
      'find_key',
      (sql) => sql<CollectorKey[]>`
      with refused as (
        update collector_keys set refused_at = now()
        where key_hash = decode(${sha256.toString('hex')}::text, 'hex') and revoked_at is not null
          and (refused_at is null or refused_at < now() - interval '1 minute')
      )
      select key_id as "keyId", site_id as "siteId", prefix from collector_keys
      where key_hash = decode(${sha256.toString('hex')}::text, 'hex') and revoked_at is null`,
    );
    return row === undefined ? null : { ...row };
  }

  /** Keys, revoked ones too, of some sites or of all; or one by its number. */
  async list(siteIds: readonly number[] | null = null, keyId: number | null = null): Promise<ListedKey[]> {
    const rows = await this.#db.run(
      'list_keys',
      (sql) => sql<ListedKey[]>`
      select k.key_id as "keyId", k.site_id as "siteId", s.name as "siteName", k.prefix, k.label,
        k.created_at as "createdAt", k.last_used_at as "lastUsedAt", k.revoked_at as "revokedAt"
      from collector_keys k join sites s using (site_id)
      where ${siteIn(sql, 'k.site_id', siteIds)} and (${keyId}::int is null or k.key_id = ${keyId}::int)
      order by k.key_id`,
    );
    return rows.map((row) => ({ ...row }));
  }

  /** Of one, revoked or not. */
  async findById(keyId: number): Promise<ListedKey | null> {
    return (await this.list(null, keyId))[0] ?? null;
  }

  /** False when there is no such active key. */
  async revoke(keyId: number, note: ChangeNote | null = null): Promise<boolean> {
    const rows = await this.#db.run('revoke_key', (sql) => {
      const change = sql`
        update collector_keys set revoked_at = now() where key_id = ${keyId}::int and revoked_at is null
        returning key_id`;
      return sql`${withNote(sql, note, { change, id: 'key_id' })} select 1 from changed`;
    });
    return rows.length > 0;
  }

  /** Notes that a key was used; writes at most once a minute per key, whoever calls. */
  async touchLastUsed(keyId: number, now: Date): Promise<void> {
    await this.#db.run(
      'touch_key',
      (sql) => sql`
      update collector_keys set last_used_at = ${now.toISOString()}::text::timestamptz
      where key_id = ${keyId}::int
        and (last_used_at is null or last_used_at < ${now.toISOString()}::text::timestamptz - interval '1 minute')`,
    );
  }

  /** Null when both places are taken, or were while this ran. */
  async #insert(
    {
      siteId,
      hash,
      prefix,
      label,
    }: {
      readonly siteId: number;
      readonly hash: Buffer;
      readonly prefix: string;
      readonly label: string | null;
    },
    note: ChangeNote | null,
  ): Promise<number | null> {
    try {
      const [row] = await this.#db.run('create_key', (sql) => {
        const change = sql`
        insert into collector_keys (site_id, slot, key_hash, prefix, label)
        select ${siteId}::int, free.slot, decode(${hash.toString('hex')}::text, 'hex'), ${prefix}::text, ${label}::text
        from generate_series(1, 2) free (slot)
        where not exists (select from collector_keys k
          where k.site_id = ${siteId}::int and k.slot = free.slot and k.revoked_at is null)
        order by free.slot limit 1
        returning key_id, site_id, prefix, label`;
        return sql<
          { key_id: number }[]
        >`${withNote(sql, note, { change, id: 'key_id' })} select key_id from changed`;
      });
      return row?.key_id ?? null;
    } catch (error) {
      if (errorCode(error) === '23505') return null;
      if (errorCode(error) === '23503') throw new AppError('NOT_FOUND', 'No such site');
      throw error;
    }
  }
}
