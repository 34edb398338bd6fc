import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { AppError } from '../../src/domain/errors.js';
import {
  addressesOf,
  countAddresses,
  formatIp,
  parseIp,
  parseRanges,
  someOf,
} from '../../src/domain/ip-ranges.js';

const parse = (...expressions: string[]) =>
  parseRanges(expressions, { allowLoopback: false }).map(
    (range) => `${formatIp(range.first)}-${formatIp(range.last)}`,
  );

describe('parseRanges', () => {
  it.each([
    ['10.0.0.0/30', '10.0.0.0-10.0.0.3'],
    ['10.0.0.7/24', '10.0.0.0-10.0.0.255'],
    ['10.0.0.250-10.0.1.5', '10.0.0.250-10.0.1.5'],
    ['10.0.0.10-60', '10.0.0.10-10.0.0.60'],
    ['192.168.1.9', '192.168.1.9-192.168.1.9'],
    ['10.9.8.*', '10.9.8.0-10.9.8.255'],
  ])('reads %s', (expression, expected) => expect(parse(expression)).toEqual([expected]));

  it('reads a wildcard in a middle octet as one address per subnet', () => {
    const ranges = parseRanges(['10.0.*.2'], { allowLoopback: false });
    expect(ranges).toHaveLength(256);
    expect(countAddresses(ranges)).toBe(256);
    expect(formatIp(ranges[255]?.first ?? 0)).toBe('10.0.255.2');
  });

  it('cuts exclusions out of ranges and joins ranges that touch', () => {
    expect(parse('10.0.0.0/24', '10.0.1.0/24', '!10.0.0.100-10.0.0.199', '! 10.0.1.255')).toEqual([
      '10.0.0.0-10.0.0.99',
      '10.0.0.200-10.0.1.254',
    ]);
  });

  it.each([
    ['010.0.0.1', /octal/],
    ['10.0.0.08-20', /octal/],
    ['10.0.0.9-10.0.0.1', /backwards/],
    ['10.0.0.60-10', /backwards/],
    ['10.0.0.0/11', /larger than a \/12/],
    ['10.0.0.0-10.255.255.255', /larger than a \/12/],
    ['10.*.*.*', /larger than a \/12/],
    ['10.0.0.256', /no IPv4 address/],
    ['10.0.0', /no IPv4 address/],
    ['miner-1', /no IPv4 address/],
    ['10.0.0.0/33', /no prefix length/],
    ['127.0.0.1', /loopback addresses are refused; set `allow_loopback: true`/],
    ['169.254.0.0/24', /link-local/],
    ['239.0.0.1', /multicast/],
    ['', /no IPv4 address/],
  ])('refuses %s by name', (expression, why) => {
    expect(() => parse(expression)).toThrow(why);
    expect(() => parse(expression)).toThrow(`range "${expression}"`);
    try {
      parse(expression);
    } catch (error) {
      expect((error as AppError).code).toBe('RANGE_INVALID');
    }
  });

  it('bounds how many ranges a list makes, and refuses one that holds nothing', () => {
    expect(() => parse(...Array.from({ length: 3 }, (_, n) => `!10.*.*.${n}`))).toThrow(
      'range "!10.*.*.2": 131072 ranges are the most of one list',
    );
    expect(() => someOf(parseRanges(['10.0.0.1', '!10.0.0.0/24'], { allowLoopback: false }))).toThrow(
      'no address is left',
    );
  });

  it('takes loopback ranges when told to', () => {
    expect(countAddresses(parseRanges(['127.20.0.0/16'], { allowLoopback: true }))).toBe(65_536);
  });

  it('equals set arithmetic for any mix of ranges and exclusions', () => {
    const piece = fc.tuple(fc.integer({ min: 0, max: 700 }), fc.integer({ min: 0, max: 80 }), fc.boolean());
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
        const base = parseIp('10.1.0.0') ?? 0;
        const expressions = pieces.map(
          ([start, size, isExclusion]) =>
            `${isExclusion ? '!' : ''}${formatIp(base + start)}-${formatIp(base + start + size)}`,
        );
        const wanted = new Set<number>();
        for (const [start, size, isExclusion] of pieces)
          if (!isExclusion) for (let i = 0; i <= size; i++) wanted.add(base + start + i);
        for (const [start, size, isExclusion] of pieces)
          if (isExclusion) for (let i = 0; i <= size; i++) wanted.delete(base + start + i);
        const got = [...addressesOf(parseRanges(expressions, { allowLoopback: false }))];
        expect(got).toEqual([...wanted].sort((a, b) => a - b));
      }),
    );
  });
});

describe('parseIp', () => {
  it('reads back what formatIp writes', () => {
    fc.assert(fc.property(fc.integer({ min: 0, max: 2 ** 32 - 1 }), (n) => parseIp(formatIp(n)) === n));
  });
});
