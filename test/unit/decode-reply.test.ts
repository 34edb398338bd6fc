import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { replyFixtures } from '../support/reply-fixtures.js';
import { decodeReply } from '../../src/miner/decode-reply.js';
import { fingerprintReply } from '../../src/miner/fingerprint.js';
import type { JsonObject, JsonValue, Reply } from '../../src/miner/reply.js';
import { isJoinRefused, splitJoined } from '../../src/miner/split-joined.js';

const decode = (text: string, command = 'summary'): Reply =>
  decodeReply(command, Buffer.from(text, 'latin1'));
const kinds = (reply: Reply | undefined): string[] =>
  reply !== undefined && 'repairs' in reply ? reply.repairs.map((repair) => repair.kind) : [];

const fine =
  '{"STATUS":[{"STATUS":"S","When":1,"Code":11,"Msg":"Summary"}],"SUMMARY":[{"Elapsed":5}],"id":1}';

describe('decodeReply on whole replies', () => {
  it.each(['', '\0', '\n', '\n\0', '\0\n', '\0\0\n\0'])(
    'reads a reply that ends in %j without a repair',
    (ending) => {
      const reply = decode(fine + ending);
      expect(reply).toEqual({
        kind: 'ok',
        command: 'summary',
        value: JSON.parse(fine) as JsonObject,
        repairs: [],
        isTruncated: false,
        bytes: fine.length + ending.length,
      });
    },
  );

  it('skips a byte order mark, and NULs and newlines ahead of the reply', () => {
    for (const lead of ['\xef\xbb\xbf', '\0', '\n\0\n']) {
      expect(decode(`${lead}${fine}\0`)).toMatchObject({ kind: 'ok', repairs: [], isTruncated: false });
    }
  });

  it('drops what follows the NUL and says so', () => {
    expect(kinds(decode(`${fine}\0{"old":1}`))).toEqual(['trailing_text']);
  });

  it('decodes once as a whole and says when bytes were no UTF-8', () => {
    const bytes = Buffer.concat([
      Buffer.from('{"user":"käfer'),
      Buffer.from([0xff, 0xe4]),
      Buffer.from('"}\0'),
    ]);
    const reply = decodeReply('pools', bytes);
    expect(reply).toMatchObject({ kind: 'ok', value: { user: 'käfer\ufffd\ufffd' } });
    expect(kinds(reply)).toEqual(['invalid_utf8']);
  });

  it('reads a view into a larger buffer and a plain Uint8Array', () => {
    const whole = new Uint8Array(Buffer.from(`xx${fine}\0yy`));
    expect(decodeReply('summary', whole.subarray(2, fine.length + 3))).toMatchObject({
      kind: 'ok',
      repairs: [],
    });
  });

  it('reads plain text where there is no JSON', () => {
    expect(decode('STATUS=S,Code=11,Msg=Summary|SUMMARY,Elapsed=5|\0')).toMatchObject({
      kind: 'ok',
      value: { SUMMARY: [{ Elapsed: 5 }] },
    });
    expect(decode('STATUS=S,Code=11|SUMMARY,Elapsed=51')).toMatchObject({
      kind: 'ok',
      isTruncated: true,
      value: { SUMMARY: [{}] },
    });
    expect(decode("STATUS=E,When=1,Code=45,Msg=Access denied to 'x' command|\0")).toMatchObject({
      kind: 'denied',
    });
  });

  it('gives a list at the root its section, or its only object', () => {
    expect(decode('[{"a":1},{"b":2}]', 'devs')).toMatchObject({
      kind: 'ok',
      value: { DEVS: [{ a: 1 }, { b: 2 }] },
    });
    expect(decode(`[${fine}]`)).toMatchObject({
      kind: 'ok',
      value: { id: 1 },
      repairs: [{ kind: 'array_root' }],
    });
  });
});

