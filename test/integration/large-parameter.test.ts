import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Database } from '../../src/storage/database.js';
import { lendBytes } from '../../src/storage/large-parameter.js';
import { testEditions, testServerUrl } from '../support/database.js';
import { openTestDatabase } from '../support/storage.js';

describe.each(testEditions())('bytes lent to a query, on %s', (edition) => {
  let db: Database;
  beforeAll(() => {
    db = openTestDatabase(testServerUrl(edition), { poolSize: 2 });
  });
  afterAll(() => db.close({ timeoutMs: 2_000 }));

  const texts = Array.from({ length: 12 }, (_, n) => `${n} é漢 `.repeat(n === 0 ? 0 : 8 ** (n % 7)));
  const echo = async (text: string): Promise<unknown> => {
    const [row] = await db.run('echo', (sql) => {
      const lent = lendBytes(sql, Buffer.from(text));
      const query = sql.unsafe<{ text: string; other: string }[]>(
        'select $1::text as text, $2::text as other',
        [lent.text, text.slice(0, 20)],
        { prepare: true },
      );
      query.then(lent.release, lent.release);
      return query;
    });
    return row;
  };

  test('arrive as they are, many at once and of any size', async () => {
    const answers = await Promise.all(texts.map(echo));
    expect(answers).toEqual(texts.map((text) => ({ text, other: text.slice(0, 20) })));
  });

  test('go with the statement that names them alone: their word is plain text after, and in other places', async () => {
    await db.run('words', async (sql) => {
      const lent = lendBytes(sql, Buffer.from('secret'));
      const others = await sql.unsafe('select $1::text as a, $2::text as b', ['x', lent.text]);
      lent.release();
      const after = await sql.unsafe('select $1::text as a', [lent.text]);
      expect([...others, ...after]).toEqual([{ a: 'x', b: lent.text }, { a: lent.text }]);
    });
  });
});
