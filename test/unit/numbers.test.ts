import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseQuantity, toCount, toNumber, toTemperature, toText } from '../../src/miner/numbers.js';
import type { JsonValue } from '../../src/miner/reply.js';

describe('toNumber', () => {
  it.each<[JsonValue, number]>([
    ['13883.81', 13883.81],
    [' 12.0000', 12],
    ['18,500.5', 18500.5],
    ['1,234,567', 1234567],
    ['456.78 (AB)', 456.78],
    ['3250 W', 3250],
    ['524K', 524000],
    ['1.5M', 1_500_000],
    ['0.009%', 0.009],
    ['11500 MH/s', 11500],
    ['110 TH/s', 110],
    ['269880 B', 269880],
    ['1.2009939119E+13', 1.2009939119e13],
    ['-83', -83],
    ['+5', 5],
    ['007', 7],
    ['.5', 0.5],
    [99999999, 99999999],
    [0, 0],
  ])('reads %j', (text, value) => {
    expect(toNumber(text)).toBe(value);
  });

  it.each<[JsonValue | undefined]>([
    [''],
    ['-'],
    ['m'],
    ['nan'],
    ['inf'],
    ['62-65-68-70'],
    ['NaN-NaN'],
    ['1,5'],
    ['12:34:56'],
    ['1.3.58'],
    ['0x1F'],
    ['12ab'],
    ['9'.repeat(400)],
    [Infinity],
    [NaN],
    [true],
    [null],
    [undefined],
    [[1]],
    [{ a: 1 }],
  ])('knows no number in %j', (value) => {
    expect(toNumber(value)).toBeNull();
  });

  it('reads back every finite number it is given as text', () => {
    const any = fc.double({ noNaN: true, noDefaultInfinity: true });
    fc.assert(
      fc.property(any, (value) => {
        expect(toNumber(String(value))).toBe(value === 0 ? 0 : value);
        expect(toNumber(` ${String(value)} W`)).toBe(toNumber(String(value)));
      }),
      { seed: 4028 },
    );
  });

  it('never throws and never gives what is not finite', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 80 }), (text) => {
        for (const value of [toNumber(text), toCount(text), toTemperature(text)]) {
          expect(value === null || Number.isFinite(value)).toBe(true);
        }
      }),
      { seed: 4028, numRuns: 2000 },
    );
  });
});

describe('parseQuantity', () => {
  it('gives the unit back, and none for a multiplier', () => {
    expect(parseQuantity('110.5 TH/s')).toEqual({ value: 110.5, unit: 'TH/s' });
    expect(parseQuantity('66°C')).toEqual({ value: 66, unit: '°C' });
    expect(parseQuantity('38.01 J/TH')).toEqual({ value: 38.01, unit: 'J/TH' });
    expect(parseQuantity('524K')).toEqual({ value: 524000, unit: '' });
    expect(parseQuantity('524 apples')).toBeNull();
  });
});

describe('toTemperature', () => {
  it('keeps what a sensor can read and makes every word for absence null', () => {
    expect([66, '66.5', '-5', 149, -39].map((value) => toTemperature(value))).toEqual([
      66, 66.5, -5, 149, -39,
    ]);
    expect([0, '0', -273, 255, 150, -40, '-', '', 'm', null].map((value) => toTemperature(value))).toEqual(
      Array.from({ length: 10 }, () => null),
    );
  });
});

describe('toCount', () => {
  it('is whole, not negative and exact', () => {
    expect(['12.0000', 7, '524K', 3.9].map((value) => toCount(value))).toEqual([12, 7, 524000, 3]);
    expect([-1, 2 ** 60, '', 'x'].map((value) => toCount(value))).toEqual([null, null, null, null]);
  });
});

describe('toText', () => {
  it('trims, folds control characters, takes quotes off and makes nothing null', () => {
    expect(toText(' Antminer S9 Pro (v5.1) ')).toBe('Antminer S9 Pro (v5.1)');
    expect(toText('Antminer S9\nV1.3.58')).toBe('Antminer S9 V1.3.58');
    expect(toText("'20210109.22.REL'")).toBe('20210109.22.REL');
    expect([741, true].map((value) => toText(value))).toEqual(['741', 'true']);
    expect(['', ' \n', null, undefined, [], {}].map((value) => toText(value))).toEqual(
      Array.from({ length: 6 }, () => null),
    );
  });
});