describe('decodeReply on what a device refuses', () => {
  it.each([
    [
      'a list',
      '{"STATUS":[{"STATUS":"E","When":1,"Code":14,"Msg":"Invalid command","Description":"x"}],"id":1}',
      14,
      'Invalid command',
    ],
    ['an object', '{"STATUS":{"STATUS":"F","code":23,"msg":"Invalid JSON"},"id":1}', 23, 'Invalid JSON'],
    [
      'a letter',
      '{"STATUS":"E","When":1,"Code":14,"Msg":"invalid cmd","Description":"whatsminer v1.3"}',
      14,
      'invalid cmd',
    ],
    ['a code as text', '{"STATUS":"E","Code":"132","Msg":"cmd error"}', 132, 'cmd error'],
    ['only code and msg', '{"code":-1,"when":1,"msg":"invalid command","desc":"x"}', -1, 'invalid command'],
    [
      'an empty section',
      '{"STATUS":[{"STATUS":"E","Code":10,"Msg":"No devs"}],"DEVS":[],"id":1}',
      10,
      'No devs',
    ],
    ['no code', '{"STATUS":"E"}', null, ''],
  ])('reads the status as %s', (_how, text, code, message) => {
    expect(decode(text)).toMatchObject({ kind: 'device_error', code, message });
  });

  it('takes code 45 and a connection closed without a byte for a refusal', () => {
    const denied =
      '{"STATUS":[{"STATUS":"E","Code":45,"Msg":"Access denied to \'restart\' command"}],"id":1}';
    expect(decode(denied)).toMatchObject({ kind: 'denied', message: "Access denied to 'restart' command" });
    expect(decode('{"STATUS":"E","Code":45,"Msg":"can\'t access write cmd"}')).toMatchObject({
      kind: 'denied',
    });
    expect(decode('')).toEqual({
      kind: 'denied',
      command: 'summary',
      message: 'closed without an answer',
      bytes: 0,
    });
  });

  it.each([
    ['other states', '{"STATUS":[{"STATUS":"W","Code":1,"Msg":"x"}],"id":1}'],
    ['information', '{"STATUS":[{"STATUS":"I","Code":118,"Msg":"ASC 0 set info: PS[0]"}],"id":1}'],
    ['data beside the error', '{"STATUS":[{"STATUS":"E","Code":14}],"SUMMARY":[{"Elapsed":5}],"id":1}'],
    ['data under Msg', '{"STATUS":"E","Code":131,"Msg":{"mac":"00:11"}}'],
    ['good v3 replies', '{"code":0,"when":1,"msg":{"a":1},"desc":""}'],
    ['restart', '{"STATUS":"RESTART","id":1}'],
    ['bye without a value', '{"BYE","id":1}'],
  ])('does not take %s for an error', (_what, text) => {
    expect(decode(text).kind).toBe('ok');
  });
});

describe('decodeReply on what is no reply', () => {
  it.each([
    ['NUL only', '\0', 'nul', 'empty_reply'],
    ['NULs and newlines', '\n\0\0', 'nul', 'empty_reply'],
    ['white space', ' \r\n', 'empty', 'empty_reply'],
    ['a page', '<!DOCTYPE html><html><body>{"a":1}</body></html>', 'html', 'not_json'],
    [
      'an HTTP answer with a page',
      'HTTP/1.1 400 Bad Request\r\n\r\n<h1>Bad Request</h1>',
      'html',
      'not_json',
    ],
    ['an HTTP answer with JSON', 'HTTP/1.1 200 OK\r\n\r\n{"a":1}', 'text', 'not_json'],
    ['text', 'Socket connect failed: Connection refused\n', 'text', 'not_json'],
    ['a JSON text', '"failed"', 'json_scalar', 'not_json'],
    ['a JSON number', '5\0', 'json_scalar', 'not_json'],
    ['binary', '\x16\x03\x01\x02\x00\x01\xfc\xfd', 'binary', 'not_json'],
    ['nesting past the bound, damaged', '['.repeat(10_000), 'text', 'not_json'],
    ['nesting past the bound, valid', `${'{"a":'.repeat(10_000)}1${'}'.repeat(10_000)}`, 'text', 'not_json'],
    ['the same in lists', `${'[1,'.repeat(10_000)}1${']'.repeat(10_000)}`, 'text', 'not_json'],
  ])('names the shape of %s', (_what, text, shape, errorClass) => {
    expect(decode(text)).toMatchObject({ kind: 'unreadable', shape, errorClass, bytes: text.length });
  });

  it('does not look at more bytes than its limit', () => {
    const start = performance.now();
    expect(decode('a'.repeat(10 * 1024 * 1024))).toMatchObject({
      kind: 'unreadable',
      errorClass: 'too_large',
    });
    expect(performance.now() - start).toBeLessThan(1_000);
    expect(decodeReply('x', Buffer.from(fine), { maxBytes: 10 })).toMatchObject({ errorClass: 'too_large' });
  });
});

