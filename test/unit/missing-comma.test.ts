import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeReply } from '../../src/miner/decode-reply.js';
import { parseMissingComma } from '../../src/miner/missing-comma.js';
import { splitJoined } from '../../src/miner/split-joined.js';

describe('a text whose only damage is one missing comma', () => {
  it('is read, and the member named in which it was missing', () => {
    const text = '{"summary":[{"SUMMARY":[{"a":1}]}],"stats":[{"STATS":[{"b":2}{"c":3}]}],"id":1}';
    expect(parseMissingComma(text)).toEqual({
      value: { summary: [{ SUMMARY: [{ a: 1 }] }], stats: [{ STATS: [{ b: 2 }, { c: 3 }] }], id: 1 },
      member: 'stats',
    });
  });

  it('is left alone when more is wrong, or when the braces stand in a string', () => {
    expect(parseMissingComma('{"a":[{}{}{}]}')).toBeNull();
    expect(parseMissingComma('{"a":[{}{}],}')).toBeNull();
    expect(parseMissingComma('{"a":"}{",}')).toBeNull();
    expect(parseMissingComma('{"a":1}')).toBeNull();
  });

  it('is left alone when a name stands twice, since strict parsing forgets the first', () => {
    const text = '{"STATS":[{"a":1}{"temp1":40,"temp1":45}]}';
    expect(parseMissingComma(text)).toBeNull();
    expect(decodeReply('stats', Buffer.from(text))).toMatchObject({
      value: { STATS: [{ a: 1 }, { 'temp1#1': 40, temp1: 45 }] },
    });
  });

  it('is told as one repair of the reply, and of the one member of a joined reply', () => {
    const reply = decodeReply('stats', Buffer.from('{"STATS":[{"b":2}{"c":3}],"id":1}\0'));
    expect(reply).toMatchObject({
      kind: 'ok',
      isTruncated: false,
      value: { STATS: [{ b: 2 }, { c: 3 }] },
      repairs: [{ command: 'stats', kind: 'missing_comma', count: 1 }],
    });
    const joined = splitJoined(
      ['summary', 'stats'],
      Buffer.from('{"summary":[{"SUMMARY":[{"a":1}]}],"stats":[{"STATS":[{"b":2}{"c":3}]}]}\0'),
    );
    const repairs = [...joined.values()].map((it) => ('repairs' in it ? it.repairs : null));
    expect(repairs).toEqual([[], [{ command: 'stats', kind: 'missing_comma', count: 1 }]]);
  });

  it('costs little however many members there are', () => {
    const members = Array.from({ length: 70_000 }, (_, n) => `"a${n}":{}`);
    const startMs = performance.now();
    const read = parseMissingComma(`{${members.join(',')},"z":[{"a":1}{"b":2}]}`);
    expect(read?.member).toBe('');
    // Looking for each of them took twenty seconds.
    expect(performance.now() - startMs).toBeLessThan(3_000);
  });

  it('never changes what a string says', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (first, second) => {
        const list = [{ first: `${first}}{` }, { second }];
        const text = JSON.stringify({ list }).replace('},{"second"', '}{"second"');
        const read = parseMissingComma(text);
        // Two places where a comma may be missing are left to the slower way.
        if (read !== null) expect(read.value).toEqual({ list });
      }),
    );
  });
});
