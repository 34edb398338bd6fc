import type { PendingQuery, Row } from 'postgres';
import type { ChangeNote } from '../domain/people.js';
import type { Sql } from './database.js';

type Fragment = ReturnType<Sql>;
/** A part of a statement as it is written down. */
type Part = PendingQuery<Row[]>;

/** What a statement does, and how the audit log names it. */
interface Noted {
  /** Changes rows and returns the columns that are read of them. */
  readonly change: Part;
  /** Column of {@link change} with the number of the thing. */
  readonly id: string;
  /** Common table expressions beside it, each with a comma after it. */
  readonly beside?: Part;
}

/**
 * A statement's head that makes a change, to be read from `changed`, and writes its line of the audit log with it:
 * both or neither, whatever dies in between. Null: a change that nobody asked for has no line.
 */
export function withNote(sql: Sql, note: ChangeNote | null, { change, id, beside = sql`` }: Noted): Fragment {
  if (note === null) return sql`with ${beside} changed as (${change})` as unknown as Fragment;
  const before = note.before === null ? null : JSON.stringify(note.before);
  const after = note.after === null ? null : JSON.stringify(note.after);
  return sql`with ${beside} changed as (${change}),
    noted as (
      insert into audit_log (actor_kind, actor, user_id, address, request_id, action, target, site_id, before, after)
      select ${note.actor_kind}::text, ${note.actor}::text, ${note.user_id}::int, ${note.address}::text,
        ${note.request_id}::text, ${note.action}::text, ${note.thing}::text || ' ' || c.${sql.unsafe(id)},
        ${note.site_id}::int, ${before}::text::json,
        -- What the row says, but for what the note says itself: secrets are masked there.
        (to_jsonb(c) || ${after}::text::jsonb)::json
      from changed c)` as unknown as Fragment;
}