describe('fingerprints', () => {
  it('are the same for the same damage with other values, and differ between kinds of damage', () => {
    const damaged = (uptime: number, board: number): string =>
      `{"STATS":[{"Type":"Antminer S9"}{"Elapsed":${String(uptime)},"chain_rate${String(board)}":"45"}]}`;
    const first = fingerprintReply(decode(damaged(5, 6)));
    expect(first).toMatch(/^[0-9a-f]{12}$/);
    expect(fingerprintReply(decode(damaged(777, 8)))).toBe(first);
    expect(fingerprintReply(decode(damaged(5, 6).replace('}]}', ',}]}')))).not.toBe(first);
    expect(fingerprintReply(decode(fine))).toBeNull();
  });

  it('do not depend on where a reply was cut', () => {
    expect(fingerprintReply(decode(fine.slice(0, 70)))).toBe(fingerprintReply(decode(fine.slice(0, 85))));
  });

  it('stand for the shape of a text that is no reply', () => {
    const print = (text: string): string | null => fingerprintReply(decode(text));
    expect(print('error 17 at 10.0.0.5')).toBe(print('error 9 at 192.168.1.77'));
    expect(print('error 17 at 10.0.0.5')).not.toBe(print('error: 17'));
  });
});

describe('splitJoined', () => {
  const summary = '{"STATUS":[{"STATUS":"S","Code":11}],"SUMMARY":[{"Elapsed":5}],"id":1}';
  const refused = '{"STATUS":[{"STATUS":"E","Code":14,"Msg":"Invalid command"}],"id":1}';
  const split = (text: string, ...commands: string[]): Map<string, Reply> =>
    splitJoined(commands, Buffer.from(text));

  it('gives each command its reply, whether members are lists or objects', () => {
    const replies = split(`{"summary":[${summary}],"stats":${refused},"id":1}\0`, 'summary', 'stats');
    expect(replies.get('summary')).toMatchObject({
      kind: 'ok',
      command: 'summary',
      value: { SUMMARY: [{ Elapsed: 5 }] },
    });
    expect(replies.get('stats')).toMatchObject({ kind: 'device_error', command: 'stats', code: 14 });
    expect(isJoinRefused(replies)).toBe(false);
  });

  it('tells each member its own repairs, and those between members once', () => {
    const stats = '{"STATUS":[{"STATUS":"S"}],"STATS":[{"a":1}{"b":nan}]}';
    const replies = split(`{"summary":[${summary}]"stats":[${stats}],"id":1}"}`, 'summary', 'stats');
    expect(kinds(replies.get('summary'))).toEqual(['missing_comma', 'trailing_text']);
    expect(kinds(replies.get('stats'))).toEqual(['missing_comma', 'non_finite']);
    expect(replies.get('stats')).toMatchObject({ repairs: [{ command: 'stats' }, { command: 'stats' }] });
  });

  it('keeps whole members of a cut reply, flags the one that was cut and misses those behind', () => {
    const replies = split(
      `{"summary":[${summary}],"stats":[{"STATUS":[{"STATUS":"S"}],"STATS":[{"a":12`,
      'summary',
      'stats',
      'pools',
    );
    expect(replies.get('summary')).toMatchObject({ kind: 'ok', isTruncated: false, repairs: [] });
    expect(replies.get('stats')).toMatchObject({ kind: 'ok', isTruncated: true, value: { STATS: [{}] } });
    expect(replies.get('pools')).toMatchObject({ kind: 'unreadable', errorClass: 'truncated' });
    expect(isJoinRefused(replies)).toBe(false);
  });

  it('reads joined plain text', () => {
    const replies = split(
      'CMD=summary|STATUS=S,Code=11|SUMMARY,Elapsed=5|CMD=pools|STATUS=S,Code=7|POOL=0|\0',
      'summary',
      'pools',
    );
    expect(replies.get('summary')).toMatchObject({ kind: 'ok', value: { SUMMARY: [{ Elapsed: 5 }] } });
    expect(replies.get('pools')).toMatchObject({ kind: 'ok', value: { POOLS: [{ POOL: 0 }] } });
  });

  it('hands one refusal to every command and shows that the device does not join', () => {
    const replies = split(refused, 'summary', 'stats');
    expect([...replies.values()].map((reply) => [reply.kind, reply.command])).toEqual([
      ['device_error', 'summary'],
      ['device_error', 'stats'],
    ]);
    expect(isJoinRefused(replies)).toBe(true);
  });

  it('does not take other errors or a refused address for a refusal to join', () => {
    expect(isJoinRefused(split('{"STATUS":"E","Code":45,"Msg":"x"}', 'summary', 'stats'))).toBe(false);
    expect(isJoinRefused(split('', 'summary', 'stats'))).toBe(false);
    expect(isJoinRefused(split('<html></html>', 'summary', 'stats'))).toBe(false);
    expect(isJoinRefused(new Map())).toBe(false);
  });

  it('takes a single answer for the command whose section it holds', () => {
    const replies = split(summary, 'summary', 'stats');
    expect(replies.get('summary')?.kind).toBe('ok');
    expect(replies.get('stats')).toMatchObject({ kind: 'device_error', code: null });
    expect(isJoinRefused(replies)).toBe(true);
  });
});

