import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseDeviceTime } from '../../src/domain/device-time.js';
import { defaultHealthThresholds } from '../../src/domain/health.js';
import { rejectReasons, type IngestRow } from '../../src/domain/ingest.js';
import { readRecord, type RecordContext, type RecordReading } from '../../src/domain/read-record.js';

const receivedMs = Date.UTC(2026, 4, 20, 12, 0, 0);
const hourMs = 3_600_000;
const context: RecordContext = {
  receivedMs,
  maxAgeMs: 72 * hourMs,
  maxAheadMs: 5 * 60_000,
  thresholds: defaultHealthThresholds,
};

const read = (record: unknown): RecordReading => readRecord(record, context);
const rowOf = (record: unknown): IngestRow => {
  const reading = read(record);
  if (reading.kind !== 'row') throw new Error(reading.reason);
  return reading.row;
};
const reasonOf = (record: unknown): string => {
  const reading = read(record);
  return reading.kind === 'rejected' ? reading.reason : 'accepted';
};

describe('the time of a record', () => {
  it.each([
    ['2026-05-20T11:58:00.123456', '2026-05-20T11:58:00.123Z'],
    ['2026-05-20T11:58:00', '2026-05-20T11:58:00.000Z'],
    ['2026-05-20 11:58:00.5', '2026-05-20T11:58:00.500Z'],
    ['2026-05-20T11:58:00Z', '2026-05-20T11:58:00.000Z'],
    ['2026-05-20T19:58:00+08:00', '2026-05-20T11:58:00.000Z'],
    ['2026-05-20T06:28:00-0530', '2026-05-20T11:58:00.000Z'],
    [receivedMs / 1000, '2026-05-20T12:00:00.000Z'],
    [receivedMs, '2026-05-20T12:00:00.000Z'],
    [String(receivedMs / 1000), '2026-05-20T12:00:00.000Z'],
  ])('reads %s as UTC', (timestamp, time) => {
    expect(rowOf({ miner_id: 'a', online: true, timestamp }).time).toBe(time);
  });

  it('is the arrival when there is none', () => {
    for (const timestamp of [undefined, null, '']) {
      const reading = read({ miner_id: 'a', online: true, timestamp });
      expect(reading).toMatchObject({ kind: 'row', timeMs: null, row: { time: '2026-05-20T12:00:00.000Z' } });
    }
  });

  it.each([
    'yesterday',
    '2026-13-01T00:00:00',
    '2026-02-30',
    '2026-05-20T25:00:00',
    '20 May 2026',
    {},
    true,
    NaN,
    -5,
  ])('refuses %s', (timestamp) => {
    expect(reasonOf({ miner_id: 'a', online: true, timestamp })).toBe('INVALID_TIMESTAMP');
  });

  it('is refused outside of the window, edge included in it, and still tells the sender’s clock', () => {
    const at = (ms: number): unknown => ({
      miner_id: 'a',
      online: true,
      timestamp: new Date(ms).toISOString(),
    });
    expect(reasonOf(at(receivedMs - 72 * hourMs))).toBe('accepted');
    expect(reasonOf(at(receivedMs - 72 * hourMs - 1))).toBe('TIME_TOO_OLD');
    expect(reasonOf(at(receivedMs + 5 * 60_000))).toBe('accepted');
    expect(reasonOf(at(receivedMs + 5 * 60_000 + 1))).toBe('TIME_IN_FUTURE');
    expect(reasonOf({ miner_id: 'a', online: true, timestamp: '2106-02-07T06:28:16Z' })).toBe(
      'TIME_IN_FUTURE',
    );
    expect(read(at(receivedMs + 24 * hourMs)).timeMs).toBe(receivedMs + 24 * hourMs);
  });

  it('survives the way to text and back, whatever the instant', () => {
    fc.assert(
      fc.property(fc.date({ min: new Date(0), max: new Date('2200-01-01'), noInvalidDate: true }), (date) => {
        expect(parseDeviceTime(date.toISOString())).toBe(date.getTime());
        expect(parseDeviceTime(date.toISOString().slice(0, -1) + '999')).toBe(date.getTime());
      }),
    );
  });
});

