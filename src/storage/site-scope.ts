import type { Sql } from './database.js';

type Fragment = ReturnType<Sql>;

/** A condition: the site of a row, as `column` names it, is one of these; null: any. */
export function siteIn(sql: Sql, column: string, siteIds: readonly number[] | null): Fragment {
  const condition =
    siteIds === null
      ? sql`true`
      : sql`${sql.unsafe(column)} in (select text::int from json_array_elements_text(${JSON.stringify(siteIds)}::text::json) listed (text))`;
  return condition as unknown as Fragment;
}

/** A list of sites as an array; null: all. */
export function siteArray(sql: Sql, siteIds: readonly number[] | null): Fragment {
  const array =
    siteIds === null
      ? sql`null::int[]`
      : sql`array(select text::int from json_array_elements_text(${JSON.stringify(siteIds)}::text::json) listed (text))`;
  return array as unknown as Fragment;
}
