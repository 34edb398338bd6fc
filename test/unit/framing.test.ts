import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ReplyFramer } from '../../src/miner/framing.js';
import type { FrameState } from '../../src/miner/framing.js';

const pushAll = (framer: ReplyFramer, ...chunks: string[]): FrameState[] =>
  chunks.map((chunk) => framer.push(Buffer.from(chunk, 'latin1')));

describe('ReplyFramer', () => {
  it('is complete at the NUL, and drops what follows it', () => {
    const framer = new ReplyFramer();
    expect(pushAll(framer, '{"a":', '1}\n\0\njunk', 'more')).toEqual(['incomplete', 'complete', 'complete']);
    expect(framer.bytes().toString()).toBe('{"a":1}\n\0');
  });

  it('takes balanced JSON without a NUL as a candidate until the caller has waited', () => {
    const framer = new ReplyFramer();
    expect(pushAll(framer, '{"a":[1,', '2]}', '\n')).toEqual([
      'incomplete',
      'quiet-candidate',
      'quiet-candidate',
    ]);
    expect(framer.end()).toBe('complete');
  });

  it('does not stop at a newline inside pretty-printed JSON', () => {
    expect(pushAll(new ReplyFramer(), '{\n', ' "a": {\n', '  "b": 1\n', ' }\n', '}\n')).toEqual([
      'incomplete',
      'incomplete',
      'incomplete',
      'incomplete',
      'quiet-candidate',
    ]);
  });

  it('does not count brackets in strings, also when a chunk ends at a backslash', () => {
    expect(pushAll(new ReplyFramer(), '{"a":"}\\', '"}', ' ]"', '}')).toEqual([
      'incomplete',
      'incomplete',
      'incomplete',
      'quiet-candidate',
    ]);
  });

  it('goes back to incomplete when more JSON follows a balanced part', () => {
    expect(pushAll(new ReplyFramer(), '{"a":1}', '"}', '{"b":', '2}')).toEqual([
      'quiet-candidate',
      'quiet-candidate',
      'incomplete',
      'quiet-candidate',
    ]);
  });

  it('ends plain text and damaged JSON by NUL or end of stream alone', () => {
    const text = new ReplyFramer();
    expect(pushAll(text, 'STATUS=S,Msg={}|', 'SUMMARY,a=1|\n')).toEqual(['incomplete', 'incomplete']);
    expect(pushAll(text, '\0')).toEqual(['complete']);
    const damaged = new ReplyFramer();
    expect(pushAll(damaged, '{"a":[1}')).toEqual(['incomplete']);
    expect(damaged.end()).toBe('complete');
  });

  it('does not take a NUL ahead of the reply for its end', () => {
    const framer = new ReplyFramer();
    expect(pushAll(framer, '\0', '\n\0{"a":1', '}\0')).toEqual(['quiet-candidate', 'incomplete', 'complete']);
    expect(framer.bytes().toString()).toBe('\0\n\0{"a":1}\0');
  });

  it('skips a byte order mark', () => {
    expect(pushAll(new ReplyFramer(), '\xef\xbb', '\xbf{"a":1}')).toEqual(['incomplete', 'quiet-candidate']);
  });

  it('refuses more bytes than its limit, also in the chunk that ends the reply', () => {
    const framer = new ReplyFramer({ maxBytes: 10 });
    expect(pushAll(framer, '123456789', '0', '1', '\0')).toEqual([
      'incomplete',
      'incomplete',
      'too_large',
      'too_large',
    ]);
    expect(framer.bytes()).toHaveLength(10);
    expect(framer.end()).toBe('too_large');
  });

  it('answers empty bytes when nothing came', () => {
    const framer = new ReplyFramer();
    expect(framer.end()).toBe('complete');
    expect(framer.bytes()).toHaveLength(0);
  });

  it('comes to the same end however the stream is chunked', () => {
    const value = fc.jsonValue({ maxDepth: 4 }).map((json) => JSON.stringify({ json }, null, 1));
    const cuts = fc.array(fc.nat(), { maxLength: 8 });
    const chunked = fc.property(
      value,
      cuts,
      fc.constantFrom('', '\n', '\0', '\n\0', '\0\n'),
      (json, at, ending) => {
        const bytes = Buffer.from(json + ending);
        const framer = new ReplyFramer();
        let state: FrameState = 'incomplete';
        let from = 0;
        for (const cut of [...at.map((n) => n % bytes.length), bytes.length].sort((a, b) => a - b)) {
          if (cut < Buffer.byteLength(json))
            expect(framer.push(bytes.subarray(from, cut))).toBe('incomplete');
          else state = framer.push(bytes.subarray(from, cut));
          from = cut;
        }
        expect(state).toBe(ending.includes('\0') ? 'complete' : 'quiet-candidate');
        expect(framer.bytes().toString()).toBe(json + ending.replace(/\0[^]*$/, '\0'));
      },
    );
    fc.assert(chunked, { seed: 4028, numRuns: 500 });
  });
});