const families = replyFixtures();
const isStrict = (text: string): boolean => {
  try {
    return typeof JSON.parse(text) === 'object';
  } catch {
    return false;
  }
};

/** What holds for every reply to any bytes: damage is never passed off as a clean reading. */
function expectHonest(bytes: Buffer, reply: Reply): void {
  if (reply.kind !== 'ok' && reply.kind !== 'device_error') return;
  expect(JSON.stringify(reply.value).length).toBeLessThan(8 * bytes.length + 100);
  if (reply.repairs.length > 0 || (reply.kind === 'ok' && reply.isTruncated)) return;
  const text = bytes
    .toString('utf8')
    .replace(/^[\uFEFF\s\0]+/, '')
    .replace(/\0[^]*$/, '');
  const isPlainText = /^(?:STATUS=|CMD=|[A-Z]+[,=|]|RESTART|BYE)/.test(text.trim());
  if (!isPlainText) expect(isStrict(text)).toBe(true);
}

/** Whether every value of `part` stands at the same place in `whole`. */
function isPart(part: JsonValue, whole: JsonValue | undefined): boolean {
  if (typeof part !== 'object' || part === null) return part === whole;
  if (typeof whole !== 'object' || whole === null || Array.isArray(part) !== Array.isArray(whole))
    return false;
  return Object.entries(part).every(([key, value]) => isPart(value, (whole as JsonObject)[key]));
}