describe('the identity of a record', () => {
  it('takes text and whole numbers as a miner id', () => {
    expect(rowOf({ miner_id: ' SN-1 ', online: true }).key).toBe('SN-1');
    expect(rowOf({ miner_id: 4711, online: true }).key).toBe('4711');
    expect(rowOf({ miner_id: 'x'.repeat(128), online: true }).key).toHaveLength(128);
  });

  it.each([
    undefined,
    null,
    '',
    '  ',
    'x'.repeat(129),
    'a\u0000b',
    'a\nb',
    '\ud800',
    1.5,
    NaN,
    true,
    {},
    ['a'],
  ])('refuses %j and never repairs it into another id', (minerId) => {
    expect(reasonOf({ miner_id: minerId, online: true })).toBe('INVALID_MINER_ID');
  });

  it('refuses what is no object', () => {
    for (const record of [null, 1, 'text', true, [], [{ miner_id: 'a' }]])
      expect(reasonOf(record)).toBe('NOT_AN_OBJECT');
  });

  it('keeps addresses only when they are some', () => {
    const row = (ip: unknown, mac: unknown): IngestRow =>
      rowOf({ miner_id: 'a', online: true, ip_address: ip, mac });
    expect(row('10.1.2.3', 'AA-BB-CC-00-11-22')).toMatchObject({ ip: '10.1.2.3', mac: 'aa:bb:cc:00:11:22' });
    expect(row('fe80::1', 'aabbcc001122')).toMatchObject({ ip: 'fe80::1', mac: 'aa:bb:cc:00:11:22' });
    expect(row('fe80::1%eth0', 'aa:bb')).toMatchObject({ ip: null, mac: null });
    expect(row('999.1.1.1', 7)).toMatchObject({ ip: null, mac: null });
    expect(row(undefined, undefined)).toMatchObject({ ip: null, mac: null });
  });
});

describe('the numbers of a record', () => {
  it('reads text and reads junk as unknown', () => {
    const hashrate = (value: unknown): number | null =>
      rowOf({ miner_id: 'a', online: true, hashrate_ghs: value }).hashrate_ghs;
    expect(hashrate(95123.12)).toBe(95123.12);
    expect(hashrate('95123.12')).toBe(95123.12);
    expect(hashrate('1e5')).toBe(100_000);
    expect(hashrate(0)).toBe(0);
    for (const junk of ['', ' ', 'n/a', '12 TH/s', '0x10', null, NaN, Infinity, -1, 1e300, {}, [1], true]) {
      expect(hashrate(junk)).toBeNull();
    }
    expect(hashrate(1e-40)).toBe(0);
  });

  it('cuts counters to whole numbers and drops those no column holds', () => {
    const shares = (value: unknown): number | null =>
      rowOf({ miner_id: 'a', online: true, accepted_shares: value }).accepted_shares;
    expect(shares(86400.9)).toBe(86400);
    expect(shares('12500')).toBe(12500);
    expect(shares(2 ** 31 + 5)).toBe(2 ** 31 + 5);
    expect(shares(2 ** 63)).toBeNull();
    expect(shares(-1)).toBeNull();
    const uptime = rowOf({ miner_id: 'a', online: true, uptime_seconds: 2 ** 31 }).uptime_seconds;
    expect(uptime).toBeNull();
  });

  it('drops counts and percentages mixed into sensors of other collectors', () => {
    const row = rowOf({
      miner_id: 'a',
      online: true,
      hashrate_ghs: 1,
      temperature_chips: [62, 3, 4, 0, 65, 'x', null, 68, 400],
      fan_speeds: [4, 5200, 100, '5300', null, 0, 5_000_000],
    });
    expect(row.temperature_chips).toEqual([62, 65, 68]);
    expect(row.fan_speeds).toEqual([5200, 5300, 0]);
  });

  it('keeps the sensors of our own pollers as they are', () => {
    const row = rowOf({
      miner_id: 'a',
      online: true,
      state: 'mining',
      temperature_chips: [4, 0, 65],
      fan_speeds: [null, 60],
      power_consumption: 0,
    });
    expect(row).toMatchObject({ temperature_chips: [4, 0, 65], fan_speeds: [null, 60], power_w: 0 });
  });

  it('reads the zeros other collectors send for unknown as unknown', () => {
    const row = rowOf({
      miner_id: 'a',
      online: true,
      hashrate_ghs: 5,
      temperature_avg: 0,
      temperature_max: 0,
      power_consumption: 0,
      efficiency: 0,
      hashrate_expected_ghs: 0,
    });
    expect(row).toMatchObject({
      temperature_avg: null,
      temperature_max: null,
      power_w: null,
      efficiency: null,
      hashrate_expected_ghs: null,
    });
  });
});

