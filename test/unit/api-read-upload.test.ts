import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { defaultHealthThresholds } from '../../src/domain/health.js';
import type { IngestRow } from '../../src/domain/ingest.js';
import type { IngestResult, ParsedUpload } from '../../src/domain/ingest-task.js';
import { readUpload, type UploadContext } from '../../src/domain/read-upload.js';
import { decodeUtf8 } from '../../src/domain/row-texts.js';
import { nullBareTokens, parseUploadJson } from '../../src/domain/upload-json.js';

const receivedMs = Date.UTC(2026, 4, 20, 12, 0, 10);
const at = (ms: number): UploadContext => ({
  siteId: 1,
  batchId: null,
  maxRecords: 100,
  context: {
    receivedMs: ms,
    maxAgeMs: 72 * 3_600_000,
    maxAheadMs: 300_000,
    thresholds: defaultHealthThresholds,
  },
});
const read = (body: unknown, context: Partial<UploadContext> = {}): IngestResult =>
  readUpload(Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)), {
    ...at(receivedMs),
    ...context,
  });
const parsed = (body: unknown, context: Partial<UploadContext> = {}): ParsedUpload => {
  const result = read(body, context);
  if (result.kind === 'error') throw new Error(result.message);
  return result;
};
const rowsOf = (upload: ParsedUpload): IngestRow[] => JSON.parse(decodeUtf8(upload.rows)) as IngestRow[];

describe('the JSON of an upload', () => {
  it('reads bare NaN and infinities as null, and leaves text alone', () => {
    const text = String.raw`[{"a": NaN, "b":-Infinity,"c": [Infinity,1], "d": "NaN, \"Infinity\\", "NaN": 1}]`;
    expect(parseUploadJson(text)).toEqual({
      kind: 'value',
      value: [{ a: null, b: null, c: [null, 1], d: String.raw`NaN, "Infinity` + '\\', NaN: 1 }],
    });
  });

  it.each(['[NaNa]', '[1NaN]', '[--Infinity]', '[{a: 1}]', "['a']", '[1,]', '[NaN', '', '[1] x', '["NaN]'])(
    'repairs nothing else: %s',
    (text) => {
      expect(parseUploadJson(text).kind).toBe('invalid');
    },
  );

  it('changes no valid JSON', () => {
    fc.assert(
      fc.property(fc.json(), (text) => {
        const repaired = nullBareTokens(text);
        expect(repaired).toBeNull();
      }),
    );
  });

  it('takes nesting no parser should recurse into', () => {
    const text = '['.repeat(200_000) + 'NaN' + ']'.repeat(200_000);
    expect(parseUploadJson(text).kind).toBe('value');
  });
});

describe('an upload', () => {
  it('is an array of JSON', () => {
    expect(read('{"miner_id":"a"}')).toEqual({
      kind: 'error',
      code: 'NOT_AN_ARRAY',
      message: 'Expected array of miner data',
    });
    expect(read('not json')).toMatchObject({ kind: 'error', code: 'JSON_INVALID' });
    expect((read('not json') as { message: string }).message).toMatch(/^Invalid JSON: /);
    expect(read('\ufeff[]')).toMatchObject({ kind: 'parsed', rowCount: 0 });
    expect(rowsOf(parsed('\ufeff[]'))).toEqual([]);
    expect(read(Array.from({ length: 101 }, () => 1))).toMatchObject({ code: 'BODY_TOO_LARGE' });
  });

  it('is sorted by miner, then time; what stands twice and what is wrong is named by its index', () => {
    const record = (minerId: string, second: number): object => ({
      miner_id: minerId,
      online: minerId !== 'c',
      timestamp: `2026-05-20T12:00:0${second}Z`,
    });
    const upload = parsed([
      record('b', 2),
      record('c', 1),
      7,
      record('b', 1),
      record('a', 1),
      record('b', 2),
    ]);
    expect(rowsOf(upload).map((row) => [row.key, row.time.slice(17, 19)])).toEqual([
      ['a', '01'],
      ['b', '01'],
      ['b', '02'],
      ['c', '01'],
    ]);
    expect([...upload.indexes]).toEqual([4, 3, 0, 1]);
    expect([...upload.online]).toEqual([1, 1, 1, 0]);
    expect(upload).toMatchObject({ rowCount: 4, onlineCount: 3, newestMs: Date.UTC(2026, 4, 20, 12, 0, 2) });
    expect(upload.rejected).toEqual([
      { index: 2, reason: 'NOT_AN_OBJECT' },
      { index: 5, reason: 'DUPLICATE_IN_BATCH' },
    ]);
  });

  it('tells the sender’s clock even from records refused for it', () => {
    const upload = parsed([{ miner_id: 'a', online: true, timestamp: '2026-05-21T12:00:00Z' }]);
    expect(upload).toMatchObject({ rowCount: 0, newestMs: Date.UTC(2026, 4, 21, 12) });
  });
});

describe('the id of a batch that names none', () => {
  const dated = [{ miner_id: 'a', online: true, timestamp: '2026-05-20T12:00:00' }];
  const timeless = [{ miner_id: 'a', online: false }];
  const idOf = (body: unknown, context: UploadContext): string => parsed(body, context).batchId;

  it('is a UUID of the content and the site', () => {
    expect(idOf(dated, at(receivedMs))).toMatch(
      /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
    );
    expect(idOf(dated, at(receivedMs))).toBe(idOf(dated, at(receivedMs + 3_600_000)));
    expect(idOf(dated, at(receivedMs))).not.toBe(idOf(dated, { ...at(receivedMs), siteId: 2 }));
    expect(idOf(dated, { ...at(receivedMs), batchId: 'given' })).toBe('given');
  });

  it('tells a resend within the minute from the same words a minute later, when no record has a time', () => {
    expect(idOf(timeless, at(receivedMs))).toBe(idOf(timeless, at(receivedMs + 20_000)));
    expect(idOf(timeless, at(receivedMs))).not.toBe(idOf(timeless, at(receivedMs + 60_000)));
  });
});
