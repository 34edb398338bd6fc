import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { defaultHealthThresholds } from '../../src/domain/health.js';
import type { IngestResult } from '../../src/domain/ingest-task.js';
import { readOwnRecord } from '../../src/domain/own-record.js';
import { readUpload } from '../../src/domain/read-upload.js';
import { decodeUtf8 } from '../../src/domain/row-texts.js';
import { toWire, emptySample, type WireRecord } from '../../src/domain/wire.js';

const slot = new Date(Date.UTC(2026, 4, 20, 12));
const board = (index: number): WireRecord['boards'][number] => ({
  id: index,
  hashrate: 31_691.17 + index,
  temp: 56,
  chip_temp: 69.5,
  chips_ok: 76,
  chips_total: 76,
  chip_temps: [62, 64, 69.5, 68],
  board_temps: [],
  chip_map: 'ooo ooo oox',
  nominal: null,
  voltage_mv: null,
  frequency_mhz: 675,
  hardware_errors: 3,
  serial: index === 1 ? 'FXDZ00112233' : null,
  health: 'healthy',
});
const facts = {
  minerId: '10.0.0.7',
  ip: '10.0.0.7',
  slot,
  offsetMs: 7,
  latencyMs: 87,
  errorClass: null,
  raw: null,
};
const own: WireRecord = {
  ...toWire({ ...emptySample, family: 'antminer', state: 'mining', health: 'healthy' }, facts),
  hashrate_ghs: 95_000.25,
  boards: [board(1), board(2), board(3)],
  details: {
    vendor: 'Bitmain',
    firmware: 'stock',
    serial: null,
    fans: [{ index: 1, rpm: 3930 }],
    pools: [
      {
        index: 0,
        url: 'stratum+tcp://pool.example:3333',
        user: 'farm.7',
        status: 'Alive',
        priority: 0,
        active: true,
        dev_fee: false,
        accepted: 243_969,
        rejected: 46,
        stale: null,
      },
    ],
    nominal_source: 'device',
    power_source: null,
    device_errors: [],
    repairs: [],
    truncated: [],
  },
};

const read = (text: string): IngestResult =>
  readUpload(Buffer.from(text), {
    siteId: 1,
    batchId: 'b',
    maxRecords: 100,
    context: {
      receivedMs: slot.getTime(),
      maxAgeMs: 60_000,
      maxAheadMs: 60_000,
      thresholds: defaultHealthThresholds,
    },
  });
/** What is stored of a body of one record, or the kind of error. */
const storedOf = (text: string): unknown => {
  const result = read(text);
  if (result.kind === 'error') return result.code;
  return { rows: JSON.parse(decodeUtf8(result.rows)) as unknown, rejected: result.rejected };
};
/** A space before the first record sends a body the long way. */
const expectSame = (record: string): void => {
  expect(storedOf(`[${record}]`)).toEqual(storedOf(`[ ${record}]`));
};

/** Replaces one value somewhere in a record. */
function withValue(record: unknown, at: number, value: unknown): unknown {
  const copy = structuredClone(record);
  const places: [object, string][] = [];
  const visit = (part: unknown): void => {
    if (typeof part !== 'object' || part === null) return;
    for (const name of Object.keys(part)) {
      places.push([part, name]);
      visit((part as Record<string, unknown>)[name]);
    }
  };
  visit(copy);
  const [holder, name] = places[at % places.length] ?? [{}, ''];
  (holder as Record<string, unknown>)[name] = value;
  return copy;
}