describe('state and health', () => {
  const mining = { miner_id: 'a', online: true, hashrate_ghs: 100_000, hashrate_expected_ghs: 100_000 };

  it('derives health from the numbers and keeps what was reported', () => {
    const row = rowOf({ ...mining, temperature_max: 99, overall_health: 'healthy' });
    expect(row).toMatchObject({ state: 'mining', health: 'critical', reported_health: 'healthy' });
    expect(rowOf({ ...mining, overall_health: 'critical' })).toMatchObject({ health: 'healthy' });
    expect(rowOf({ ...mining, hashrate_ghs: 80_000 }).health).toBe('warning');
    expect(rowOf({ ...mining, boards_total: 3, boards_healthy: 2 }).health).toBe('critical');
  });

  it('derives the state where the collector names none', () => {
    const state = (fields: object): string => rowOf({ miner_id: 'a', ...fields }).state;
    expect(state({ online: false })).toBe('unreachable');
    expect(state({ online: true, hashrate_ghs: 5 })).toBe('mining');
    expect(state({ online: true, hashrate_ghs: 0, hashrate_5s_ghs: 4 })).toBe('mining');
    expect(state({ online: true, hashrate_ghs: 0, uptime_seconds: 30 })).toBe('starting');
    expect(state({ online: true, hashrate_ghs: 0, uptime_seconds: 90_000 })).toBe('stopped');
    expect(state({ online: true, hashrate_ghs: 'NaN' })).toBe('parse_error');
    expect(state({ online: true, state: 'sleeping', hashrate_ghs: 0 })).toBe('sleeping');
    expect(state({ online: false, state: 'mining' })).toBe('unreachable');
    expect(state({ online: true, state: 'dancing', hashrate_ghs: 5 })).toBe('mining');
  });

  it('never calls a cut reply healthy', () => {
    const row = rowOf({ ...mining, state: 'mining', details: { truncated: ['stats'], device_errors: [] } });
    expect(row.health).toBe('warning');
  });

  it('keeps no readings of an offline miner', () => {
    const row = rowOf({
      ...mining,
      online: false,
      accepted_shares: 0,
      temperature_chips: [60],
      boards: [{ id: 0 }],
    });
    expect(row).toMatchObject({
      online: false,
      health: 'offline',
      hashrate_ghs: null,
      accepted_shares: null,
      temperature_chips: null,
      boards: null,
      boards_total: null,
    });
  });

  it('reads online as collectors write it and refuses what says nothing', () => {
    const online = (value: unknown): boolean => rowOf({ miner_id: 'a', online: value }).online;
    for (const yes of [true, 1, 'true', 'ONLINE']) expect(online(yes)).toBe(true);
    for (const no of [false, 0, 'false', 'offline']) expect(online(no)).toBe(false);
    expect(rowOf({ miner_id: 'a', hashrate_ghs: 5 }).online).toBe(true);
    for (const junk of ['maybe', 2, {}, undefined])
      expect(reasonOf({ miner_id: 'a', online: junk })).toBe('INVALID_ONLINE');
  });
});

