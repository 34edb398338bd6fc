import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { describeQuirk, quirkBounds, readQuirks, type QuirkReport } from '../../src/domain/quirks.js';
import { emptySample } from '../../src/domain/wire.js';
import type { MinerSample } from '../../src/domain/telemetry.js';
import { decodeReply } from '../../src/miner/decode-reply.js';
import { quirksOf, SampleMemory } from '../../workers/reply-quirks.js';

const polled = (texts: Readonly<Record<string, string>>) => {
  const raw = new Map(Object.entries(texts).map(([command, text]) => [command, Buffer.from(text)]));
  return {
    raw,
    replies: new Map([...raw].map(([command, bytes]) => [command, decodeReply(command, bytes)])),
  };
};
const sampleOf = (firmware: string | null, changes: Partial<MinerSample> = {}): MinerSample => ({
  ...emptySample,
  family: 'antminer',
  identity: { ...emptySample.identity, firmwareVersion: firmware },
  ...changes,
});
const clean = '{"STATUS":[{"STATUS":"S","Code":70,"Msg":"stats"}],"STATS":[{"a":1},{"b":2}],"id":1}\0';
const damaged = clean.replace('},{', '}{');
const slot = 1_800_000_000_000;

describe('the quirks of a poll', () => {
  it('are none when every reply was sound', () => {
    expect(quirksOf(polled({ stats: clean }), sampleOf('X'), { slot }, new SampleMemory())).toEqual([]);
  });

  it('name the command and the damage, and bring the reply along', () => {
    const [quirk] = quirksOf(
      polled({ stats: damaged, pools: clean }),
      sampleOf('X'),
      { slot },
      new SampleMemory(),
    );
    expect(quirk).toMatchObject({
      command: 'stats',
      damage: 'missing_comma',
      sample: damaged.replace('\0', ''),
    });
    expect(quirk?.fingerprint).toMatch(/^[0-9a-f]{12}$/);
  });

  it('are the same for other values, another for other firmware, command, damage or shape', () => {
    const print = (text: string, firmware: string, command = 'stats') =>
      quirksOf(polled({ [command]: text }), sampleOf(firmware), { slot }, new SampleMemory())[0]?.fingerprint;
    const first = print(damaged, 'X');
    expect(print(damaged.replace('"b":2', '"b":3456'), 'X')).toBe(first);
    const others = [
      print(damaged, 'Y'),
      print(damaged, 'X', 'summary'),
      print(damaged.replace('"b":2', '"c":2'), 'X'),
      print(damaged.replace('"a":1', '"a":nan'), 'X'),
      print('<html></html>', 'X'),
    ];
    expect(new Set([first, ...others]).size).toBe(6);
  });

  it('tell unreadable replies by shape, and corrections made while reading', () => {
    const html = polled({ stats: '<!DOCTYPE html><html></html>', summary: clean });
    const sample = sampleOf(null, { repairs: [{ command: 'summary', kind: 'unit_scale', count: 1 }] });
    expect(quirksOf(html, sample, { slot }, new SampleMemory()).map((quirk) => quirk.damage)).toEqual([
      'unreadable:html',
      'unit_scale',
    ]);
  });

  it('find the sample of a command that was asked together with others', () => {
    const { replies } = polled({ stats: damaged });
    const raw = new Map([['summary+stats+pools', Buffer.from(damaged)]]);
    expect(quirksOf({ replies, raw }, sampleOf('X'), { slot }, new SampleMemory())[0]?.sample).toContain(
      '}{',
    );
  });

  it('are at most eight, their samples cut', () => {
    const texts = Object.fromEntries(
      Array.from({ length: 20 }, (_, i) => [`c${i}`, damaged.replace('"a"', `"${'x'.repeat(9_000)}"`)]),
    );
    const quirks = quirksOf(polled(texts), sampleOf('X'), { slot }, new SampleMemory());
    expect(quirks).toHaveLength(quirkBounds.perSample);
    for (const { sample } of quirks) expect(sample?.length).toBe(quirkBounds.sampleLength);
  });
});

describe('the memory of samples', () => {
  it('lets one sample through until it is old', () => {
    const memory = new SampleMemory({ againMs: 1_000 });
    expect([0, 10, 999, 1_000, 1_500].map((at) => memory.take('a', at))).toEqual([
      true,
      false,
      false,
      true,
      false,
    ]);
  });

  it('forgets the oldest past its bound', () => {
    const memory = new SampleMemory({ maxEntries: 2 });
    for (const name of ['a', 'b', 'c']) memory.take(name, 0);
    expect(['c', 'b', 'a'].map((name) => memory.take(name, 1))).toEqual([false, false, true]);
  });
});

describe('quirks in an upload', () => {
  it('are read within bounds, whatever comes', () => {
    fc.assert(
      fc.property(fc.anything(), (value) => {
        const quirks = readQuirks(value);
        expect(quirks === null || quirks.length <= quirkBounds.perSample).toBe(true);
      }),
    );
  });

  it('lose what no column holds, and entries that are none', () => {
    const good = { fingerprint: 'abcdef012345', command: 'stats', damage: 'missing_comma' };
    expect(
      readQuirks([
        { ...good, sample: `a\0b${'x'.repeat(10_000)}` },
        { ...good, fingerprint: 'x' },
        { ...good, command: { a: 1 } },
        null,
        { ...good, sample: 5 },
      ]),
    ).toEqual([
      { ...good, sample: `ab${'x'.repeat(quirkBounds.sampleLength - 3)}` },
      { ...good, sample: null },
    ]);
    expect(readQuirks([])).toBeNull();
    expect(readQuirks('stats')).toBeNull();
  });
});

describe('the sentence of a quirk', () => {
  const now = new Date('2026-03-04T05:06:07Z');
  const quirk: QuirkReport = {
    site_id: 1,
    site: 'north',
    fingerprint: 'abcdef012345',
    family: 'antminer',
    firmware: 'X',
    command: 'stats',
    damage: 'missing_comma',
    first_seen: '2026-01-01T00:00:00.000Z',
    since: '2026-03-04T03:00:00.000Z',
    last_seen: '2026-03-04T05:06:00.000Z',
    replies: 10_000,
    miners_now: 142,
    miners: 150,
    sample_reply: null,
  };

  it('says who, what and since when', () => {
    expect(describeQuirk(quirk, now)).toBe(
      '142 miners on firmware X answer stats with a missing comma since 03:00',
    );
  });

  it('says what is over, with dates when they are not of today', () => {
    const over = { ...quirk, miners_now: 0, since: '2026-03-01T03:00:00.000Z', firmware: null, miners: 1 };
    expect(describeQuirk({ ...over, damage: 'unreadable:html' }, now)).toBe(
      '1 miner answered stats with a web page from 2026-03-01 03:00 to 05:06',
    );
    expect(describeQuirk({ ...quirk, miners_now: 1, damage: 'extra_comma+non_finite' }, now)).toBe(
      '1 miner on firmware X answers stats with an extra comma and a non finite since 03:00',
    );
  });
});