describe('a record as our own pollers write it', () => {
  it('keeps boards and details as text, and is stored as any other way', () => {
    const text = JSON.stringify(own);
    const parts = readOwnRecord(text);
    expect(JSON.parse(parts?.boardsText ?? '')).toEqual(own.boards);
    expect(JSON.parse(parts?.detailsText ?? '')).toEqual(own.details);
    expectSame(text);
    const [row] = (storedOf(`[${text}]`) as { rows: Record<string, unknown>[] }).rows;
    expect(row).toMatchObject({
      key: '10.0.0.7',
      boards: own.boards,
      details: own.details,
      health: 'healthy',
    });
  });

  it.each([
    ['offline', { online: false }],
    ['without boards', { boards: [] }],
    ['without details', { details: null }],
    ['with a raw reply', { raw: { stats: '{}' } }],
    ['with device errors', { details: { ...own.details, device_errors: [{ code: '1', text: 'x' }] } }],
    ['with a cut reply', { details: { ...own.details, truncated: ['stats'] } }],
    ['with text to clean', { details: { ...own.details, vendor: 'a\u0007\ud800' } }],
    ['with a member more in a board', { boards: [{ ...board(1), boards_total: [{}], more: 1 }] }],
    ['with boards too hot to be healthy', { boards: [{ ...board(1), chip_temp: 99 }] }],
    ['with values deep in details', { details: { a: [[[[[[[1]]]]]]], ...own.details } }],
    ['with a dangerous name', { details: JSON.parse('{"__proto__":1,"truncated":[]}') as object }],
  ])('%s is stored as any other way', (_, change) => {
    expectSame(JSON.stringify({ ...own, ...change }));
  });

  it('is not taken in by names that stand twice, deeper or in text', () => {
    const text = JSON.stringify(own);
    const insert = (what: string, before: string): string => text.replace(before, what + before);
    for (const record of [
      insert(',"raw":{"x":"y"}', ',"boards":['),
      insert(',"details":{"a":1}', ',"boards":['),
      insert(',"boards":[]', ',"boards":['),
      insert(',"x":{"boards":[1],"boards_total":3}', ',"boards":['),
      insert(',"x":[{"a":1,"boards":[],"boards_total":3}]', ',"boards_total":'),
      insert(',"boards":null', ',"details":'),
      insert(',"x":{"a":1,"details":{"truncated":[]}}', ',"details":'),
      insert(',"x":"{,"boards":[]"', ',"boards":['),
      insert('"chip_temps":[],"boards_total":1,', '"board_temps"'),
      insert('1,', '"details":'),
      insert(',"x":[1]', ',"boards_total":'),
      insert(',"x":[{"a":1}]', ',"boards_total":'),
      text.replace('FXDZ00112233', 'FX}],'),
      text.replace('"details":{', '"details":{"truncated":["a"],'),
      text.replace('"boards":[', '"boards" : ['),
      text.replace('95000.25', '9.5e4'),
      text.replace('243969', '1e999'),
      text.replace('243969', '-0'),
      text.replace('"rpm":3930', '"rpm":03930'),
    ])
      expectSame(record);
  });

  it('is stored as any other way, whatever a value of it is', () => {
    const odd = fc.oneof(
      fc.constantFrom(
        null,
        '',
        0,
        -1,
        1e9,
        0.5,
        1e300,
        true,
        'a "b" \\',
        'é',
        '\u007f',
        ' x ',
        [],
        {},
        [1],
        [{ a: 1 }],
      ),
      fc.jsonValue({ maxDepth: 3 }),
    );
    fc.assert(
      fc.property(fc.nat(500), odd, (at, value) => {
        expectSame(JSON.stringify(withValue(own, at, value)));
      }),
      { numRuns: 1_000 },
    );
  });

  it('keeps no text of a number that a database would refuse to read', () => {
    const text = JSON.stringify(own);
    expect(readOwnRecord(text)).not.toBeNull();
    for (const odd of ['1e-400', '76e0', `0.${'0'.repeat(400)}1`]) {
      const changed = text.replace('"chips_ok":76', `"chips_ok":${odd}`);
      expect(changed).not.toBe(text);
      expect(readOwnRecord(changed)).toBeNull();
    }
  });

  it('is read as any other way when its text is damaged', () => {
    const text = JSON.stringify(own);
    const piece = fc.constantFrom(
      '"',
      '{',
      '}',
      '[',
      ']',
      ',',
      ':',
      '0',
      ' ',
      '\\',
      'é',
      ',"boards":[',
      '],"boards_total":',
    );
    fc.assert(
      fc.property(fc.nat(text.length - 1), fc.nat(3), piece, (at, cut, put) => {
        expectSame(text.slice(0, at) + put + text.slice(at + cut));
      }),
      { numRuns: 2_000 },
    );
  });
});

describe('a record of another release', () => {
  const fields = Object.entries(own);
  const rowsOf = (entries: readonly (readonly [string, unknown])[]): Record<string, unknown>[] => {
    const stored = storedOf(`[${JSON.stringify(Object.fromEntries(entries))}]`);
    expect(stored).toMatchObject({ rejected: [] });
    return (stored as { rows: Record<string, unknown>[] }).rows;
  };

  it('newer: a field that is not known is ignored, wherever it stands and whatever it holds', () => {
    const [known] = rowsOf(fields);
    for (const value of ['text', 7, null, [], { deep: { boards: [{ id: 1 }] } }])
      for (let at = 0; at <= fields.length; at++) {
        const entries = [...fields.slice(0, at), ['of_tomorrow', value] as const, ...fields.slice(at)];
        expect(rowsOf(entries), `${JSON.stringify(value)} at ${at}`).toEqual([known]);
      }
  });

  it('newer: a board with more of it is stored with what is known', () => {
    const boards = own.boards.map((one) => ({ ...one, of_tomorrow: { volts: 1 } }));
    const [row] = rowsOf(fields.map(([name, value]) => [name, name === 'boards' ? boards : value]));
    const [known] = rowsOf(fields);
    // Boards themselves are kept as they were sent.
    const kept = Object.keys(known ?? {}).filter((name) => name !== 'boards');
    for (const name of kept) expect(row?.[name], name).toEqual(known?.[name]);
  });

  it('older: a field that it does not send is null, and no reason to refuse the record', () => {
    for (const [missing] of fields.filter(([name]) => name !== 'miner_id' && name !== 'online')) {
      const rows = rowsOf(fields.filter(([name]) => name !== missing));
      expect(rows, missing).toHaveLength(1);
      expect(rows[0], missing).toMatchObject({ online: true });
    }
    const least = [
      ['miner_id', own.miner_id],
      ['online', true],
    ] as const;
    expect(rowsOf(least)).toHaveLength(1);
  });
});