describe('boards', () => {
  it('reads both shapes into one', () => {
    const specified = { id: 2, hashrate: 36_700, temp: 65, chips_ok: 76, chips_total: 76 };
    const seen = {
      board_index: 1,
      hashrate_ths: 36.7,
      temperature_c: 65,
      chips_total: 76,
      chips_failed: 6,
      health: 'ok',
    };
    const row = rowOf({
      miner_id: 'a',
      online: true,
      hashrate_ghs: 73_400,
      boards: [specified, 'junk', seen],
    });
    expect(row.boards).toMatchObject([
      { id: 2, hashrate: 36_700, temp: 65, chips_ok: 76, chips_total: 76, health: 'healthy' },
      { id: 1, hashrate: 36_700, temp: 65, chips_ok: 70, chips_total: 76, health: 'warning' },
    ]);
    expect(row).toMatchObject({
      board_hashrate_ghs: [36_700, 36_700],
      board_temp_c: [65, 65],
      board_chips_ok: [76, 70],
      boards_total: 2,
      boards_healthy: 1,
      health: 'warning',
    });
  });

  it('cuts a list no machine has', () => {
    const boards = Array.from({ length: 5_000 }, (_, id) => ({ id, hashrate: 1 }));
    expect(rowOf({ miner_id: 'a', online: true, boards }).boards).toHaveLength(32);
  });
});

describe('text', () => {
  it('loses control characters and lone surrogates, and is cut', () => {
    const row = rowOf({
      miner_id: 'a',
      online: true,
      model: 'S19\u0000 Pro\u001b[31m',
      worker_name: 'farm\ud800.1 😀',
      error_message: 'e'.repeat(5_000),
      pool_url: '',
    });
    expect(row).toMatchObject({ model: 'S19 Pro[31m', worker_name: 'farm.1 😀', pool_url: null });
    expect(row.error_message).toHaveLength(1_000);
  });

  it('keeps the lines of raw replies and bounds what details may hold', () => {
    const row = rowOf({
      miner_id: 'a',
      online: true,
      raw: { stats: '{\n"x":1}\u0000', bad: 5, big: 'y'.repeat(100_000) },
      details: JSON.parse('{"a":"b\\u0000","__proto__":{"x":1},"deep":[[[[[[[[1]]]]]]]]}') as unknown,
    });
    expect(row.raw?.['stats']).toBe('{\n"x":1}');
    expect(row.raw?.['bad']).toBeUndefined();
    expect(row.raw?.['big']).toHaveLength(65_536);
    expect(row.details).toEqual({ a: 'b', deep: [[[[[null]]]]] });
    const wide = rowOf({
      miner_id: 'a',
      online: true,
      details: { list: Array.from({ length: 50_000 }, () => 1) },
    });
    expect(JSON.stringify(wide.details).length).toBeLessThan(10_000);
  });
});

describe('any record at all', () => {
  const names = [
    'miner_id',
    'timestamp',
    'online',
    'state',
    'hashrate_ghs',
    'temperature_chips',
    'fan_speeds',
    'boards',
  ];
  const junk = fc.oneof(fc.anything(), fc.string({ unit: 'binary' }), fc.double(), fc.array(fc.anything()));
  const record = fc.dictionary(fc.oneof(fc.constantFrom(...names), fc.string()), junk).map((fields) => ({
    miner_id: 'a',
    online: true,
    ...fields,
  }));

  it('becomes a row of storable values or a reason from the list, and never throws', () => {
    fc.assert(
      fc.property(fc.oneof(record, fc.anything()), (value) => {
        const reading = read(value);
        if (reading.kind === 'rejected') expect(rejectReasons).toContain(reading.reason);
        else expectStorable(reading.row);
      }),
      { numRuns: 2_000 },
    );
  });
});

/** No NaN (JSON would silently write null), nothing PostgreSQL refuses in text. */
function expectStorable(value: unknown): void {
  if (typeof value === 'number') expect(Number.isFinite(value)).toBe(true);
  else if (typeof value === 'string') expect(value.replace(/[\n\r\t]/g, '')).not.toMatch(/[\p{Cc}\p{Cs}]/u);
  else if (typeof value === 'object' && value !== null) Object.values(value).forEach(expectStorable);
}
