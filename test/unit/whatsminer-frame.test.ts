import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeFrame, FrameAssembler } from '../../src/miner/whatsminer-frame.js';

describe('a frame of Whatsminer’s API v3', () => {
  it('is its length in bytes, little end first, and the text', () => {
    expect([...encodeFrame('{"a":"é"}')]).toEqual([10, 0, 0, 0, ...Buffer.from('{"a":"é"}')]);
  });

  it('is put together again from chunks of any size, and no further', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'grapheme' }),
        fc.array(fc.nat(7)),
        fc.uint8Array(),
        (text, sizes, rest) => {
          const frame = encodeFrame(text);
          const assembler = new FrameAssembler();
          let at = 0;
          for (const size of sizes) {
            const next = Math.min(at + size, frame.length);
            expect(assembler.push(frame.subarray(at, next))).toBe(
              next === frame.length && frame.length > 0 ? 'complete' : 'incomplete',
            );
            at = next;
          }
          expect(assembler.push(Buffer.concat([frame.subarray(at), rest]))).toBe('complete');
          expect(assembler.body().toString('utf8')).toBe(text);
          expect(assembler.push(Buffer.from('more'))).toBe('complete');
          expect(assembler.body().toString('utf8')).toBe(text);
        },
      ),
    );
  });

  it('over the limit is refused by its length alone, before its body comes', () => {
    const assembler = new FrameAssembler({ maxBytes: 100 });
    expect(assembler.push(Buffer.from([101, 0, 0, 0]))).toBe('too_large');
    expect(assembler.push(Buffer.alloc(10))).toBe('too_large');
    expect(assembler.end()).toBe('too_large');
    expect(assembler.body()).toHaveLength(0);
    expect(new FrameAssembler({ maxBytes: 100 }).push(encodeFrame('x'.repeat(100)))).toBe('complete');
  });

  it('that is cut gives what came', () => {
    const assembler = new FrameAssembler();
    expect(assembler.push(encodeFrame('{"code":0,"msg":{}}').subarray(0, 12))).toBe('incomplete');
    expect(assembler.end()).toBe('complete');
    expect(assembler.body().toString()).toBe('{"code":');
    const headless = new FrameAssembler();
    headless.push(Buffer.from([9, 0]));
    headless.end();
    expect(headless.body()).toHaveLength(0);
  });

  it('that is no frame but plain JSON is taken as it stands, up to the limit', () => {
    const text = '{"STATUS":"E","Code":14,"Msg":"invalid cmd"}';
    const assembler = new FrameAssembler();
    expect(assembler.push(Buffer.from(text))).toBe('incomplete');
    expect(assembler.end()).toBe('complete');
    expect(assembler.body().toString()).toBe(text);
    expect(new FrameAssembler({ maxBytes: 20 }).push(Buffer.from(text))).toBe('too_large');
  });
});
