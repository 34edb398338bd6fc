import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseCidr } from '../../src/domain/cidr.js';
import { readCursor, writeCursor } from '../../src/domain/keyset.js';

describe('a network', () => {
  it('is an address with or without bits', () => {
    expect(parseCidr('10.1.0.0/16')).toBe('10.1.0.0/16');
    expect(parseCidr(' 10.1.0.7 ')).toBe('10.1.0.7/32');
    expect(parseCidr('fd00::/8')).toBe('fd00::/8');
  });

  it.each(['', '10.1.0', '10.1.0.0/33', '10.1.0.0/-1', '10.1.0.0/8/8', 'fe80::1%eth0/64', '10.0.0.0/1e1'])(
    'is not "%s"',
    (text) => expect(parseCidr(text)).toBeNull(),
  );
});

describe('a cursor', () => {
  it('gives back its position, under the order it was made for alone', () => {
    fc.assert(
      fc.property(fc.array(fc.option(fc.string().filter((text) => !text.includes('\0')))), (position) => {
        const cursor = writeCursor('state asc', position);
        expect(cursor).toMatch(/^[A-Za-z0-9_-]+$/);
        expect(readCursor(cursor, 'state asc', position.length)).toEqual(position);
        expect(() => readCursor(cursor, 'state desc', position.length)).toThrow(/Invalid cursor/);
        expect(() => readCursor(cursor, 'state asc', position.length + 1)).toThrow(/Invalid cursor/);
      }),
    );
  });

  it('is refused when it is anything else', () => {
    const forged = [
      '',
      'e30',
      Buffer.from('["a",1]').toString('base64url'),
      Buffer.from('["a","\\u0000"]').toString('base64url'),
    ];
    for (const text of forged) expect(() => readCursor(text, 'a', 1)).toThrow(/Invalid cursor/);
  });
});