describe('decodeReply on damage of every kind', () => {
  it.each(families)('keeps its head when a $family reply is cut at any byte', ({ clean, command }) => {
    const whole = Buffer.from(clean.slice(0, -1));
    for (let at = 1; at < whole.length; at += 1) {
      const reply = decodeReply(command, whole.subarray(0, at));
      expect(reply).toMatchObject({ kind: 'ok', isTruncated: true });
    }
  });

  it.each(families)(
    'reads of a cut $family reply only values that the whole one has',
    ({ clean, command }) => {
      const whole = decodeReply(command, Buffer.from(clean));
      if (whole.kind !== 'ok') throw new Error('the fixture must be readable');
      for (let at = 1; at < clean.length - 1; at += 13) {
        const reply = decodeReply(command, Buffer.from(clean.slice(0, at)));
        if (reply.kind === 'ok') expect(isPart(reply.value, whole.value)).toBe(true);
      }
    },
  );

  it.each(
    families.flatMap(({ family, command, clean, damaged }) =>
      damaged.map((one) => ({ family, command, clean, ...one })),
    ),
  )('reads a $family reply with this damage: $how', ({ command, clean, text, how }) => {
    const whole = decodeReply(command, Buffer.from(clean));
    const reply = decodeReply(command, Buffer.from(text));
    expect(kinds(reply).length).toBeGreaterThan(0);
    expect(reply).toMatchObject({ kind: 'ok', isTruncated: how === 'cut' });
    if (how === 'missing comma')
      expect(reply).toMatchObject({ value: whole.kind === 'ok' ? whole.value : {} });
  });

  const damagedBytes = fc
    .record({
      fixture: fc.constantFrom(...families),
      edits: fc.array(fc.record({ at: fc.nat(), byte: fc.nat(255) }), { maxLength: 3 }),
      keep: fc.double({ min: 0, max: 1, noNaN: true }),
      isCut: fc.boolean(),
      ending: fc.constantFrom('', '\n', '\0', '\n\0', '\0\n', '"}', '\0{'),
    })
    .map(({ fixture, edits, keep, isCut, ending }) => {
      const bytes = Buffer.from(fixture.clean.slice(0, -1));
      for (const { at, byte } of edits) bytes[at % bytes.length] = byte;
      const part = isCut ? bytes.subarray(0, Math.floor(keep * bytes.length)) : bytes;
      return Buffer.concat([part, Buffer.from(ending)]);
    });

  it('never throws, and never passes damage off as clean, on changed bytes, cuts and endings', () => {
    const property = fc.property(damagedBytes, (bytes) => {
      expectHonest(bytes, decodeReply('stats', bytes));
      for (const reply of splitJoined(['stats', 'summary'], bytes).values()) {
        if (reply.kind === 'ok') expectHonest(bytes, reply);
      }
    });
    fc.assert(property, { seed: 4028, numRuns: 4_000 });
  });

  it('never throws on random bytes and on random strings of JSON punctuation', () => {
    const tokens = fc.constantFrom(
      ...'{}[],:"\'\\ \n\0',
      '"a"',
      '"b":',
      '1',
      '-',
      'nan',
      'true',
      'x',
      '|',
      '=',
      '#1',
      '\u00e9',
    );
    const texts = fc.array(tokens, { maxLength: 60 }).map((parts) => Buffer.from(parts.join('')));
    const raw = fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes));
    const property = fc.property(fc.oneof(texts, raw), (bytes) => {
      expectHonest(bytes, decodeReply('stats', bytes));
    });
    fc.assert(property, { seed: 4028, numRuns: 6_000 });
  });
});

const corpus = process.env.HEADFRAME_CORPUS ?? path.resolve('../shared/corpus');

interface Capture {
  readonly name: string;
  readonly command: string;
  readonly bytes: Buffer;
}

function captures(): Capture[] {
  return readdirSync(corpus).flatMap((device) => {
    const meta = path.join(corpus, device, 'meta.json');
    if (!existsSync(meta)) return [];
    const { files } = JSON.parse(readFileSync(meta, 'utf8')) as {
      files?: { file: string; command: string; transport: string }[];
    };
    return (files ?? [])
      .filter(({ transport }) => transport === 'cgminer-tcp-4028')
      .map(({ file, command }) => ({
        name: `${device}/${file}`,
        command,
        bytes: readFileSync(path.join(corpus, device, file)),
      }));
  });
}

// Captures of real devices are not part of the project; where they are at hand they are read too.
if (existsSync(corpus)) {
  describe('decodeReply on captured replies', () => {
    const all = captures();

    it('reads every one but the garbage', () => {
      expect(all.length).toBeGreaterThan(0);
      const failed = all.filter(({ command, bytes, name }) => {
        const reply = decodeReply(command, bytes);
        return (reply.kind === 'unreadable') !== name.startsWith('_garbage');
      });
      expect(failed.map(({ name }) => name)).toEqual([]);
    });

    it('reads each damaged JSON capture whole', () => {
      const cut = all.filter(({ command, bytes, name }) => {
        const reply = decodeReply(command, bytes);
        return name.endsWith('.json') && reply.kind === 'ok' && reply.isTruncated;
      });
      expect(cut.map(({ name }) => name)).toEqual([]);
    });
  });
}
