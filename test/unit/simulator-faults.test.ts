import { describe, expect, it } from 'vitest';
import { listAddresses } from '../../load-test/simulator/addresses.js';
import { garbage, malform } from '../../load-test/simulator/damage.js';
import {
  faultText,
  garbageShapes,
  parseFault,
  plainFaults,
  quirks,
} from '../../load-test/simulator/faults.js';
import { dealFaults, mixes, pickModel } from '../../load-test/simulator/mix.js';
import type { ModelName } from '../../load-test/simulator/models.js';
import { hashText } from '../../load-test/simulator/random.js';
import { decodeReply } from '../../src/miner/decode-reply.js';
import { ask, build, type Row } from '../support/simulated-miner.js';

const farmNames = Object.keys(mixes.demo.models) as ModelName[];

describe('faults', () => {
  it('are read and written in one notation', () => {
    const texts = [
      ...plainFaults,
      'slow:1500',
      'drip:8/50',
      'flapping:30/20',
      ...quirks.map((quirk) => `malformed:${quirk}`),
      ...garbageShapes.map((shape) => `garbage:${shape}`),
    ];
    expect(texts.map((text) => faultText(parseFault(text)))).toEqual(texts);
    for (const wrong of ['', 'dead', 'malformed:x', 'slow:-1', 'silent:3'])
      expect(() => parseFault(wrong)).toThrow();
  });

  it('are dealt in exact shares by a demo, every kind once in 200 miners', () => {
    const addresses = listAddresses({ base: '127.20.0.1', count: 200 });
    const dealt = dealFaults(mixes.demo, 3, addresses);
    expect(dealt.size).toBe(30);
    expect(new Set([...dealt.values()].map(faultText)).size).toBe(30);
    expect(dealFaults(mixes.demo, 3, addresses)).toEqual(dealt);
    expect([...dealFaults(mixes.demo, 4, addresses).keys()]).not.toEqual([...dealt.keys()]);
    expect(dealFaults(mixes.hostile, 3, listAddresses({ base: '127.20.0.1', count: 2000 })).size).toBe(1000);
  });

  it('damage a reply so that strict JSON fails where it should, and the tolerant reader does not', () => {
    const isStrict = new Set(['duplicate_keys', 'invalid_utf8', 'no_nul', 'newline_end', 'nul_newline_end']);
    for (const name of farmNames) {
      for (const quirk of quirks) {
        const miner = build(name);
        const clean = ask(miner, { command: 'summary' }) ?? '';
        const bytes = Buffer.from(malform(clean, quirk), 'latin1');
        const text = bytes.toString().replace(/\0\n?$/, '');
        const strict = (): void => void JSON.parse(text);
        if (isStrict.has(quirk)) expect(strict, quirk).not.toThrow();
        else expect(strict, quirk).toThrow();
        expect(bytes.equals(Buffer.from(`${clean}\0`))).toBe(false);
        const reply = decodeReply('summary', bytes);
        const accepted = (JSON.parse(clean) as { SUMMARY: Row[] }).SUMMARY[0]?.Accepted;
        expect(reply, `${name} ${quirk}`).toMatchObject({
          kind: 'ok',
          isTruncated: false,
          value: { SUMMARY: [{ Accepted: accepted }] },
        });
      }
    }
  });

  it('come as answers that are no reply', () => {
    for (const shape of garbageShapes) {
      const reply = decodeReply('summary', Buffer.from(garbage(shape), 'latin1'));
      expect(reply.kind === 'ok' ? JSON.stringify(reply.value).includes('SUMMARY') : false, shape).toBe(
        false,
      );
    }
  });
});

describe('addresses', () => {
  it('leave out last octets 0 and 255 and carry over', () => {
    const list = listAddresses({ base: '127.20.0.0', count: 600 });
    expect([list[0], list[253], list[254], list[599]]).toEqual([
      '127.20.0.1',
      '127.20.0.254',
      '127.20.1.1',
      '127.20.2.92',
    ]);
    expect(() => listAddresses({ base: '127.20.0', count: 1 })).toThrow();
    expect(() => listAddresses({ base: '255.255.255.250', count: 9 })).toThrow();
  });

  it('pick the same model whatever the other addresses are', () => {
    const picked = (seed: number): ModelName[] =>
      listAddresses({ base: '127.20.0.1', count: 300 }).map((address) =>
        pickModel(mixes.demo, hashText(seed, address)),
      );
    expect(picked(1)).toEqual(picked(1));
    expect(new Set(picked(1))).toEqual(new Set(farmNames));
    expect(picked(2)).not.toEqual(picked(1));
  });
});
