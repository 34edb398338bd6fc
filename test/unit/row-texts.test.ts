import fc from 'fast-check';
import { expect, it } from 'vitest';
import { decodeUtf8, RowTexts } from '../../src/domain/row-texts.js';

it('gives the texts of rows as one JSON array, in any order, however little room was expected', () => {
  fc.assert(
    fc.property(fc.array(fc.jsonValue()), fc.nat(40), (rows, expectedBytes) => {
      const texts = new RowTexts(expectedBytes);
      for (const row of rows) {
        const text = JSON.stringify(row);
        texts.add(text.slice(0, 1), text.slice(1));
      }
      const order = rows.map((_, index) => rows.length - 1 - index);
      expect(JSON.parse(decodeUtf8(texts.toArray(order)))).toEqual(
        JSON.parse(JSON.stringify(rows.toReversed())),
      );
    }),
  );
});
