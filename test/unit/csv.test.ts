import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { csvLine, parseCsv } from '../../src/domain/csv.js';

describe('writing CSV', () => {
  it('quotes what needs it and leaves unknown cells empty', () => {
    expect(csvLine(['a', 1.5, null, true, 'x,y', 'say "hi"', 'two\nlines', ''])).toBe(
      'a,1.5,,true,"x,y","say ""hi""","two\nlines",\r\n',
    );
  });

  it('lets no text be run as a formula, and no number be changed', () => {
    expect(csvLine(['=1+1', '+1', '-1', '@a', '\t=1', '  =1', -5])).toBe(
      "'=1+1,'+1,'-1,'@a,'\t=1,'  =1,-5\r\n",
    );
  });

  it('is read back as it was written', () => {
    const cell = fc.string().map((text) =>
      text
        .replaceAll('\r', '')
        .trim()
        .replace(/^[=+\-@\s"]+/, ''),
    );
    fc.assert(
      fc.property(fc.array(fc.tuple(cell, cell, cell)), (rows) => {
        const kept = rows.filter((cells) => cells.some((text) => text !== ''));
        const text = `h1,h2,h3\r\n${rows.map((cells) => csvLine(cells)).join('')}`;
        expect(
          parseCsv(text)
            .slice(1)
            .map((row) => row.cells),
        ).toEqual(kept);
      }),
    );
  });
});

describe('reading CSV', () => {
  it('knows the line of each row, over blank lines and quoted line ends', () => {
    expect(parseCsv('\uFEFFa,b\r\n\r\n"x\ny", z \nlast,')).toEqual([
      { line: 1, cells: ['a', 'b'] },
      { line: 3, cells: ['x\ny', 'z'] },
      { line: 5, cells: ['last', ''] },
    ]);
  });

  it('takes semicolons where the first line has them', () => {
    expect(parseCsv('a;b\n1,5;2').map((row) => row.cells)).toEqual([
      ['a', 'b'],
      ['1,5', '2'],
    ]);
  });
});
