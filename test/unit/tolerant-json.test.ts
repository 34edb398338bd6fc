import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parseTolerant } from '../../src/miner/tolerant-json.js';
import { repairKinds } from '../../src/miner/tolerant-scan.js';

const read = (text: string): { value: unknown; kinds: string[]; isTruncated: boolean } | null => {
  const result = parseTolerant(text);
  if (result === null) return null;
  const kinds = result.repairs.map(({ kind, count }) => (count === 1 ? kind : `${kind} x${String(count)}`));
  return { value: result.value, kinds, isTruncated: result.isTruncated };
};

/** Text, what is read from it, the repairs told. */
const repaired: readonly (readonly [what: string, text: string, value: unknown, kinds: readonly string[]])[] =
  [
    [
      'a missing comma between list elements',
      '{"STATS":[{"a":1}{"b":2}],"id":1}',
      { STATS: [{ a: 1 }, { b: 2 }], id: 1 },
      ['missing_comma'],
    ],
    [
      'the same inside a joined reply',
      '{"stats":[{"STATS":[{"a":1}{"b":2}],"id":1}],"id":1}',
      { stats: [{ STATS: [{ a: 1 }, { b: 2 }], id: 1 }], id: 1 },
      ['missing_comma'],
    ],
    [
      'a missing comma between members',
      '{"a":"x""temp0":45,"b":""\n"c":1}',
      { a: 'x', temp0: 45, b: '', c: 1 },
      ['missing_comma x2'],
    ],
    ['a leading comma in a list', '{"LCD":[,{"a":1}]}', { LCD: [{ a: 1 }] }, ['extra_comma']],
    ['trailing commas', '{"a":[1,2,],"b":{"c":1,},}', { a: [1, 2], b: { c: 1 } }, ['extra_comma x3']],
    ['double commas', '{"a":1,,"b":[1,,,2]}', { a: 1, b: [1, 2] }, ['extra_comma x3']],
    [
      'bare nan and inf in every spelling',
      '{"a":nan,"b":-nan,"c":inf,"d":[-inf,NaN,Infinity,-1.#IND]}',
      { a: null, b: null, c: null, d: [null, null, null, null] },
      ['non_finite x7'],
    ],
    [
      'an escaped single quote',
      String.raw`{"v":"\'20200917.22.REL\'"}`,
      { v: "'20200917.22.REL'" },
      ['bad_escape x2'],
    ],
    [
      'an escape JSON does not know',
      String.raw`{"v":"C:\miner\u00","w":"\u0041"}`,
      { v: String.raw`C:\miner\u00`, w: 'A' },
      ['bad_escape x2'],
    ],
    [
      'raw control characters in a string',
      '{"t":"Tue Jun 16 2020\n","u":"a\tb\u0001 and a rather long string\n"}',
      { t: 'Tue Jun 16 2020\n', u: 'a\tb\u0001 and a rather long string\n' },
      ['control_char x4'],
    ],
    [
      'a python repr',
      `{'STATUS': 'S', 'ok': True, 'none': None, 'say': 'a "b" \\' c'}`,
      { STATUS: 'S', ok: true, none: null, say: `a "b" ' c` },
      ['single_quotes x6', 'python_literal x2'],
    ],
    [
      'a list shaped like an object',
      '{"error_code":["218":"2022-01-17","219":"x"],"a":[7:{"b":1}]}',
      { error_code: [{ 218: '2022-01-17' }, { 219: 'x' }], a: [{ 7: { b: 1 } }] },
      ['list_member x3'],
    ],
    [
      'keys that stand more than once',
      '{"temp1":40,"temp1":41,"temp1":42,"x":{"k":1,"k":2},}',
      { 'temp1#1': 40, 'temp1#2': 41, temp1: 42, x: { 'k#1': 1, k: 2 } },
      ['duplicate_key x3', 'extra_comma'],
    ],
    ['text behind the reply', '{"a":1,"id":1}"}', { a: 1, id: 1 }, ['trailing_text']],
    ['text ahead of the reply', 'summary: {"a":1}', { a: 1 }, ['leading_text']],
    ['a fragment without its opening', ',"id":1}', { id: 1 }, ['missing_opener', 'extra_comma']],
    ['JSONP', 'minerinfoCallback({"mac":"00:11"});', { mac: '00:11' }, ['jsonp']],
    [
      'a key without a value',
      '{"BYE","id":1,"x":,"y":}',
      { BYE: null, id: 1, x: null, y: null },
      ['missing_value x3'],
    ],
    ['a missing colon', '{"a" 5,"b"{"c":-1}}', { a: 5, b: { c: -1 } }, ['missing_colon x2']],
    [
      'a list closed as an object',
      '{"a":[1,2},"id":1}',
      { a: [1, 2], id: 1 },
      ['mismatched_closer', 'stray_closer'],
    ],
    ['an object closed as a list', '{"a":[{"b":1],"id":1}', { a: [{ b: 1 }], id: 1 }, ['mismatched_closer']],
    ['a brace too many in the middle', '{"a":{"b":1}},"id":1}', { a: { b: 1 }, id: 1 }, ['stray_closer']],
    ['a stray bracket', '{"a":1],"id":1}', { a: 1, id: 1 }, ['stray_closer']],
    [
      'a container without a key',
      '{"a":1,{"b":2},[3]}',
      { a: 1, '#1': { b: 2 }, '#2': [3] },
      ['missing_key x2'],
    ],
    [
      'stray words between members',
      '{"a":1, oops "b":2, huh }',
      { a: 1, b: 2 },
      ['stray_text x2', 'extra_comma'],
    ],
    [
      'words and numbers JSON does not know',
      '{"a":007,"b":+5,"c":on,d:1}',
      { a: '007', b: '+5', c: 'on', d: 1 },
      ['bare_word x3', 'bare_key'],
    ],
    [
      'an exponent beside a repair',
      '{"a":1.2009939119E+13,"b":nan}',
      { a: 1.2009939119e13, b: null },
      ['non_finite'],
    ],
  ];

describe('parseTolerant repairs', () => {
  it.each(repaired)('%s', (_what, text, value, kinds) => {
    expect(() => JSON.parse(text) as unknown).toThrow();
    const result = read(text);
    expect(result?.value).toEqual(value);
    expect([...(result?.kinds ?? [])].sort()).toEqual([...kinds].sort());
    expect(result?.isTruncated).toBe(false);
  });

  it('shows an example of every kind of repair made in JSON', () => {
    const shown = new Set(repaired.flatMap(([, , , kinds]) => kinds.map((kind) => kind.split(' ')[0])));
    const elsewhere = ['array_root', 'invalid_utf8', 'other', 'unterminated'];
    expect(repairKinds.filter((kind) => !shown.has(kind))).toEqual(elsewhere);
  });

  it('has every kind explained in docs/quirks.md', () => {
    const page = readFileSync(new URL('../../docs/quirks.md', import.meta.url), 'utf8');
    const section = page.slice(page.indexOf('### Repairs'), page.indexOf('### Cut replies'));
    const explained = [...section.matchAll(/^\| `(\w+)`/gm)].map((match) => match[1]);
    expect(explained.sort()).toEqual([...repairKinds]);
  });

  it('never edits inside strings', () => {
    const odd = `}{ ,, nan 'x' [:] "k":v \\ }{`;
    expect(read(`{"a":${JSON.stringify(odd)},"b":nan}`)?.value).toEqual({ a: odd, b: null });
  });

  it('keeps what looks like a prototype as data', () => {
    const value = read('{"__proto__":{"polluted":1},"constructor":2,"toString":3,}')?.value as object;
    expect(Object.keys(value)).toEqual(['__proto__', 'constructor', 'toString']);
    expect(({} as { polluted?: number }).polluted).toBeUndefined();
  });
});

describe('parseTolerant on a reply that was cut', () => {
  const cuts: readonly (readonly [text: string, value: unknown])[] = [
    ['{"POOLS":[{"POOL":0,"URL":"stratum+t', { POOLS: [{ POOL: 0 }] }],
    ['{"POOLS":[{"POOL":0,"Accepted":1234', { POOLS: [{ POOL: 0 }] }],
    ['{"POOLS":[{"POOL":0,"Accepted":1234,', { POOLS: [{ POOL: 0, Accepted: 1234 }] }],
    ['{"POOLS":[{"POOL":0,"URL":"abc"', { POOLS: [{ POOL: 0, URL: 'abc' }] }],
    ['{"POOLS":[{"POOL":0,"UR', { POOLS: [{ POOL: 0 }] }],
    ['{"POOLS":[{"POOL":0,"URL":', { POOLS: [{ POOL: 0 }] }],
    ['{"a":[1,2,3', { a: [1, 2] }],
    ['{"a":tru', {}],
    ['{"a":[{"b":1}{', { a: [{ b: 1 }, {}] }],
    ['{"a":[{"b":1} "c', { a: [{ b: 1 }] }],
    ['{"e":["218":{"x":1', { e: [{ 218: {} }] }],
    ['{"e":["218":"t', { e: [] }],
    [String.raw`{"a":"x\'y","b":"c\'`, { a: "x'y" }],
    ['{', {}],
  ];

  it.each(cuts)('keeps of %s what the cut did not touch', (text, value) => {
    const result = read(text);
    expect(result?.value).toEqual(value);
    expect(result?.isTruncated).toBe(true);
    expect(result?.kinds).toContain('unterminated');
  });

  it('names the root member the cut fell into, and the repairs of each', () => {
    const result = parseTolerant('{"summary":[{"a":nan}],"stats":[{"STATS":[{"a":1}{"b":');
    expect(result?.cutMember).toBe('stats');
    expect(result?.memberRepairs.get('summary')).toEqual([{ kind: 'non_finite', count: 1 }]);
    expect(result?.memberRepairs.get('stats')?.map(({ kind }) => kind)).toEqual([
      'missing_comma',
      'unterminated',
    ]);
  });
});

describe('parseTolerant refuses', () => {
  it.each([
    ['prose', 'Socket connect failed: Connection refused'],
    ['a style sheet', 'body { color: red; margin: 0 }'],
    ['words in braces', '{ the miner is not ready }'],
    ['markup with a script', '<html><script>var a={"b":1}</script>'],
    ['an HTTP answer', 'HTTP/1.1 400 Bad Request\r\n\r\n{"a":1}'],
    ['nothing', ''],
  ])('%s', (_what, text) => {
    expect(parseTolerant(text)).toBeNull();
  });

  it('nesting past its bound, without overflowing', () => {
    for (const text of [
      '['.repeat(10_000),
      '{"a":'.repeat(10_000),
      `${'{"a":'.repeat(10_000)}1${'}'.repeat(9_999)}`,
    ]) {
      expect(parseTolerant(text)).toBeNull();
    }
    expect(parseTolerant(`${'['.repeat(150)},`)?.isTruncated).toBe(true);
  });

  it('a megabyte of anything in linear time', () => {
    const long = 1_000_000;
    const texts = ['{"a":1,', '{"a":1 ', ':', '"', ' ,"a":1}', '\\"', "'", '[1 ', '{x ', '\u0001'].map(
      (unit) => `{"k":1,${unit.repeat(long / unit.length)}`,
    );
    const start = performance.now();
    for (const text of texts) parseTolerant(text);
    expect(performance.now() - start).toBeLessThan(5_000);
  });
});
